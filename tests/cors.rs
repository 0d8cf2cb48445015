//! What browsers do on behalf of other origins: CORS, beside tower-http's layer, and CSRF.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "cors/csrf.rs"]
mod csrf;
#[path = "cors/csrf_differential.rs"]
mod csrf_differential;
#[path = "cors/differential.rs"]
mod differential;
#[path = "cors/faults.rs"]
mod faults;
mod support;

use std::{net::SocketAddr, time::Duration};

use axum::{Router, routing::get};
use support::{Answer, request};
use tower::Layer;
use tower_parapet::{
    ApiKeys, IpFilter, Key, Parapet, ParapetBuilder, Peer, Policy, Throttle,
    auth::api_key::MemoryKeys,
    transport::{Cors, CorsBuilder},
};

const APP: &str = "https://app.example.com";

fn app() -> CorsBuilder {
    Cors::builder()
        .origins([APP])
        .methods(["DELETE"])
        .headers(["authorization"])
        .expose(["ratelimit"])
        .credentials()
        .max_age(Duration::from_secs(600))
}

fn stack() -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(ApiKeys::builder(MemoryKeys::new()))
        .cors(app())
        .public("GET /open", "anyone may read")
        .route("GET /prices", Policy::optional().cors(Cors::builder().any_origin()))
        .route("DELETE /orders", Policy::authenticated())
        .public("POST /orders", "anyone may order")
}

async fn out_of_paper() -> &'static str {
    panic!("out of paper")
}

async fn serve(stack: ParapetBuilder) -> SocketAddr {
    let router = Router::new()
        .route("/open", get(async || ([("vary", "accept")], "open")))
        .route("/prices", get(async || "prices"))
        .route("/orders", get(async || "orders").post(out_of_paper));
    support::serve(stack.build().unwrap().protect(router)).await
}

async fn preflight(address: SocketAddr, target: &str, origin: &str, method: &str) -> Answer {
    let headers = [("origin", origin), ("access-control-request-method", method)];
    request(address, "OPTIONS", target, &headers, b"").await
}

