//! Tokens that are verified in process.

use std::sync::LazyLock;

use futures_util::FutureExt;
use serde_json::json;
use tower_parapet::{
    ParapetBuilder,
    auth::revocation::Revocations,
    testing::{TestIssuer, TestToken},
};

use super::{Part, Refused};

pub(super) fn part() -> Part {
    Part {
        name: "jwt",
        challenges: vec!["Bearer"],
        expires: true,
        join: Box::new(join),
        refusals: refusals(),
    }
}

static ISSUER: LazyLock<TestIssuer> =
    LazyLock::new(|| TestIssuer::new("https://issuer-4c1d.example").audience("audience-9c1e"));

/// Of which everything is on the list that was issued for one subject.
static REVOCATIONS: LazyLock<Revocations> = LazyLock::new(|| {
    let list = Revocations::default();
    for revoked in [
        list.revoke_session("https://issuer-4c1d.example", "session-51bb").now_or_never(),
        list.revoke_identity("https://issuer-4c1d.example", "subject-gone").now_or_never(),
    ] {
        revoked.unwrap().unwrap();
    }
    list
});

fn join(builder: ParapetBuilder) -> ParapetBuilder {
    builder.authenticate(ISSUER.jwt().check(REVOCATIONS.clone()))
}

fn token() -> TestToken {
    ISSUER.token().subject("subject-7f3a")
}

fn bearer(name: &'static str, code: &'static str, token: String) -> Refused {
    // Of a token that is none, all of it is the credential.
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let secret = parts.iter().chain([&token]).filter(|part| part.len() > 7).cloned().collect();
    Refused {
        name,
        headers: vec![("authorization", format!("Bearer {token}"))],
        status: 401,
        code,
        guard: "jwt",
        secret,
        private: vec![
            "issuer-4c1d",
            "audience-9c1e",
            "subject-7f3a",
            "session-51bb",
            "elsewhere-77",
            "kid-2b9f",
            ISSUER.key_id(),
        ],
        has_cause: true,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    let invalid = |name, token: TestToken| bearer(name, "invalid-credentials", token.sign());
    let text = |name, token: &str| bearer(name, "invalid-credentials", token.to_owned());
    let good = token().sign();
    let missing = Refused {
        name: "none",
        headers: Vec::new(),
        guard: "authenticate",
        has_cause: false,
        ..bearer("", "missing-credentials", String::new())
    };
    let twice = Refused {
        name: "twice",
        headers: vec![
            ("authorization", format!("Bearer {good}")),
            ("authorization", format!("Bearer {good}")),
        ],
        status: 400,
        guard: "authenticate",
        has_cause: false,
        ..bearer("", "ambiguous-credentials", good.clone())
    };
    let revoked = |name, token: TestToken| Refused {
        guard: "revocations",
        ..bearer(name, "revoked-credentials", token.sign())
    };
    let outliving = Refused {
        guard: "revocations",
        has_cause: false,
        ..invalid("outlives the list", token().expires_in(std::time::Duration::from_secs(90_000)))
    };
    vec![
        missing,
        twice,
        text("empty", ""),
        text("no token", "hunter22hunter22"),
        text("cut", &good[..good.len() - 30]),
        text("five parts", &format!("{good}.{}.{}", "c".repeat(40), "d".repeat(40))),
        text("too long", &format!("{}{good}", "a".repeat(9_000))),
        text("not base64url", "this=is=the=header.this=is=the=payload.this=is=the=signature"),
        invalid("other key", token().foreign()),
        invalid("unknown key", token().key_id("kid-2b9f")),
        invalid("not signed", token().unsigned()),
        invalid("symmetric", token().header("alg", "HS256")),
        invalid("unknown algorithm", token().header("alg", "algorithm-31")),
        invalid("type", token().header("typ", "dpop+jwt")),
        invalid("critical", token().header("crit", json!(["elsewhere-77"]))),
        invalid("issuer", token().claim("iss", "https://elsewhere-77.example")),
        invalid("audience", token().audience("elsewhere-77")),
        invalid("no audience", token().without("aud")),
        invalid("no end", token().without("exp")),
        invalid("end is no time", token().claim("exp", "elsewhere-77")),
        invalid("not yet", token().not_yet()),
        invalid("no subject", token().without("sub")),
        invalid("scopes", token().claim("scope", json!({ "elsewhere-77": 1 }))),
        invalid("id token", token().claim("at_hash", "elsewhere-77")),
        invalid("logout token", token().claim("events", json!({ "elsewhere-77": {} }))),
        invalid("bound", token().claim("cnf", json!({ "jkt": "elsewhere-77" }))),
        outliving,
        bearer("expired", "expired-credentials", token().expired().sign()),
        revoked("session ended", token().claim("sid", "session-51bb")),
        revoked("identity revoked", token().subject("subject-gone")),
    ]
}
