//! What a remembered token costs.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{alloc::System, convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, routing::post};
use http::{HeaderName, HeaderValue, Request, Response, header::AUTHORIZATION};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service};
use tower_parapet::{
    Exchange, Introspection, Principal, Rejection,
    auth::{Attempt, Authenticate, Scheme},
    remote::Remote,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A scheme that knows everybody, to compare with.
struct Known(Principal);

impl Scheme for Known {
    fn name(&self) -> &'static str {
        "known"
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&AUTHORIZATION)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(AUTHORIZATION)
    }

    fn authenticate(&self, _: &mut Exchange) -> Result<Attempt, Rejection> {
        Ok(Attempt::Verified(self.0.clone()))
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![HeaderValue::from_static("Bearer")]
    }
}

fn request() -> Request<Body> {
    let request = Request::get("/").header(AUTHORIZATION, "Bearer 2YotnFZFEjr1zCsicMWpAA");
    let peer = ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9)));
    request.extension(peer).body(Body::empty()).unwrap()
}

/// The allocations of one admitted request, once all is warm.
async fn allocations(schemes: Authenticate) -> usize {
    let admit = |_: Request<tower_parapet::Body>| async {
        Ok::<_, Infallible>(Response::new(tower_parapet::Body::empty()))
    };
    let mut service = schemes.layer(tower::service_fn(admit));
    for _ in 0..3 {
        assert_eq!(service.call(request()).await.unwrap().status(), 200);
    }
    let asked = request();
    let region = Region::new(ALLOCATOR);
    let answer = service.call(asked).await.unwrap();
    let change = region.change();
    assert_eq!(answer.status(), 200);
    change.allocations
}

#[test]
fn a_remembered_token_allocates_no_more_than_a_scheme_that_knows_everybody() {
    let provider = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The provider answers on this very thread, and is idle by the time that is measured.
    provider.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let body = Arc::new(r#"{"active":true,"sub":"alice","aud":"orders","scope":"a b"}"#);
        let answer = move || {
            let body = body.to_string();
            async move { ([("content-type", "application/json")], body) }
        };
        let app = Router::new().route("/introspect", post(answer));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let remote = Remote::builder().no_proxy().timeout(Duration::from_secs(30)).build();
        let tokens = Introspection::builder()
            .issuer("https://id.example")
            .endpoint(format!("http://{address}/introspect"))
            .client_id("orders")
            .client_secret("x")
            .audience("orders")
            .with_remote(remote.unwrap())
            .build()
            .unwrap();
        let known = Principal::builder("https://id.example", "alice").build();
        let least = allocations(Authenticate::with(Known(known))).await;
        assert_eq!(allocations(Authenticate::with(tokens)).await, least);
    });
}
