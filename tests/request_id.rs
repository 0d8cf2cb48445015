//! The id of a request: whose it is, and where it shows.
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

use axum::{Router, http::HeaderMap, routing::get};
use tower_parapet::{Parapet, ParapetBuilder, Peer, RequestId};

use support::{Records, get as fetch, serve};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn seen(headers: HeaderMap) -> String {
    let value = |name: &str| headers.get(name).and_then(|id| id.to_str().ok()).unwrap_or("none");
    format!("{} {}", value("x-request-id"), value("x-correlation-id"))
}

fn stack() -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("GET /seen", "a test")
        .public("GET /told", "a test")
        .public("GET /own", "a test")
}

async fn start(stack: ParapetBuilder) -> (SocketAddr, Records, Parapet) {
    let records = Records::default();
    let parapet = stack.observe(records.clone()).build().unwrap();
    let router = Router::new()
        .route("/seen", get(seen))
        .route("/told", get(async |id: RequestId| id.to_string()))
        .route("/own", get(async || [("x-correlation-id", "mine")]));
    (serve(parapet.protect(router)).await, records, parapet)
}

#[tokio::test]
async fn a_refusal_bears_the_id_of_its_problem_and_of_its_record() {
    let (address, records, _) = start(stack()).await;
    let answer = fetch(address, "/closed", &[]).await;
    let id = records.wait_for(1)[0].request_id.to_string();
    assert_eq!(answer.all("x-request-id"), [id.as_str()]);
    assert_eq!(answer.json()["request_id"], id.as_str());
    assert_eq!((id.len(), &id[14..15]), (36, "7"));
}

#[tokio::test]
async fn an_id_from_anyone_but_a_trusted_proxy_is_not_believed() {
    for stack in [stack(), stack().trusted_proxies("192.0.2.7")] {
        let (address, records, _) = start(stack).await;
        let answer = fetch(address, "/closed", &[("x-request-id", "forged")]).await;
        assert_ne!(answer.header("x-request-id"), Some("forged"));
        assert_ne!(records.wait_for(1)[0].request_id.to_string(), "forged");
    }
}

#[tokio::test]
async fn the_id_of_a_trusted_proxy_is_in_the_answer_the_problem_the_record_and_the_handler() {
    let (address, records, _) = start(stack().trusted_proxies("127.0.0.1")).await;
    for id in ["Root=1-67891233-abcdef012345678912345678", "0b0e0a2e-1c4f-4d02-9a3b-5d0a6c1e77f4"] {
        let answer = fetch(address, "/closed", &[("x-request-id", id)]).await;
        assert_eq!(answer.all("x-request-id"), [id]);
        assert_eq!(answer.json()["request_id"], id);
        assert_eq!(fetch(address, "/told", &[("x-request-id", id)]).await.text(), id);
    }
    let told: Vec<_> = records.wait_for(4).iter().map(|r| r.request_id.to_string()).collect();
    assert!(told.iter().all(|id| id.starts_with("Root=") || id.starts_with("0b0e")), "{told:?}");
}

#[tokio::test]
async fn an_id_that_is_none_is_replaced_and_told_once() {
    let (address, records, parapet) = start(stack().trusted_proxies("127.0.0.1")).await;
    let long = "x".repeat(129);
    let bad: [&[(&str, &str)]; 4] = [
        &[("x-request-id", "<script>")],
        &[("x-request-id", "two words")],
        &[("x-request-id", &long)],
        &[("x-request-id", "one"), ("x-request-id", "two")],
    ];
    for headers in bad {
        assert_eq!(fetch(address, "/told", headers).await.text().len(), 36);
    }
    records.wait_for(bad.len());
    let findings = parapet.findings();
    let told: Vec<_> = findings.iter().filter(|f| f.code == "bad-request-id").collect();
    assert_eq!(told.len(), 1);
    assert!(!told[0].evidence.contains("script"), "{}", told[0]);
}

#[tokio::test]
async fn an_answer_bears_an_id_only_where_that_was_asked_for() {
    let (address, ..) = start(stack()).await;
    let answer = fetch(address, "/seen", &[("x-request-id", "forged")]).await;
    assert_eq!(answer.header("x-request-id"), None);
    let (address, records, _) = start(stack().request_id("X-Correlation-Id")).await;
    let answer = fetch(address, "/seen", &[("x-correlation-id", "forged")]).await;
    let id = records.wait_for(1)[0].request_id.to_string();
    assert_eq!(answer.header("x-correlation-id"), Some(&*id));
    assert_eq!(answer.text(), format!("none {id}"), "the handler sees the same");
    let refused = fetch(address, "/closed", &[]).await;
    assert_eq!(refused.header("x-request-id"), None);
    assert_eq!(refused.all("x-correlation-id"), [refused.json()["request_id"].as_str().unwrap()]);
}

#[tokio::test]
async fn an_id_of_the_services_own_gives_way_to_the_records_and_is_told_once() {
    let (address, records, parapet) = start(stack().request_id("x-correlation-id")).await;
    for count in 1..=3 {
        let answer = fetch(address, "/own", &[]).await;
        let id = records.wait_for(count)[count - 1].request_id.to_string();
        assert_eq!(answer.all("x-correlation-id"), [id]);
    }
    let findings = parapet.findings();
    assert_eq!(findings.iter().filter(|f| f.code == "foreign-request-id").count(), 1);
}

#[tokio::test]
async fn a_valid_traceparent_is_in_the_record_and_any_other_is_not() {
    let (address, records, _) = start(stack()).await;
    let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
    fetch(address, "/seen", &[("traceparent", &valid)]).await;
    fetch(address, "/seen", &[("traceparent", "00-nonsense")]).await;
    let records = records.wait_for(2);
    assert_eq!(records[0].trace_id.unwrap().to_string(), TRACE);
    assert_eq!(records[1].trace_id, None);
}

#[test]
fn a_name_that_no_header_has_is_a_mistake() {
    let error = stack().request_id("not a name").build().unwrap_err().to_string();
    assert!(error.contains("request_id") && error.contains("`not a name`"), "{error}");
}
