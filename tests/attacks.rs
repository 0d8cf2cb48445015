//! Attacks on what several concerns do together: schemes side by side, stores that fail, claims that
//! only a body proves, and texts that must not tell secrets. Each sentence is what stands.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![allow(unreachable_pub, reason = "modules of a test")]

#[path = "support/authority.rs"]
mod authority;
#[path = "attacks/bodies.rs"]
mod bodies;
#[path = "attacks/certificates.rs"]
mod certificates;
#[path = "dpop/client.rs"]
mod client;
#[path = "attacks/keys.rs"]
mod keys;
#[path = "attacks/nonsense.rs"]
mod nonsense;
#[path = "attacks/outgoing.rs"]
mod outgoing;
#[path = "attacks/places.rs"]
mod places;
#[path = "attacks/secrets.rs"]
mod secrets;
#[path = "attacks/stores.rs"]
mod stores;
mod support;
#[path = "attacks/throttle.rs"]
mod throttle;
#[path = "attacks/tokens.rs"]
mod tokens;

use axum::{
    Router,
    routing::{any, get},
};
use http::{Request, Response};
use support::Records;
use tower::ServiceExt;
use tower_parapet::{
    Body, Guarded, Parapet, ParapetBuilder, Peer, Policy, Principal, Record,
    testing::{TestRequest, TestResponse},
};

/// A service, the attacker on its own machine, and what the operator reads.
#[derive(Clone)]
struct House {
    parapet: Parapet,
    records: Records,
    app: Guarded<Router>,
}

fn stack() -> ParapetBuilder {
    Parapet::builder().peer(Peer::ConnectInfo)
}

impl House {
    fn of(stack: ParapetBuilder) -> Self {
        let records = Records::default();
        let parapet = stack
            .public("GET /open", "these tests")
            .route("/maybe", Policy::optional())
            .observe(records.clone())
            .build()
            .unwrap();
        let who = async |caller: Option<Principal>| {
            caller.map_or_else(|| "nobody".to_owned(), |caller| caller.subject().to_owned())
        };
        let router = Router::new()
            .route("/in", any(who))
            .route("/open", get(async || "open"))
            .route("/maybe", get(who))
            .route("/hook", any(who));
        let app = parapet.protect(router);
        Self { parapet, records, app }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let request = request.host("api.example").peer(([127, 0, 0, 1], 50_000));
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// The status and the reason's code, or what the handler said.
    async fn says(&self, request: Request<Body>) -> (u16, String) {
        let response = self.send(request).await;
        let status = response.status().as_u16();
        let code = response.rejection().map(|refusal| refusal.reason().code().to_owned());
        let text = response.text().await.unwrap();
        (status, code.unwrap_or(text))
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        self.says(request("GET", path, headers)).await
    }

    /// The record of the only request so far.
    fn only_record(&self) -> Record {
        let mut records = self.records.wait_for(1);
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn is(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}
