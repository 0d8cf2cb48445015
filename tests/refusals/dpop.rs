//! Tokens that only the holder of a key may use.

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tower_parapet::{
    auth::{dpop::Dpop, revocation::Revocations},
    testing::{TestIssuer, TestToken},
};

use super::{Part, Refused};

static ISSUER: LazyLock<TestIssuer> =
    LazyLock::new(|| TestIssuer::new("https://issuer-4c1d.example").audience("audience-9c1e"));

static KEY: LazyLock<Key> = LazyLock::new(Key::new);

struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({ "crv": "P-256", "kty": "EC", "x": encode(x), "y": encode(y) })
    }

    fn thumbprint(&self) -> String {
        encode(digest(&SHA256, self.jwk().to_string().as_bytes()))
    }

    /// A proof for this token, with these claims in the place of the good ones.
    fn proof(&self, token: &str, change: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({
            "jti": encode(rand()), "htm": "GET", "htu": "https://api.example/orders", "iat": now,
            "ath": encode(digest(&SHA256, token.as_bytes())),
        });
        let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() });
        for (name, value) in change.as_object().unwrap() {
            let place = if header.get(name).is_some() { &mut header } else { &mut claims };
            place[name] = value.clone();
        }
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", encode(signature))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rand() -> [u8; 16] {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

pub(super) fn part() -> Part {
    let list = Revocations::default();
    let ended = list.revoke_session("https://issuer-4c1d.example", "session-51bb");
    futures_util::FutureExt::now_or_never(ended).unwrap().unwrap();
    let proofs = Dpop::required().origin("https://api.example").require_nonce();
    let tokens = ISSUER.jwt().check(list).sender_constrained(proofs);
    Part {
        name: "dpop",
        challenges: vec!["DPoP"],
        expires: true,
        join: Box::new(|builder| builder.authenticate(tokens)),
        refusals: refusals(),
    }
}

fn token() -> TestToken {
    ISSUER.token().subject("subject-7f3a").claim("cnf", json!({ "jkt": KEY.thumbprint() }))
}

fn sent(name: &'static str, code: &'static str, token: &str, proof: Option<String>) -> Refused {
    let parts = [token].into_iter().chain(proof.as_deref());
    let secret = parts.flat_map(|text| text.split('.').chain([text]));
    let secret = secret.filter(|part| part.len() > 7).map(str::to_owned).collect();
    let mut headers = vec![("authorization", format!("DPoP {token}"))];
    headers.extend(proof.map(|proof| ("dpop", proof)));
    Refused {
        name,
        headers,
        status: 401,
        code,
        guard: "dpop",
        secret,
        private: vec!["issuer-4c1d", "audience-9c1e", "subject-7f3a", "session-51bb", "elsewhere"],
        has_cause: true,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    let good = token().sign();
    let unbound = ISSUER.token().subject("subject-7f3a").sign();
    let proof = |change: Value| Some(KEY.proof(&good, change));
    let flawed = |name, change: Value| sent(name, "invalid-proof", &good, proof(change));
    let by_jwt = |name, code, token: String| {
        let proof = Some(KEY.proof(&token, json!({})));
        Refused { guard: "jwt", ..sent(name, code, &token, proof) }
    };
    let old = SystemTime::now() - Duration::from_secs(3600);
    let old = old.duration_since(UNIX_EPOCH).unwrap().as_secs();
    let missing = Refused {
        headers: Vec::new(),
        guard: "authenticate",
        has_cause: false,
        ..sent("none", "missing-credentials", "", None)
    };
    let revoked = token().claim("sid", "session-51bb").sign();
    let revoked = Refused {
        guard: "revocations",
        ..sent("revoked", "revoked-credentials", &revoked, Some(KEY.proof(&revoked, json!({}))))
    };
    let as_bearer = Refused {
        headers: vec![("authorization", format!("Bearer {good}"))],
        ..sent("as bearer", "invalid-credentials", &good, None)
    };
    let twice = |refused: Refused| {
        let proof = refused.headers[1].clone();
        Refused { headers: [refused.headers, vec![proof]].concat(), ..refused }
    };
    vec![
        missing,
        by_jwt("other key", "invalid-credentials", token().foreign().sign()),
        by_jwt("other audience", "invalid-credentials", token().audience("elsewhere").sign()),
        by_jwt("expired", "expired-credentials", token().expired().sign()),
        revoked,
        as_bearer,
        sent("unbound", "invalid-credentials", &unbound, Some(KEY.proof(&unbound, json!({})))),
        sent(
            "another's key",
            "invalid-credentials",
            &good,
            Some(Key::new().proof(&good, json!({}))),
        ),
        sent("no proof", "invalid-proof", &good, None),
        twice(sent("two proofs", "invalid-proof", &good, proof(json!({})))),
        sent("no proof at all", "invalid-proof", &good, Some("hunter22hunter22".to_owned())),
        flawed("type", json!({ "typ": "elsewhere" })),
        flawed("algorithm", json!({ "alg": "elsewhere" })),
        flawed("method", json!({ "htm": "elsewhere" })),
        flawed("place", json!({ "htu": "https://elsewhere.example/orders" })),
        flawed("other token", json!({ "ath": "elsewhere" })),
        flawed("old", json!({ "iat": old })),
        sent("no nonce", "nonce-required", &good, proof(json!({}))),
        sent("stale nonce", "nonce-required", &good, proof(json!({ "nonce": "elsewhere" }))),
    ]
}
