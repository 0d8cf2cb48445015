//! What a request must look like, and what every response carries: over a real server and raw bytes.
#![cfg(feature = "axum")]
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

use std::net::SocketAddr;

use axum::{
    Router,
    routing::{any, get},
};
use http::header;
use proptest::{prelude::*, test_runner::TestRunner};
use support::{Answer, serve};
use tower_parapet::{
    Parapet, ParapetBuilder, Policy, Reason, Rejection,
    transport::{Hosts, Sanity, SecurityHeaders},
};

fn router() -> Router {
    let own = [(header::CACHE_CONTROL, "max-age=60"), (header::REFERRER_POLICY, "same-origin")];
    Router::new()
        .route("/cached", get(async move || (own, "cached")))
        .route("/refused", get(async || Rejection::new(Reason::Forbidden)))
        .route("/api", any(async || "api"))
        .fallback(async || (http::StatusCode::NOT_FOUND, "router's own"))
}

fn stack() -> ParapetBuilder {
    Parapet::builder().public("/{*rest}", "these tests").public("/", "these tests")
}

async fn sane() -> SocketAddr {
    let parapet = stack().build().unwrap();
    serve(parapet.protect(router())).await
}

/// Sends a request line and headers as they are; the connection closes after the answer.
async fn raw(address: SocketAddr, line: &[u8], headers: &str) -> Answer {
    let head = [line, b" HTTP/1.1\r\nconnection: close\r\n", headers.as_bytes(), b"\r\n"].concat();
    support::send(address, &head).await
}

fn verdict(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_is_refused_before_the_router_sees_it() {
    let address = sane().await;
    for (path, named) in [
        ("//api", "an empty segment"),
        ("/api//", "an empty segment"),
        ("/x/../api", "a dot segment"),
        ("/x/%2e%2e/api", "a dot segment"),
        ("/x/.%2E/api", "a dot segment"),
        ("/./api", "a dot segment"),
        ("/x%2fapi", "an encoded slash"),
        ("/x%2Fapi", "an encoded slash"),
        ("/x%5capi", "an encoded backslash"),
        ("/x\\api", "a backslash"),
        ("/api%00", "a zero byte"),
        ("/api%0d%0aset-cookie:a=b", "a control character"),
        ("/api%7f", "a control character"),
        ("/api%c2%85", "a control character"),
        ("/api%", "a broken percent escape"),
        ("/api%4", "a broken percent escape"),
        ("/api%zz", "a broken percent escape"),
        ("/%c0%af", "not UTF-8"),
        ("/%c0%ae%c0%ae/api", "not UTF-8"),
        ("/api%ff", "not UTF-8"),
    ] {
        let answer = support::get(address, path, &[]).await;
        assert_eq!(verdict(&answer), (400, "bad-path".to_owned()), "{path}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(named), "{path}");
        assert!(!answer.text().contains(path), "{path}");
    }
}

#[tokio::test]
async fn an_encoded_letter_does_not_skip_the_check_of_a_route() {
    let parapet = Parapet::builder()
        .public("/{*rest}", "the rest")
        .route("/api", Policy::authenticated().guard(Closed))
        .guard(Sanity::default())
        .build()
        .unwrap();
    let address = serve(parapet.protect(router())).await;
    for path in ["/%61pi", "/ap%69", "/%61%70%69"] {
        let answer = support::get(address, path, &[]).await;
        assert_eq!(verdict(&answer), (400, "ambiguous-path".to_owned()), "{path}");
    }
    assert_eq!(support::get(address, "/caf%C3%A9", &[]).await.status, 404);
}

/// Nobody is let through.
struct Closed;

impl tower_parapet::Guard for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }
    fn phase(&self) -> tower_parapet::Phase {
        tower_parapet::Phase::Authorize
    }
    fn check(&self, _: &mut tower_parapet::Exchange) -> Result<tower_parapet::Flow, Rejection> {
        Err(Rejection::new(Reason::Forbidden))
    }
}

