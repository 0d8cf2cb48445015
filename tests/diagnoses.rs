//! What only traffic shows: told once, however many threads see it, and kept as findings.
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
#[path = "support/token.rs"]
mod token;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;
use tower_parapet::{
    Body, Parapet, ParapetBuilder, Peer, PeerAddr, Policy, Throttle, address::TrustedProxies,
    clock::ManualClock, compose::When, inspect::Diagnosis, scope,
};

use support::does;

const NOW: u64 = 1_800_000_000;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stack() -> ParapetBuilder {
    Parapet::builder()
        .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
        .peer(Peer::Extension)
        .authenticate(token::jwt())
        .public("GET /", "a test")
        .route("/me", Policy::authenticated())
}

/// Asks a stack without waiting for anything.
fn ask(parapet: &Parapet, peer: Option<&str>, target: &str, headers: &[(&'static str, &str)]) {
    let answer = async |_: Request<Body>| {
        Ok::<_, Infallible>(
            Response::builder().header("x-request-id", "own").body(Body::empty()).unwrap(),
        )
    };
    let mut request = Request::builder().uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(peer) = peer {
        request = request.extension(PeerAddr::new(SocketAddr::new(peer.parse().unwrap(), 1)));
    }
    let service = parapet.layer(service_fn(answer));
    let request = request.body(Body::empty()).unwrap();
    service.oneshot(request).now_or_never().unwrap().unwrap();
}

fn bearer(valid_from: u64) -> String {
    let claims = json!({
        "iss": "https://id.example", "sub": "alice", "aud": "orders", "iat": valid_from,
        "exp": NOW + 9_000,
    });
    format!("Bearer {}", token::sign(&claims))
}

/// The codes of a stack's diagnoses that are logged.
fn told(parapet: &Parapet) -> Vec<String> {
    let logged = Diagnosis::ALL.iter().filter(|diagnosis| **diagnosis != Diagnosis::NeverReached);
    let all: Vec<_> = logged.map(|diagnosis| diagnosis.rule().code()).collect();
    let findings = parapet.findings();
    let codes = findings.iter().map(|finding| finding.code).filter(|code| all.contains(code));
    codes.map(str::to_owned).collect()
}

#[test]
fn each_is_logged_once_with_its_remedy_whatever_the_threads_and_kept() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let open = stack().request_id("x-request-id").throttle(Throttle::per_second(1_000_000));
    let open = open.build().unwrap();
    let behind = TrustedProxies::new("10.0.0.1").unwrap();
    let behind = stack().guard(behind).build().unwrap();
    let ahead = bearer(NOW + 600);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    ask(&open, Some("192.0.2.9"), "/", &[("forwarded", "for=1.1.1.1")]);
                    ask(&open, None, "/", &[]);
                    ask(&behind, Some("192.0.2.9"), "/", &[("x-forwarded-for", "1.1.1.1")]);
                    ask(&behind, Some("10.0.0.1"), "/", &[("forwarded", "for=1.1.1.1")]);
                    ask(&behind, Some("10.0.0.1"), "/", &[("x-request-id", "{}")]);
                    let token = ("authorization", ahead.as_str());
                    ask(&behind, Some("10.0.0.1"), "/me", &[token]);
                    let https = ("x-forwarded-proto", "https");
                    ask(&behind, Some("10.0.0.1"), "/me", &[token, https]);
                }
            });
        }
    });
    assert_eq!(
        told(&open),
        ["untrusted-proxy", "no-peer-address", "foreign-request-id"].sorted(&open)
    );
    assert_eq!(told(&behind).len(), 5, "{:?}", told(&behind));
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 8, "{text}");
    for diagnosis in Diagnosis::ALL.iter().filter(|d| **d != Diagnosis::NeverReached) {
        let rule = diagnosis.rule();
        let of_it: Vec<_> =
            lines.iter().filter(|line| line["fields"]["diagnosis"] == rule.code()).collect();
        let stacks = if *diagnosis == Diagnosis::UntrustedProxy { 2 } else { 1 };
        assert_eq!(of_it.len(), stacks, "{diagnosis:?} in {text}");
        assert!(of_it.iter().all(|line| line["level"] == "WARN"));
        assert!(of_it.iter().all(|line| line["fields"]["remedy"] == rule.remedy()), "{text}");
    }
    assert!(!text.contains("1.1.1.1") && text.contains("192.0.2.9"), "{text}");
    assert!(text.contains("600 s ahead"), "{text}");
}

trait Sorted {
    fn sorted(self, parapet: &Parapet) -> Vec<String>;
}

/// In the order that the stack came upon them, which is the threads' own.
impl<const N: usize> Sorted for [&str; N] {
    fn sorted(self, parapet: &Parapet) -> Vec<String> {
        let mut codes: Vec<_> = self.into_iter().map(str::to_owned).collect();
        let order = told(parapet);
        codes.sort_by_key(|code| order.iter().position(|known| known == code));
        codes
    }
}

#[test]
fn what_never_ran_is_a_finding_once_enough_came_and_no_longer_when_it_did() {
    let never = When::request(
        |exchange| exchange.path() == "/odd",
        does(|_| Ok(tower_parapet::Flow::Continue)),
    );
    let parapet = Parapet::builder()
        .with_clock(ManualClock::default())
        .authenticate(token::jwt())
        .guard(never.unwrap())
        .public("GET /", "a test")
        .public("GET /odd", "a test")
        .route("/admin/{*rest}", Policy::require(scope("admin")))
        .build()
        .unwrap();
    let evidence = || -> Vec<String> {
        let findings = parapet.findings();
        let never = findings.iter().filter(|finding| finding.code == "never-reached");
        never.map(|finding| format!("{}: {}", finding.subject, finding.evidence)).collect()
    };
    for _ in 0..999 {
        ask(&parapet, None, "/admin/x", &[]);
    }
    assert_eq!(evidence(), [""; 0], "too few to tell");
    ask(&parapet, None, "/admin/x", &[]);
    assert_eq!(
        evidence(),
        [
            "does: its condition never held, of 1000 requests and more",
            "closed: no request came as far as this guard, of 1000 requests and more",
            "route: no request came as far as this guard, of 1000 requests and more",
            "json-limits: no request came as far as this guard, of 1000 requests and more",
            "GET,HEAD /: no request was judged by this rule, of 1000 requests and more",
            "GET,HEAD /odd: no request was judged by this rule, of 1000 requests and more",
        ]
    );
    ask(&parapet, None, "/", &[]);
    assert_eq!(evidence().len(), 2);
    ask(&parapet, None, "/odd", &[]);
    assert_eq!(evidence(), [""; 0]);
}

#[test]
fn a_clock_within_the_leeway_is_told_and_two_seconds_are_not() {
    let parapet = stack().build().unwrap();
    ask(&parapet, Some("192.0.2.9"), "/me", &[("authorization", &bearer(NOW + 2))]);
    assert_eq!(told(&parapet), [""; 0]);
}
