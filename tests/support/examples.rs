//! The stacks of the examples, from their very sources.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary looks at its own stacks, and at nothing else"
)]

use tower_parapet::{JsonLines, Parapet, Redis, auth::api_key::MemoryKeys};

#[path = "../../examples/custom_guard.rs"]
mod custom_guard;
#[path = "../../examples/distributed.rs"]
mod distributed;
#[path = "../../examples/grpc.rs"]
mod grpc;
#[path = "../../examples/hyper.rs"]
mod hyper;
#[path = "../../examples/oidc.rs"]
mod oidc;
#[path = "../../examples/quickstart.rs"]
mod quickstart;
#[path = "../../examples/websocket.rs"]
mod websocket;

/// The public key of RFC 8037, appendix A.2.
pub const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// Each example with the stack it runs behind. Whoever the one of OpenID Connect asks is not there: who has no token
/// gets nowhere all the same.
pub fn all() -> [(&'static str, Parapet); 6] {
    [
        ("quickstart", quickstart()),
        ("hyper", hyper()),
        ("custom_guard", custom_guard::parapet().unwrap()),
        ("grpc", grpc::parapet(MemoryKeys::new()).unwrap()),
        ("oidc", oidc::parapet("http://127.0.0.1:4000", "a secret").unwrap()),
        ("websocket", websocket::parapet(KEYS.to_owned()).unwrap()),
    ]
}

pub fn quickstart() -> Parapet {
    let stderr = JsonLines::builder().stderr();
    quickstart::parapet(KEYS.to_owned(), MemoryKeys::new(), stderr).unwrap()
}

/// The one that begins with a drill of its own, and says only then where it listens.
pub fn distributed() -> Parapet {
    let redis = Redis::builder("redis://127.0.0.1:1").build().unwrap();
    distributed::parapet(redis, JsonLines::builder().stderr()).unwrap()
}

pub fn hyper() -> Parapet {
    hyper::parapet(MemoryKeys::new()).unwrap()
}
