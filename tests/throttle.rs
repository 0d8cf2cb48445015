//! Limits over the whole stack: what the pitfalls of other limiters look like here.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![cfg(all(feature = "throttle", feature = "axum"))]

#[cfg(feature = "calendar")]
#[path = "throttle/calendar.rs"]
mod calendar;
#[path = "throttle/costs.rs"]
mod costs;
#[path = "throttle/fields.rs"]
mod fields;
#[path = "throttle/guesses.rs"]
mod guesses;
#[path = "throttle/stats.rs"]
mod stats;
mod support;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response};
use support::caller::ByName;
use tower::ServiceExt;
use tower_parapet::{
    Guarded, Parapet, ParapetBuilder, Peer, PeerAddr, Policy, Reason,
    clock::ManualClock,
    compose::Shadow,
    context::Tls,
    throttle::{Count, Key, Throttle},
};

fn router() -> Router {
    ["/open", "/also", "/maybe", "/closed"]
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, get(async || "here")))
}

struct Service {
    app: Guarded<Router>,
    clock: ManualClock,
}

fn service(configure: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Service {
    let clock = ManualClock::default();
    let builder = Parapet::builder()
        .peer(Peer::Extension)
        .with_clock(clock.clone())
        .public("/open", "test")
        .public("/also", "test")
        .route("/maybe", Policy::optional());
    Service { app: configure(builder).build().unwrap().protect(router()), clock }
}

impl Service {
    async fn send(
        &self,
        ip: impl Into<IpAddr>,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<Body> {
        let mut request = Request::get(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = PeerAddr::new(SocketAddr::new(ip.into(), 4711));
        let request = request.extension(peer).extension(Tls::new());
        let request = request.body(Body::empty()).unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self, ip: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        self.send(ip.parse::<IpAddr>().unwrap(), path, headers).await.status().as_u16()
    }

    /// How many of `count` requests are admitted.
    async fn admitted(&self, ip: &str, count: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += usize::from(self.status(ip, "/open", &[]).await == 200);
        }
        admitted
    }
}

fn values<'a>(response: &'a Response<Body>, name: &str) -> Vec<&'a str> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn two_thousand_spoofed_addresses_pass_no_more_than_the_burst() {
    let service = service(|stack| stack.throttle(Throttle::per_minute(60).burst(2)));
    let mut passed = 0;
    for i in 0..2_000_u32 {
        let spoofed = Ipv4Addr::from_bits(0x0A00_0000 + i).to_string();
        let forwarded = format!("for={spoofed}");
        let headers =
            [("x-forwarded-for", &*spoofed), ("x-real-ip", &*spoofed), ("forwarded", &*forwarded)];
        passed += usize::from(service.status("192.0.2.1", "/open", &headers).await == 200);
    }
    assert_eq!(passed, 2);
}

#[tokio::test]
async fn what_a_client_writes_before_a_trusted_proxy_buys_nothing() {
    let service = service(|stack| {
        stack.trusted_proxies(["10.0.3.7/32"]).throttle(Throttle::per_minute(60).burst(2))
    });
    let mut passed = 0;
    for i in 0..2_000_u32 {
        let spoofed = Ipv4Addr::from_bits(0x0B00_0000 + i);
        let forwarded = format!("{spoofed}, 192.0.2.1");
        let headers = [("x-forwarded-for", &*forwarded)];
        passed += usize::from(service.status("10.0.3.7", "/open", &headers).await == 200);
    }
    assert_eq!(passed, 2);
    let other = [("x-forwarded-for", "192.0.2.2")];
    assert_eq!(service.status("10.0.3.7", "/open", &other).await, 200);
}

