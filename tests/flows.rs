//! What looks at several requests of a caller together, over real connections.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use support::{Records, caller::ByName, request, serve};
use tower_parapet::{
    Key, Parapet, ParapetBuilder, Peer, Policy, Throttle,
    clock::ManualClock,
    throttle::{
        BusinessFlow, Enumeration,
        enumeration::{Outcomes, Refusing},
    },
};

struct Service {
    address: SocketAddr,
    records: Records,
}

async fn service(configure: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Service {
    let records = Records::default();
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .with_clock(ManualClock::default())
        .guard(ByName::default())
        .route("/shop/{id}", Policy::optional())
        .observe(records.clone());
    let stack = configure(stack).build().unwrap();
    let order = |Path(id): Path<u64>| async move {
        if id < 1_000 { Ok(id.to_string()) } else { Err(StatusCode::NOT_FOUND) }
    };
    let router = Router::new()
        .route("/orders/{id}", get(order))
        .route("/shop/{id}", get(order))
        .route("/basket", post(async || "in"))
        .route("/checkout", post(async || "out"));
    Service { address: serve(stack.protect(router)).await, records }
}

impl Service {
    async fn ask(&self, method: &str, path: &str, caller: Option<&str>) -> support::Answer {
        let token = caller.map(|caller| format!("Bearer {caller}"));
        let headers: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
        request(self.address, method, path, &headers, b"").await
    }

    async fn get(&self, path: &str, caller: &str) -> u16 {
        self.ask("GET", path, Some(caller)).await.status
    }

    fn notes(&self, requests: usize, key: &str) -> Vec<String> {
        let records = self.records.wait_for(requests);
        let notes = records.iter().flat_map(|record| record.notes.clone());
        notes.filter(|(known, _)| *known == key).map(|(_, value)| value.into_owned()).collect()
    }
}

#[tokio::test]
async fn who_walks_through_ids_is_found_and_who_reads_the_same_ones_is_not() {
    let orders = Enumeration::named("orders").routes(["GET /orders/{id}"]).at_most(50);
    let service = service(|stack| stack.enumeration(orders)).await;
    for round in 0..4 {
        for id in 0..50 {
            assert_eq!(service.get(&format!("/orders/{id}"), "ada").await, 200);
        }
        assert!(service.notes((round + 1) * 50, "enumeration").is_empty());
    }
    for id in 0..60 {
        assert_eq!(service.get(&format!("/orders/{id}"), "eve").await, 200);
    }
    assert_eq!(service.notes(260, "enumeration"), ["orders: 51 objects within 3600 s"]);
    assert_eq!(service.notes(260, "reported"), ["enumeration"]);
}

#[tokio::test]
async fn who_guesses_ids_gets_no_more_of_them_and_keeps_what_was_found() {
    let guesses = Enumeration::named("guesses")
        .routes(["/orders/{id}", "/shop/{id}"])
        .counting(Outcomes::All)
        .at_most(10)
        .within(Duration::from_secs(600))
        .refusing(Refusing::Unseen);
    let service = service(|stack| stack.enumeration(guesses)).await;
    for id in 0..5 {
        assert_eq!(service.get(&format!("/orders/{id}"), "eve").await, 200);
        assert_eq!(service.get(&format!("/orders/{}", 5_000 + id), "eve").await, 404);
    }
    let refused = service.ask("GET", "/orders/77", Some("eve")).await;
    assert_eq!((refused.status, refused.code()), (429, "rate-limited".into()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((600..=751).contains(&wait), "{wait}");
    assert_eq!(service.get("/shop/1", "eve").await, 429);
    assert_eq!(service.get("/orders/3", "eve").await, 200);
    assert_eq!(service.get("/orders/77", "ada").await, 200);
    // Who is nobody is known by network, here all of the tests'.
    for id in 0..10 {
        assert_eq!(service.ask("GET", &format!("/shop/{id}"), None).await.status, 200);
    }
    assert_eq!(service.ask("GET", "/shop/10", None).await.status, 429);
    // What is refused before the handler runs does not count.
    for id in 0..20 {
        assert_eq!(service.ask("GET", &format!("/orders/{id}"), None).await.status, 429);
    }
}

#[tokio::test]
async fn strangers_who_are_refused_use_up_nothing() {
    let orders = Enumeration::named("orders")
        .routes(["/orders/{id}", "/shop/{id}"])
        .counting(Outcomes::All)
        .at_most(5)
        .refusing(Refusing::Everything);
    let service = service(|stack| stack.enumeration(orders)).await;
    for id in 0..20 {
        assert_eq!(service.ask("GET", &format!("/orders/{id}"), None).await.status, 401);
    }
    assert_eq!(service.ask("GET", "/shop/1", None).await.status, 200);
}

#[tokio::test]
async fn the_routes_of_a_flow_share_a_limit_by_caller() {
    let checkout = BusinessFlow::named("checkout")
        .routes(["POST /basket", "POST /checkout"])
        .at_most(Throttle::per_hour(4).by(Key::Principal));
    let service = service(|stack| stack.business_flow(checkout)).await;
    for path in ["/basket", "/checkout", "/basket", "/checkout"] {
        assert_eq!(service.ask("POST", path, Some("eve")).await.status, 200);
    }
    for path in ["/basket", "/checkout"] {
        let refused = service.ask("POST", path, Some("eve")).await;
        assert_eq!((refused.status, refused.code()), (429, "rate-limited".into()));
        assert_eq!(refused.header("ratelimit-policy"), Some("\"checkout-per-hour\";q=4;w=3600"));
    }
    assert_eq!(service.ask("POST", "/basket", Some("ada")).await.status, 200);
    assert_eq!(service.get("/orders/1", "eve").await, 200);
    let records = service.records.wait_for(8);
    let guard = records.iter().filter_map(|record| record.rejection.as_ref()?.guard());
    assert_eq!(guard.collect::<Vec<_>>(), ["business-flow"; 2]);
}
