use std::{sync::LazyLock, time::Duration};

use aws_lc_rs::{
    digest,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::{
    NOW,
    jws::{SECRET, by_secret, encode, sign, two_parts},
};
use crate::{
    Answer, Exchange,
    auth::{
        Attempt, Scheme, StoreError,
        dpop::Dpop,
        jwt::{Algorithm, Jwt},
        replay::{ReplayKey, ReplayStore},
    },
    clock::ManualClock,
};

/// The key of RFC 8037, appendix A.1, whose thumbprint is in A.3.
const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    let seed = URL_SAFE_NO_PAD.decode(SEED).expect("a seed");
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key")
});

/// A bound token, and its hash.
static TOKEN: LazyLock<(HeaderValue, String)> = LazyLock::new(|| {
    let claims = json!({
        "iss": "https://id.example", "sub": "alice", "aud": "orders", "exp": NOW + 600,
        "cnf": {"jkt": THUMBPRINT},
    });
    let token = by_secret(br#"{"alg":"HS256"}"#, claims.to_string().as_bytes());
    let value = HeaderValue::try_from(format!("DPoP {token}")).expect("a header");
    (value, encode(digest::digest(&digest::SHA256, token.as_bytes())))
});

/// Replays are for other tests: here each proof is judged as if it were the first.
struct Forgetful;

impl ReplayStore for Forgetful {
    fn consume(&self, _: ReplayKey, _: Duration, _: Duration) -> Answer<Result<bool, StoreError>> {
        Answer::Now(Ok(true))
    }
}

static JWT: LazyLock<Jwt> = LazyLock::new(|| {
    let dpop = Dpop::required().origin("https://api.example").with_store(Forgetful);
    let jwt = Jwt::builder().issuer("https://id.example").audience("orders");
    let jwt = jwt.dangerous().shared_secret(Algorithm::Hs256, SECRET);
    jwt.sender_constrained(dpop).build().expect("a scheme")
});

/// A DPoP proof: as it is, which the holder of the key did not sign; or, where it has two lines, a
/// header and claims that the holder signs. `$ath` in the claims stands for the hash of the token.
pub fn proof(bytes: &[u8]) -> bool {
    let Some((header, claims)) = two_parts(bytes) else {
        assert!(!is_taken(bytes), "taken without a signature");
        return false;
    };
    let Ok(claims) = str::from_utf8(claims) else { return false };
    let claims = claims.replace("$ath", &TOKEN.1);
    let proof = sign(header, claims.as_bytes(), |signed| encode(KEY.sign(signed)));
    let is_taken = is_taken(proof.as_bytes());
    if is_taken {
        judge(header, claims.as_bytes());
    }
    is_taken
}

fn is_taken(proof: &[u8]) -> bool {
    let request = Request::get("/orders").header("dpop", proof);
    let Ok(request) = request.header(AUTHORIZATION, TOKEN.0.clone()).body(()) else {
        return false;
    };
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    matches!(JWT.authenticate(&mut Exchange::test(request, clock)), Ok(Attempt::Verified(_)))
}

fn judge(header: &[u8], claims: &[u8]) {
    let header: Value = serde_json::from_slice(header).expect("a header in JSON");
    assert_eq!(header.get("typ"), Some(&Value::from("dpop+jwt")));
    assert!(header.get("crit").is_none(), "`crit` was read past");
    let jwk = header.get("jwk").expect("a key");
    assert_eq!(jwk.get("x"), Some(&Value::from(encode(KEY.public_key()))), "another key");
    assert!(jwk.get("d").is_none(), "a private key was taken");

    let claims: Value = serde_json::from_slice(claims).expect("claims in JSON");
    let text = |name| claims.get(name).and_then(Value::as_str).expect("a text");
    assert_eq!((text("htm"), text("ath")), ("GET", &*TOKEN.1));
    assert!(!text("jti").is_empty());
    let uri = text("htu").to_ascii_lowercase();
    assert!(uri.starts_with("https://api.example"), "{uri}");
    let issued = claims.get("iat").and_then(Value::as_f64).expect("a time");
    assert!(((NOW - 301) as f64..=(NOW + 31) as f64).contains(&issued), "{issued}");
}