#[tokio::test]
async fn fifty_a_second_admits_fifty_a_second() {
    let service = service(|stack| stack.throttle(Throttle::per_second(50)));
    for _ in 0..3 {
        assert_eq!(service.admitted("192.0.2.1", 200).await, 50);
        service.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(service.admitted("192.0.2.1", 50).await, 50);
    service.clock.advance(Duration::from_millis(20));
    assert_eq!(service.admitted("192.0.2.1", 50).await, 1);
}

#[tokio::test]
async fn rotating_keys_are_bounded_and_never_free_a_limited_one() {
    let service = service(|stack| stack.throttle(Throttle::per_minute(1).burst(1).max_keys(100)));
    assert_eq!(service.admitted("192.0.2.1", 2).await, 1);
    let mut passed = 0;
    for i in 0..5_000_u32 {
        let ip = Ipv4Addr::from_bits(0x0A00_0000 + i);
        passed += usize::from(service.send(ip, "/open", &[]).await.status() == 200);
    }
    assert_eq!(passed, 100, "ninety-nine buckets, and the one that all others share");
    assert_eq!(service.admitted("192.0.2.1", 1).await, 0);
    service.clock.advance(Duration::from_secs(60));
    assert_eq!(service.admitted("192.0.2.1", 1).await, 1);
    assert_eq!(service.admitted("192.0.2.2", 1).await, 1);
}

#[tokio::test]
async fn twenty_thousand_addresses_of_one_64_are_one_client() {
    let service = service(|stack| stack.throttle(Throttle::per_minute(60).burst(2)));
    let mut passed = 0;
    for i in 0..20_000_u128 {
        let ip = std::net::Ipv6Addr::from_bits(0x2001_0DB8_0000_0001 << 64 | i);
        passed += usize::from(service.send(ip, "/open", &[]).await.status() == 200);
    }
    assert_eq!(passed, 2);
    assert_eq!(service.admitted("2001:db8:0:2::1", 3).await, 2);
}

#[tokio::test]
async fn an_address_mapped_into_v6_is_the_same_client() {
    let service = service(|stack| stack.throttle(Throttle::per_minute(60).burst(2)));
    assert_eq!(service.admitted("192.0.2.1", 1).await, 1);
    assert_eq!(service.admitted("::ffff:192.0.2.1", 5).await, 1);
}

#[tokio::test]
async fn a_throttle_as_a_layer_of_a_router_counts_all_requests_by_one_clock() {
    // axum applies the layers of a handler anew for each request to a bare router.
    let app = router().layer(Throttle::per_hour(4).build().unwrap());
    let mut left = Vec::new();
    for _ in 0..6 {
        let peer = PeerAddr::new(SocketAddr::new([192, 0, 2, 1].into(), 4711));
        let request = Request::get("/open").extension(peer).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let standing = values(&response, "ratelimit")[0].to_owned();
        left.push((response.status().as_u16(), standing.split(';').nth(1).unwrap().to_owned()));
    }
    let expected =
        [(200, "r=3"), (200, "r=2"), (200, "r=1"), (200, "r=0"), (429, "r=0"), (429, "r=0")];
    assert_eq!(left, expected.map(|(status, left)| (status, left.to_owned())));
}

#[tokio::test]
async fn a_limit_by_principal_follows_the_caller_and_not_the_address() {
    let service = service(|stack| {
        stack.guard(ByName::strict()).throttle(Throttle::per_minute(2).by(Key::Principal))
    });
    let alice = [("authorization", "Bearer alice")];
    assert_eq!(service.status("192.0.2.1", "/closed", &alice).await, 200);
    assert_eq!(service.status("192.0.2.2", "/closed", &alice).await, 200);
    assert_eq!(service.status("192.0.2.3", "/closed", &alice).await, 429);
    assert_eq!(
        service.status("192.0.2.3", "/closed", &[("authorization", "Bearer bob")]).await,
        200
    );
    assert_eq!(service.admitted("192.0.2.3", 5).await, 5, "public routes are skipped");
    for expected in [200, 200, 429] {
        assert_eq!(service.status("192.0.2.4", "/maybe", &[]).await, expected);
    }
    assert_eq!(service.status("192.0.2.5", "/maybe", &[]).await, 200);
}

#[tokio::test]
async fn without_an_address_requests_are_refused_and_never_share_a_bucket() {
    let app = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("/open", "test")
        .throttle(Throttle::per_minute(60))
        .build()
        .unwrap()
        .protect(router());
    for _ in 0..3 {
        let request =
            Request::get("/open").header("host", "localhost").body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::AddressUnknown));
    }
}

#[test]
fn a_stack_without_a_source_of_addresses_does_not_build() {
    let error =
        Parapet::builder().public("/open", "test").throttle(Throttle::per_minute(1)).build();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`peer`") && error.contains(".peer(Peer::ConnectInfo)"), "{error}");
}

#[test]
fn a_limit_by_principal_without_authentication_does_not_build() {
    let by_principal = Throttle::per_minute(1).by(Key::Principal);
    let error = Parapet::builder().public("/open", "test").throttle(by_principal).build();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`authenticate`"), "{error}");
}

