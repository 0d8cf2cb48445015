//! A stack with every concern on, and with guards that wait, answer and panic.

use std::{borrow::Cow, time::Duration};

use axum::{Router, response::IntoResponse, routing::any};
use bytes::Bytes;
use http::{Response, StatusCode};
use tower_parapet::{
    ApiKeys, Body, Exchange, Flow, Guard, Guarded, IpFilter, JsonSchema, Key, Parapet, Peer, Phase,
    Policy, Reason, Rejection, Throttle,
    auth::api_key::{ApiKey, MemoryKeys},
    clock::ManualClock,
    compose::Shadow,
    scope,
    throttle::Count,
    validate::MediaTypes,
};

use super::token;

const SCHEMA: &str = r#"{
    "type": "object",
    "required": ["item"],
    "properties": { "item": { "type": "string" }, "count": { "type": "integer", "minimum": 1 } }
}"#;

pub(crate) const NOW: u64 = 1_800_000_000;

/// Does what a header asks for, at its place in the order.
struct Whim;

impl Guard for Whim {
    fn name(&self) -> &'static str {
        "whim"
    }
    fn phase(&self) -> Phase {
        Phase::Version
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let whim = exchange.headers().get("x-whim").map(|whim| whim.as_bytes().to_vec());
        match whim.as_deref() {
            Some(b"answer") => {
                let mut response = Response::new(Body::from("answered"));
                *response.status_mut() = StatusCode::ACCEPTED;
                Ok(Flow::respond(response))
            }
            Some(b"panic") => panic!("as asked"),
            Some(whim @ (b"wait" | b"wait-and-refuse")) => {
                let refuse = whim == b"wait-and-refuse";
                Ok(Flow::suspend(move |exchange| {
                    Box::pin(async move {
                        tokio::task::yield_now().await;
                        exchange.note("waited", "yes");
                        match refuse {
                            true => Err(Rejection::new(Reason::Unavailable).found("a whim")),
                            false => Ok(Flow::Continue),
                        }
                    })
                }))
            }
            _ => Ok(Flow::Continue),
        }
    }
    fn summary(&self) -> Cow<'static, str> {
        "does as it is told".into()
    }
}

pub(crate) struct Stack {
    pub(crate) parapet: Parapet,
    pub(crate) service: Guarded<Router>,
    pub(crate) clock: ManualClock,
    pub(crate) keys: Vec<String>,
}

pub(crate) fn stack() -> Stack {
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    let store = MemoryKeys::new();
    let issued = ApiKey::generate("orders").unwrap();
    let expired = ApiKey::generate("orders").unwrap();
    store.insert(issued.stored().owner("acme").scope("orders:read").build().unwrap());
    let ended = expired.stored().owner("old").expires_at(Duration::from_secs(NOW - 1));
    store.insert(ended.build().unwrap());
    let guesses = Throttle::per_second(2).burst(5).by(Key::ClientNet).named("guesses");
    let parapet = Parapet::builder()
        .with_clock(clock.clone())
        .peer(Peer::Extension)
        .trusted_proxies("10.0.0.0/24")
        .hosts(["api.example"])
        .ip(IpFilter::builder().deny("203.0.113.66"))
        // Fewer buckets than clients, so that the shared one comes into play.
        .throttle(Throttle::per_second(20).burst(10).max_keys(8).named("net"))
        .throttle(Throttle::per_second(60).burst(60).by(Key::Principal).named("caller"))
        .throttle(guesses.counting(Count::ForgedCredentials))
        .guard(Shadow::of(Throttle::per_second(1).named("trial")).unwrap())
        .guard(Whim)
        .guard(MediaTypes::builder().allow_json().build().unwrap())
        .authenticate(token::jwt())
        .authenticate(ApiKeys::builder(store))
        .validate(JsonSchema::for_route("POST /orders", SCHEMA))
        .public("GET /catalogue", "shop window")
        .route("/notes", Policy::optional().body_limit(32))
        .route("/admin/{*rest}", Policy::require(scope("admin")))
        .route(
            "/slow",
            Policy::authenticated().throttle(Throttle::per_second(1).by(Key::Route).named("slow")),
        )
        .build()
        .unwrap();
    let handler = any(async |body: Bytes| {
        ([("x-handled", "yes")], format!("{} bytes", body.len())).into_response()
    });
    let router = Router::new().fallback_service(handler);
    let service = parapet.protect(router);
    let keys = [issued, expired].iter().map(|key| key.text().expose().to_owned()).collect();
    Stack { parapet, service, clock, keys }
}
