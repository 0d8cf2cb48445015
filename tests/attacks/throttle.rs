//! Ways around a limit, and ways to have somebody else pay for it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::StatusCode, response::IntoResponse, routing::post};
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use serde_json::json;
use tower::ServiceExt;
use tower_parapet::{
    Bans, Body, Key, Policy, Principal, Throttle,
    auth::{jwt::ClaimMap, webhook::Webhook},
    clock::ManualClock,
    context::Priority,
    idempotency::{Idempotency, MemoryResponses},
    observe::Signal,
    testing::{TestIssuer, TestRequest, TestResponse},
    throttle::Concurrency,
};

use super::{House, bodies::delivery, is, request, stack};

const HOUR: Duration = Duration::from_secs(3_600);

fn from(peer: &str, request: Request<Body>) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.host("api.example").peer(peer)
}

impl House {
    async fn status(&self, peer: &str, request: Request<Body>) -> u16 {
        let app = self.app.clone();
        app.oneshot(from(peer, request)).await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn no_spelling_of_a_request_has_a_bucket_of_its_own() {
    let house = House::of(stack().throttle(Throttle::per_hour(1).by(Key::ClientNet)));
    let peer = "192.0.2.1:50000";
    assert_eq!(house.status(peer, request("GET", "/open", &[])).await, 200);
    for (method, path, headers) in [
        ("HEAD", "/open", &[][..]),
        ("GET", "/%6fpen", &[]),
        ("GET", "/open/", &[]),
        ("GET", "/open?again", &[]),
        ("OPTIONS", "/open", &[]),
        ("POST", "/open", &[("x-http-method-override", "GET")]),
        ("GET", "/open", &[("x-forwarded-for", "198.51.100.7")]),
        ("GET", "/open", &[("forwarded", "for=198.51.100.7"), ("x-real-ip", "198.51.100.7")]),
    ] {
        for peer in [peer, "192.0.2.1:50001", "[::ffff:192.0.2.1]:50000"] {
            let status = house.status(peer, request(method, path, headers)).await;
            assert!(
                matches!(status, 429 | 404 | 405 | 400),
                "{method} {path} {headers:?}: {status}"
            );
            assert_ne!(status, 200, "{method} {path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn tokens_that_somebody_forged_use_up_nothing_of_whom_they_name() {
    let (issuer, forger) = (TestIssuer::default(), TestIssuer::default());
    let limits = stack()
        .authenticate(issuer.jwt())
        .throttle(Throttle::per_hour(1).by(Key::Principal))
        .concurrency(Concurrency::at_most(1).by(Key::Principal));
    let house = House::of(limits);
    let of = |issuer: &TestIssuer| format!("Bearer {}", issuer.token().sign());
    for _ in 0..20 {
        assert_eq!(house.get("/in", &[("authorization", &of(&forger))]).await.0, 401);
    }
    assert_eq!(house.get("/in", &[("authorization", &of(&issuer))]).await.0, 200);
    assert_eq!(house.get("/in", &[("authorization", &of(&issuer))]).await.0, 429);
}

#[tokio::test]
async fn what_a_client_says_of_its_own_cost_is_nothing() {
    let house = House::of(stack().throttle(Throttle::per_hour(10).cost(5).settle_by("x-cost")));
    for _ in 0..2 {
        let asked = request("GET", "/open", &[("x-cost", "0")]);
        assert_eq!(house.status("192.0.2.1:1", asked).await, 200);
    }
    for cost in ["0", "-5", "4294967295", "-9223372036854775808"] {
        let asked = request("GET", "/open", &[("x-cost", cost)]);
        assert_eq!(house.status("192.0.2.1:1", asked).await, 429, "{cost}");
    }
}

#[tokio::test]
async fn a_head_costs_what_its_get_costs_also_where_another_head_has_a_cost_of_its_own() {
    let dear = Throttle::per_hour(100).cost_on("GET /open", 60).cost_on("HEAD /ping", 2);
    let house = House::of(stack().throttle(dear));
    assert_eq!(house.status("192.0.2.1:1", request("HEAD", "/open", &[])).await, 200);
    assert_eq!(house.status("192.0.2.1:1", request("HEAD", "/open", &[])).await, 429);
    assert_eq!(house.status("192.0.2.2:1", request("GET", "/open", &[])).await, 200);
    assert_eq!(house.status("192.0.2.2:1", request("GET", "/open", &[])).await, 429);
}

#[tokio::test]
async fn a_header_that_a_client_writes_is_a_way_around_a_limit_whatever_stands_beside_it() {
    let by = |key: Key| {
        let house = House::of(stack().throttle(Throttle::per_hour(1).by(key)));
        let found = house.parapet.findings();
        (house, found.iter().any(|finding| finding.code == "evadable-limit"))
    };
    let (house, is_told) = by(Key::ClientNet.and(Key::header("x-device")));
    for device in ["a", "b", "c"] {
        let asked = request("GET", "/open", &[("x-device", device)]);
        assert_eq!(house.status("192.0.2.1:1", asked).await, 200);
    }
    assert!(is_told, "since it is one");
    assert!(!by(Key::ClientNet.and(Key::Route)).1);
}

#[tokio::test]
async fn whoever_marks_requests_as_another_sites_is_banned_in_as_wide_a_network() {
    let clock = ManualClock::default();
    let bans = Bans::builder()
        .on(Signal::NotFound, 1)
        .threshold(2)
        .terms([HOUR])
        .widen(3)
        .build()
        .unwrap();
    let house = House::of(stack().with_clock(clock).bans(bans).public("GET /{*rest}", "all of it"));
    let mark = [("sec-fetch-site", "cross-site")];
    for network in 0..3 {
        for _ in 0..2 {
            let peer = format!("[2001:db8:7:{network:x}::1]:1");
            assert_eq!(house.status(&peer, request("GET", "/nothing", &mark)).await, 404);
        }
    }
    let neighbour = "[2001:db8:7:ff::1]:1";
    assert_eq!(house.status(neighbour, request("GET", "/open", &mark)).await, 403, "the /56");
    assert_eq!(house.status(neighbour, request("GET", "/open", &[])).await, 200, "but no visitor");
    assert_eq!(house.status("[2001:db8:8::1]:1", request("GET", "/open", &mark)).await, 200);
}

/// Orders that are numbered as they come, for whoever may come.
fn orders(guard: Idempotency, issuer: Option<&TestIssuer>) -> tower_parapet::Guarded<Router> {
    let mut stack = stack().idempotency(guard);
    stack = match issuer {
        Some(issuer) => {
            let map = ClaimMap::new().tenant("org");
            stack
                .authenticate(issuer.jwt().claim_map(map))
                .route("/orders", Policy::authenticated())
        }
        None => stack.public("POST /orders", "these tests"),
    };
    let order = async |caller: Option<Principal>| {
        let tenant = caller.and_then(|caller| caller.tenant().map(str::to_owned));
        (StatusCode::CREATED, tenant.unwrap_or_default()).into_response()
    };
    stack.build().unwrap().protect(Router::new().route("/orders", post(order)))
}

fn order(key: &str) -> Request<Body> {
    request("POST", "/orders", &[("idempotency-key", &format!("\"{key}\""))])
}

#[tokio::test]
async fn an_answer_for_one_tenant_is_never_given_again_for_another() {
    let issuer = TestIssuer::default();
    let guard = Idempotency::builder(MemoryResponses::default()).routes(["POST /orders"]);
    let app = orders(guard.build().unwrap(), Some(&issuer));
    let told = async |tenant: &str| {
        let token = issuer.token().claim("org", json!(tenant)).sign();
        let asked = from("127.0.0.1:1", order("1").bearer(token));
        let answer = app.clone().oneshot(asked).await.unwrap();
        let is_replayed = answer.headers().contains_key("idempotency-replayed");
        (answer.text().await.unwrap(), is_replayed)
    };
    assert_eq!(told("acme").await, ("acme".to_owned(), false));
    assert_eq!(told("umbrella").await, ("umbrella".to_owned(), false));
    assert_eq!(told("acme").await, ("acme".to_owned(), true));
}

#[tokio::test]
async fn a_64_of_ipv6_has_one_part_of_the_room_for_idempotency_keys_and_no_answer_in_common() {
    let store = MemoryResponses::builder().entries(8).entries_per_caller(4).build().unwrap();
    let guard = Idempotency::builder(store).routes(["POST /orders"]).build().unwrap();
    let app = orders(guard, None);
    let status = async |peer: &str, key: &str| {
        let answer = app.clone().oneshot(from(peer, order(key))).await.unwrap();
        let is_replayed = answer.headers().contains_key("idempotency-replayed");
        (answer.status().as_u16(), is_replayed)
    };
    for host in 1..=4 {
        let peer = format!("[2001:db8::{host:x}]:1");
        assert_eq!(status(&peer, "1").await, (201, false), "nobody meets a neighbour's key");
    }
    assert_eq!(status("[2001:db8::9]:1", "1").await, (429, false), "its part is used up");
    assert_eq!(status("[2001:db8:0:1::1]:1", "1").await, (201, false), "and nobody else's");
    assert_eq!(status("[2001:db8::1]:1", "1").await, (201, true));
}

#[tokio::test]
async fn a_guard_that_stands_alone_does_not_keep_as_much_of_a_body_as_its_sender_likes() {
    let guard = Idempotency::builder(MemoryResponses::default()).build().unwrap();
    let app = Router::new().route("/orders", post(async || StatusCode::CREATED)).layer(guard);
    let piece = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1 << 16]));
    let status = async |key: &str, body: Body| {
        let asked = from("192.0.2.1:1", order(key).map(|_| body));
        app.clone().oneshot(asked).await.unwrap().status().as_u16()
    };
    for pieces in [15, 17, 1 << 12] {
        let expected = if pieces <= 16 { 201 } else { 413 };
        let streamed = Body::from_stream(stream::iter((0..pieces).map(move |_| piece())));
        assert_eq!(status(&format!("{pieces}-streamed"), streamed).await, expected, "{pieces}");
        let whole = Body::from(vec![b' '; pieces.min(64) << 16]);
        assert_eq!(status(&format!("{pieces}-whole"), whole).await, expected, "{pieces}");
    }
}

#[tokio::test]
async fn a_forged_delivery_does_not_have_the_class_of_whom_it_claims_to_be_of() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = seen.clone();
    let shedding = Concurrency::at_most(10).priority_of(move |exchange| {
        exchange.principal()?;
        counted.fetch_add(1, Ordering::Relaxed);
        Some(Priority::Critical)
    });
    let policy = Policy::authenticated_by(Webhook::github(SECRET));
    let house = House::of(stack().route("POST /hook", policy).concurrency(shedding));
    let forged = delivery("another secret of thirty-two byte", "a");
    assert_eq!(house.says(forged).await, is(401, "invalid-credentials"));
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    assert_eq!(house.says(delivery(SECRET, "a")).await, is(200, "github"));
    assert_eq!(seen.load(Ordering::Relaxed), 1);
}