#[test]
fn mistakes_of_a_throttle_come_with_those_of_the_stack() {
    let error = Parapet::builder()
        .public("no slash", "test")
        .throttle(Throttle::per_minute(0).ipv6_prefix(129))
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert!(setters.iter().any(|setter| setter.ends_with(".per_minute")), "{error}");
    assert!(setters.iter().any(|setter| setter.ends_with(".ipv6_prefix")), "{error}");
    assert!(setters.len() > 2, "{error}");
}

#[tokio::test]
async fn every_limit_tells_where_the_client_stands_and_a_refusal_when_to_come_back() {
    let service = service(|stack| {
        stack
            .throttle(Throttle::per_minute(600).burst(2).named("net"))
            .throttle(Throttle::per_hour(10).by(Key::ClientNet.and(Key::Route)).named("route"))
    });
    let admitted = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(
        values(&admitted, "ratelimit-policy"),
        ["\"net\";q=600;w=60, \"route\";q=10;w=3600"]
    );
    assert_eq!(values(&admitted, "ratelimit"), ["\"net\";r=1;t=1, \"route\";r=9;t=360"]);
    assert!(values(&admitted, "retry-after").is_empty());
    service.send([192, 0, 2, 1], "/also", &[]).await;
    let refused = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(values(&refused, "ratelimit"), ["\"net\";r=0;t=1"]);
    assert_eq!(values(&refused, "ratelimit-policy"), ["\"net\";q=600;w=60"]);
    let retry: u64 = values(&refused, "retry-after")[0].parse().unwrap();
    assert!((1..=2).contains(&retry), "{retry}");
    service.clock.advance(Duration::from_secs(retry));
    assert_eq!(service.status("192.0.2.1", "/open", &[]).await, 200);
}

#[tokio::test]
async fn a_throttle_on_trial_refuses_nobody_and_counts_apart() {
    let shadow = Shadow::of(Throttle::per_minute(1)).unwrap();
    let service =
        service(|stack| stack.throttle(shadow).throttle(Throttle::per_minute(3).named("real")));
    assert_eq!(service.admitted("192.0.2.1", 5).await, 3);
    let answer = service.send([192, 0, 2, 2], "/open", &[]).await;
    assert_eq!(values(&answer, "ratelimit"), ["\"real\";r=2;t=20"]);
}

#[tokio::test]
async fn a_limit_of_a_route_leaves_other_routes_alone() {
    let service = service(|stack| {
        stack.route("/closed", Policy::optional().throttle(Throttle::per_minute(1).named("dear")))
    });
    assert_eq!(service.status("192.0.2.1", "/closed", &[]).await, 200);
    assert_eq!(service.status("192.0.2.1", "/closed", &[]).await, 429);
    assert_eq!(service.admitted("192.0.2.1", 5).await, 5);
}

#[test]
fn the_manifest_says_who_is_limited_to_what() {
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("/open", "test")
        .throttle(Throttle::per_minute(600).burst(100))
        .build()
        .unwrap();
    let manifest = parapet.manifest().to_string();
    let line = "600 per minute, burst 100, by client network (/64 for IPv6), at most 100000 keys";
    assert!(manifest.contains(line), "{manifest}");
}

#[tokio::test]
async fn a_throttle_is_a_layer_by_itself() {
    let app = Router::new()
        .route("/open", get(async || "here"))
        .layer(Throttle::per_minute(1).build().unwrap());
    let ask = || {
        let peer = PeerAddr::new(SocketAddr::from(([192, 0, 2, 1], 4711)));
        Request::get("/open").extension(peer).body(Body::empty()).unwrap()
    };
    assert_eq!(app.clone().oneshot(ask()).await.unwrap().status(), 200);
    assert_eq!(app.oneshot(ask()).await.unwrap().status(), 429);
}

#[tokio::test]
async fn a_real_client_is_limited_by_its_connection() {
    let app = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("/open", "test")
        .throttle(Throttle::per_hour(2))
        .build()
        .unwrap()
        .protect(router());
    let address = support::serve(app).await;
    for expected in [200, 200, 429] {
        let answer = support::get(address, "/open", &[("x-forwarded-for", "203.0.113.7")]).await;
        assert_eq!(answer.status, expected);
        if expected == 429 {
            assert_eq!(answer.code(), "rate-limited");
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1_799);
        }
    }
}