#[tokio::test]
async fn odd_but_unambiguous_paths_reach_the_router() {
    let address = sane().await;
    for path in ["/api?x=//../%2e%00", "/api"] {
        assert_eq!(support::get(address, path, &[]).await.status, 200, "{path}");
    }
    for path in ["/.well-known/x", "/a.b/..c", "/caf%C3%A9", "/100%25", "/a;v=1/b:c@d", "/%252e"] {
        let answer = support::get(address, path, &[]).await;
        assert_eq!((answer.status, answer.text().as_str()), (404, "router's own"), "{path}");
    }
}

#[tokio::test]
async fn a_star_is_the_target_of_options_alone() {
    let address = sane().await;
    let options = raw(address, b"OPTIONS *", "host: a\r\n").await;
    assert!(options.status != 400, "{options:?}");
    let get = raw(address, b"GET *", "host: a\r\n").await;
    assert_eq!(verdict(&get), (400, "bad-path".to_owned()));
}

#[tokio::test]
async fn trace_and_track_are_refused_with_the_methods_that_are_not() {
    let address = sane().await;
    for method in ["TRACE", "TRACK", "PROPFIND"] {
        let answer = support::request(address, method, "/api", &[], b"").await;
        assert_eq!(verdict(&answer), (405, "method-not-allowed".to_owned()), "{method}");
        let allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
        assert_eq!(answer.header("allow"), Some(allow), "{method}");
    }
    let connect = raw(address, b"CONNECT a.example:443", "host: a.example:443\r\n").await;
    assert_eq!(verdict(&connect), (405, "method-not-allowed".to_owned()));
}

#[tokio::test]
async fn a_body_whose_end_is_told_twice_is_refused() {
    let address = sane().await;
    let twice = "host: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n";
    assert_eq!(raw(address, b"POST /api", twice).await.status, 400);
    let coding = "host: a\r\ntransfer-encoding: gzip, chunked\r\n";
    let answer = raw(address, b"POST /api", coding).await;
    assert_eq!(verdict(&answer), (400, "malformed-request".to_owned()));
}

#[tokio::test]
async fn a_length_beside_a_transfer_coding_is_refused_where_the_server_lets_it_through() {
    let both = "host: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n";
    let echo = async |headers: http::HeaderMap| format!("{:?}", headers.get("content-length"));
    let parapet = stack().guard(Sanity::default()).build().unwrap();
    let app = parapet.protect(Router::new().route("/api", any(echo)));
    // hyper reads the coding and takes the length away, as RFC 9112, section 6.3, has it.
    let address = serve(app.clone()).await;
    let answer = raw(address, b"POST /api", &format!("{both}\r\n0\r\n")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "None"));
    let request = http::Request::post("/api")
        .header("content-length", "5")
        .header("transfer-encoding", "chunked")
        .body(tower_parapet::Body::from("hello"))
        .unwrap();
    let response = tower::ServiceExt::oneshot(app, request).await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::MalformedRequest));
}

#[tokio::test]
async fn headers_beyond_32_kib_are_refused() {
    let address = sane().await;
    let value = "a".repeat(8 * 1024);
    let three = [("x-a", value.as_str()), ("x-b", &value), ("x-c", &value)];
    assert_eq!(support::get(address, "/api", &three).await.status, 200);
    let four = [("x-a", value.as_str()), ("x-b", &value), ("x-c", &value), ("x-d", &value)];
    let answer = support::get(address, "/api", &four).await;
    assert_eq!(verdict(&answer), (431, "headers-too-large".to_owned()));
}

#[tokio::test]
async fn more_headers_than_set_are_refused_and_more_than_a_hundred_never_arrive() {
    let strict = Sanity::builder().max_headers(4);
    let parapet = stack().guard(strict).build().unwrap();
    let address = serve(parapet.protect(router())).await;
    let two = [("x-a", "1"), ("x-b", "2")];
    assert_eq!(support::get(address, "/api", &two).await.status, 200);
    let three = [("x-a", "1"), ("x-b", "2"), ("x-c", "3")];
    let answer = support::get(address, "/api", &three).await;
    assert_eq!(verdict(&answer), (431, "headers-too-large".to_owned()));
    let address = sane().await;
    let many = [("x-a", "1"); 100];
    assert_eq!(support::get(address, "/api", &many).await.status, 431);
}