fn allows(answer: &Answer) -> Option<&str> {
    assert!(answer.all("access-control-allow-origin").len() <= 1, "{answer:?}");
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_preflight_is_answered_before_it_is_throttled_or_asked_for_credentials() {
    let address = serve(stack().throttle(Throttle::per_hour(1).by(Key::ClientNet))).await;
    assert_eq!(request(address, "GET", "/open", &[], b"").await.status, 200);
    assert_eq!(request(address, "GET", "/open", &[], b"").await.status, 429);
    for target in ["/orders", "/unlisted"] {
        let answer = preflight(address, target, APP, "DELETE").await;
        assert_eq!(answer.status, 204, "{target}");
        assert_eq!(allows(&answer), Some(APP));
        assert_eq!(answer.header("access-control-allow-methods"), Some("DELETE"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
        assert_eq!(answer.header("ratelimit"), None, "it was not counted");
    }
}

#[tokio::test]
async fn refusals_of_every_kind_carry_the_headers_of_their_route() {
    let denied = serve(stack().ip(IpFilter::builder().deny("127.0.0.0/8"))).await;
    let limited = serve(stack().throttle(Throttle::per_hour(1).by(Key::ClientNet))).await;
    assert_eq!(request(limited, "GET", "/open", &[], b"").await.status, 200);
    let plain = serve(stack()).await;
    for (address, method, target, status) in [
        (plain, "GET", "/open", 200),
        (plain, "DELETE", "/orders", 401),
        (plain, "GET", "/unlisted", 401),
        (plain, "GET", "/open//", 400),
        (plain, "POST", "/orders", 500),
        (denied, "GET", "/open", 403),
        (limited, "GET", "/open", 429),
    ] {
        let answer = request(address, method, target, &[("origin", APP)], b"").await;
        assert_eq!(answer.status, status, "{method} {target}");
        assert_eq!(allows(&answer), Some(APP), "{method} {target}");
        assert_eq!(answer.header("access-control-expose-headers"), Some("ratelimit"));
        assert!(answer.all("vary").contains(&"origin"), "{answer:?}");
    }
}

#[tokio::test]
async fn another_origin_gets_no_headers_and_the_request_goes_on() {
    let address = serve(stack()).await;
    for origin in ["https://evil.example", "https://app.example.com.evil.example", "null", ""] {
        let answer = request(address, "GET", "/open", &[("origin", origin)], b"").await;
        assert_eq!((answer.status, allows(&answer)), (200, None), "{origin}");
        assert_eq!(answer.all("vary"), ["accept", "origin"]);
        let answer = preflight(address, "/open", origin, "DELETE").await;
        assert_eq!((answer.status, allows(&answer)), (204, None), "{origin}");
        assert!(answer.header("vary").is_some_and(|vary| vary.starts_with("origin")));
        assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
    }
    let twice = [("origin", APP), ("origin", "https://evil.example")];
    assert_eq!(allows(&request(address, "GET", "/open", &twice, b"").await), None);
    assert_eq!(allows(&request(address, "GET", "/open", &[], b"").await), None);
}

#[tokio::test]
async fn a_preflight_is_judged_by_the_route_of_the_method_it_asks_for() {
    let address = serve(stack()).await;
    let prices = preflight(address, "/prices", "https://any.example", "GET").await;
    assert_eq!((prices.status, allows(&prices)), (204, Some("*")));
    assert_eq!(prices.header("access-control-allow-credentials"), None);
    // What no rule names is judged by the policy of the stack, whatever the path.
    let put = preflight(address, "/prices", "https://any.example", "PUT").await;
    assert_eq!((put.status, allows(&put)), (204, None));
    let answer =
        request(address, "GET", "/prices", &[("origin", "https://any.example")], b"").await;
    assert_eq!((answer.status, allows(&answer)), (200, Some("*")));
}

#[tokio::test]
async fn strangers_cannot_tell_listed_paths_from_others_by_a_preflight() {
    let address = serve(stack()).await;
    for (origin, method) in [(APP, "DELETE"), ("https://evil.example", "DELETE"), (APP, "BREW")] {
        let listed = preflight(address, "/orders", origin, method).await;
        let other = preflight(address, "/no/such/path", origin, method).await;
        let names = |answer: &Answer| {
            let headers = answer.headers.iter().filter(|(name, _)| name != "date");
            headers.cloned().collect::<Vec<_>>()
        };
        assert_eq!((listed.status, names(&listed)), (other.status, names(&other)));
    }
}

#[tokio::test]
async fn options_that_are_no_preflight_are_judged_like_any_request() {
    let address = serve(stack().public("OPTIONS /open", "anyone may ask")).await;
    for headers in [&[][..], &[("origin", APP)], &[("access-control-request-method", "GET")]] {
        // axum has no handler for it; what matters is that it was asked.
        assert_eq!(request(address, "OPTIONS", "/open", headers, b"").await.status, 405);
        assert_eq!(request(address, "OPTIONS", "/orders", headers, b"").await.status, 401);
    }
}

#[tokio::test]
async fn the_layer_by_itself_answers_preflights_too() {
    let cors = app().private_network().build().unwrap();
    let router = Router::new().route("/open", get(async || "open"));
    let address = support::serve(cors.layer(router)).await;
    let headers = [
        ("origin", APP),
        ("access-control-request-method", "DELETE"),
        ("access-control-request-private-network", "true"),
    ];
    let answer = request(address, "OPTIONS", "/open", &headers, b"").await;
    assert_eq!((answer.status, allows(&answer)), (204, Some(APP)));
    assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    assert_eq!(request(address, "GET", "/open", &[], b"").await.text(), "open");
}

#[test]
fn a_policy_that_browsers_would_refuse_or_that_admits_too_many_does_not_build() {
    let error = Parapet::builder()
        .public("GET /open", "anyone")
        .cors(Cors::builder().any_origin().any_method().any_header().credentials())
        .route("/a", Policy::optional().cors(Cors::builder()))
        .route("/b", Policy::optional().cors(Cors::builder().origins(["https://*.com", "*"])))
        .route("/c", Policy::optional().cors(Cors::builder().any_origin().origins([APP])))
        .route("/d", Policy::optional().cors(app().methods(["GE T"]).expose(["a b"])))
        .route("/e", Policy::optional().cors(app().max_age(Duration::from_secs(86_401))))
        .build()
        .unwrap_err();
    let told: Vec<_> = error.mistakes().iter().map(|m| (m.setter(), m.value())).collect();
    for expected in [
        ("cors.any_origin", ""),
        ("cors.any_method", ""),
        ("cors.any_header", ""),
        ("route.cors.origins", ""),
        ("route.cors.origins", "https://*.com"),
        ("route.cors.origins", "*"),
        ("route.cors.any_origin", ""),
        ("route.cors.methods", "GE T"),
        ("route.cors.expose", "a b"),
        ("route.cors.max_age", "86401s"),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not in {error}");
    }
    assert_eq!(told.len(), 10, "{error}");
}

#[test]
fn the_manifest_says_who_may_read() {
    let text = stack().build().unwrap().manifest().to_string();
    for line in [
        "Record        cors              read by https://app.example.com, with credentials; \
         methods DELETE; headers authorization",
        "Transport     preflights        answers preflights",
        "Record  cors  read by any origin",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
}
