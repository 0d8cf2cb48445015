//! Opaque tokens, about which the issuer is asked.

use http::Response;
use serde_json::{Value, json};
use tower_parapet::{Introspection, remote::Remote};

use super::{
    Part, Refused,
    authority::{self, Asked, Authority},
};

/// What the provider says of a token, by what the token begins with.
fn reply(asked: &Asked) -> Response<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut answer = json!({
        "active": true, "iss": "https://issuer-4c1d.example", "sub": "subject-7f3a",
        "aud": "audience-9c1e", "exp": now + 600, "iat": now, "client_id": "client-71aa",
    });
    let mut set = |name: &str, value: Value| answer[name] = value;
    match asked.field("token").unwrap().split('-').next().unwrap() {
        "audience" => set("aud", "elsewhere-77".into()),
        "issuer" => set("iss", "https://elsewhere-77.example".into()),
        "bound" => set("cnf", json!({ "jkt": "elsewhere-77" })),
        "early" => set("nbf", (now + 600).into()),
        "late" => set("exp", (now - 600).into()),
        "nobody" => set("sub", 7.into()),
        "broken" => return Response::new("elsewhere-77".to_owned()),
        "down" => return authority::json(500, json!({ "elsewhere-77": 1 })),
        _ => answer = json!({ "active": false, "sub": "subject-7f3a" }),
    }
    authority::json(200, answer)
}

pub(super) async fn part() -> Part {
    let provider = Authority::start(reply).await;
    let tokens = Introspection::builder()
        .issuer("https://issuer-4c1d.example")
        .endpoint(provider.url("/introspect"))
        .client_id("orders")
        .client_secret("client-secret-5d0b")
        .audience("audience-9c1e")
        .with_remote(Remote::builder().no_proxy().build().unwrap());
    Part {
        name: "introspection",
        challenges: vec!["Bearer"],
        expires: true,
        join: Box::new(|builder| builder.authenticate(tokens)),
        refusals: refusals(),
    }
}

fn bearer(name: &'static str, code: &'static str, token: &str) -> Refused {
    Refused {
        name,
        headers: vec![("authorization", format!("Bearer {token}"))],
        status: 401,
        code,
        guard: "introspection",
        secret: [token, "client-secret-5d0b"]
            .into_iter()
            .filter(|secret| secret.len() > 7)
            .map(str::to_owned)
            .collect(),
        private: vec![
            "issuer-4c1d",
            "audience-9c1e",
            "subject-7f3a",
            "client-71aa",
            "elsewhere-77",
            "127.0.0.1",
        ],
        has_cause: true,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    let invalid = |name, token: &str| bearer(name, "invalid-credentials", token);
    let unavailable =
        |name, token: &str| Refused { status: 503, ..bearer(name, "unavailable", token) };
    let missing = Refused {
        headers: Vec::new(),
        guard: "authenticate",
        has_cause: false,
        ..bearer("none", "missing-credentials", "")
    };
    vec![
        missing,
        invalid("empty", ""),
        invalid("too long", &"a".repeat(9_000)),
        invalid("characters", "hunter22 hunter22"),
        invalid("a jwt", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"),
        invalid("unknown", "unknown-1f0c9d3b7a"),
        invalid("remembered as unknown", "unknown-1f0c9d3b7a"),
        invalid("audience", "audience-1f0c9d3b7a"),
        invalid("issuer", "issuer-1f0c9d3b7a"),
        invalid("bound", "bound-1f0c9d3b7a"),
        invalid("early", "early-1f0c9d3b7a"),
        invalid("nobody", "nobody-1f0c9d3b7a"),
        bearer("late", "expired-credentials", "late-1f0c9d3b7a"),
        unavailable("no answer", "broken-1f0c9d3b7a"),
        unavailable("down", "down-1f0c9d3b7a"),
    ]
}