#[tokio::test]
async fn a_request_that_names_two_hosts_or_none_that_can_be_read_is_refused_by_default() {
    let address = sane().await;
    for (line, headers) in [
        (&b"GET /api"[..], "host: a.example\r\nhost: a.example\r\n"),
        (b"GET /api", "host: a.example\r\nhost: b.example\r\n"),
        (b"GET http://b.example/api", "host: a.example\r\n"),
        (b"GET http://b.example/api", ""),
        (b"GET /api", "host: user@a.example\r\n"),
        (b"GET /api", "host: a.example, b.example\r\n"),
        (b"GET /api", "host: a.example/x\r\n"),
        (b"GET /api", "host: a.example:port\r\n"),
        (b"GET /api", "host:\r\n"),
    ] {
        let answer = raw(address, line, headers).await;
        assert_eq!(verdict(&answer), (400, "bad-host".to_owned()), "{headers}");
    }
    let agreeing = raw(address, b"GET http://A.example:80/api", "host: a.example\r\n").await;
    assert_eq!(agreeing.status, 200);
}

#[tokio::test]
async fn a_host_of_someone_else_is_misdirected() {
    let hosts = Hosts::builder().allow(["api.example.com", "*.tenants.example.com:8443"]);
    let parapet = stack().guard(hosts).build().unwrap();
    let address = serve(parapet.protect(router())).await;
    for (host, status) in [
        ("api.example.com", 200),
        ("API.example.com.:3000", 200),
        ("a.tenants.example.com:8443", 200),
        ("a.b.tenants.example.com:8443", 200),
        ("a.tenants.example.com", 421),
        ("tenants.example.com:8443", 421),
        ("api.example.com.evil.example", 421),
        ("127.0.0.1", 421),
        ("[::1]", 421),
    ] {
        let answer = support::get(address, "/api", &[("host", host)]).await;
        assert_eq!(answer.status, status, "{host}");
        if status == 421 {
            assert_eq!(answer.code(), "misdirected-request");
        }
    }
}

#[tokio::test]
async fn every_response_carries_the_security_headers_and_a_handlers_own_value_wins() {
    let parapet = stack().guard(SecurityHeaders::default()).guard(Sanity::default());
    let address = serve(parapet.build().unwrap().protect(router())).await;
    for (path, status) in [("/api", 200), ("/nowhere", 404), ("/refused", 403), ("//", 400)] {
        let answer = support::get(address, path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.all(name), [value], "{path} {name}");
        }
        assert_eq!(answer.header("strict-transport-security"), None);
    }
    let cached = support::get(address, "/cached", &[]).await;
    assert_eq!(cached.all("cache-control"), ["max-age=60"]);
    assert_eq!(cached.all("referrer-policy"), ["same-origin"]);
    assert_eq!(cached.all("x-content-type-options"), ["nosniff"]);
}

#[tokio::test]
async fn each_guard_is_a_layer_by_itself() {
    let hosts = Hosts::builder().allow(["a.example"]).build().unwrap();
    let app = router().layer(hosts).layer(Sanity::default()).layer(SecurityHeaders::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let answer = support::get(address, "/api", &[("host", "b.example")]).await;
    assert_eq!(verdict(&answer), (421, "misdirected-request".to_owned()));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let bad = support::get(address, "/api%00", &[("host", "a.example")]).await;
    assert_eq!(verdict(&bad), (400, "bad-path".to_owned()));
}

#[test]
fn any_target_and_host_get_an_answer_that_is_no_servers_fault() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let address = runtime.block_on(sane());
    let byte = || prop_oneof![0x21_u8..0x7f, 0x21_u8.., Just(b'%'), Just(b'/'), Just(b'.')];
    let target = proptest::collection::vec(byte(), 0..30);
    let host = proptest::collection::vec(byte(), 0..30);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(256));
    runner
        .run(&(target, host), |(target, host)| {
            let head = b"GET /".as_slice();
            let tail = b"\r\nconnection: close\r\n\r\n".as_slice();
            let bytes = [head, &target, b" HTTP/1.1\r\nhost: ", &host, tail].concat();
            let answer = runtime.block_on(support::send(address, &bytes));
            prop_assert!(matches!(answer.status, 200 | 400 | 404), "{:?}", answer);
            Ok(())
        })
        .unwrap();
}
