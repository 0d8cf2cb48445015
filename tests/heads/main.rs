//! Whatever a request looks like, it gets an answer and leaves one record, and nothing panics.
//!
//! `PROPTEST_CASES` says how many are tried of each kind; 256 where it is not set.
#![cfg(all(
    feature = "axum",
    feature = "jwt",
    feature = "api-key",
    feature = "throttle",
    feature = "validate",
    feature = "audit",
    feature = "testing"
))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod sent;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/token.rs"]
mod token;

use std::{
    io::{self, Write},
    mem,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use axum::{
    Router,
    routing::{any as every, get},
};
use http_body_util::BodyExt;
use proptest::prelude::*;
use sent::{Sent, requests, wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};
use tower::ServiceExt;
use tower_parapet::{
    Guarded, Observer, Outcome, Parapet, ParapetBuilder, Peer, Policy, Reason, Record,
    address::{IpFilter, ProxyHeader, TrustedProxies},
    audit::{Capture, JsonLines},
    auth::api_key::{ApiKey, ApiKeys, MemoryKeys},
    authorize::{role, scope},
    clock::ManualClock,
    throttle::{Key, Throttle},
    validate::{JsonSchema, MediaTypes},
};

const NOW: u64 = 1_800_000_000;
const ORDER: &str = r#"{"type":"object","required":["item"],
    "properties":{"item":{"type":"string"},"quantity":{"type":"integer"}}}"#;

/// A stack with every concern on, and what it tells.
struct Fortress {
    parapet: Parapet,
    clock: ManualClock,
    told: Told,
    audit: Page,
    api_key: String,
    runtime: Runtime,
}

impl Fortress {
    /// `header` is what the trusted proxies write; `burst` is how often a network may call at once.
    fn new(header: ProxyHeader, burst: u32) -> Self {
        let (told, audit) = (Told::default(), Page::default());
        let clock = ManualClock::at_unix(Duration::from_secs(NOW));
        let keys = MemoryKeys::new();
        let key = ApiKey::generate("test").unwrap();
        keys.insert(key.stored().owner("shop").scope("orders:read").build().unwrap());
        let parapet = stack(keys, header, burst)
            .with_clock(clock.clone())
            .observe(told.clone())
            .audit(JsonLines::builder().writer(audit.clone()).query(["page"]))
            .build()
            .unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let api_key = key.text().expose().to_owned();
        Self { parapet, clock, told, audit, api_key, runtime }
    }

    fn app(&self) -> Guarded<Router> {
        let read = async |body: axum::body::Bytes| body.len().to_string();
        self.parapet.protect(
            Router::new()
                .route("/health", get(async || "well"))
                .route("/orders", get(async || "none").post(read))
                .route("/shop/{*rest}", every(read))
                .route("/admin/{*rest}", every(read))
                .route("/feed", every(read)),
        )
    }
}

fn stack(keys: MemoryKeys, header: ProxyHeader, burst: u32) -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["api.example", "localhost"])
        .guard(TrustedProxies::builder().trust(["10.0.0.0/8", "fd00::/8"]).header(header))
        .ip(IpFilter::builder().deny(["192.0.2.0/24", "2001:db8:bad::/48"]))
        .guard(Capture::headers(["user-agent", "referer"]).unwrap())
        .throttle(Throttle::per_second(burst).by(Key::ClientNet).named("client"))
        .throttle(Throttle::per_hour(1_000_000).by(Key::Principal).named("caller"))
        .authenticate(token::jwt())
        .authenticate(ApiKeys::builder(keys))
        .public("GET /health", "load balancer")
        .public("/shop/{*rest}", "shop window")
        .route("GET /orders", Policy::require(scope("orders:read")))
        .route("POST /orders", Policy::require(scope("orders:write")))
        .route("/admin/{*rest}", Policy::require(scope("admin").or(role("operator"))))
        .route("/feed", Policy::optional().guard(MediaTypes::builder().allow_json()).body_limit(64))
        .validate(JsonSchema::for_route("POST /orders", ORDER))
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Record>>>);

impl Observer for Told {
    fn completed(&self, record: &Record) {
        self.0.lock().unwrap().push(record.clone());
    }
}

/// What the audit has written since it was last turned.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn turn(&self) -> Vec<u8> {
        mem::take(&mut self.0.lock().unwrap())
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Sends one and asserts all that must hold of any.
fn judge(fortress: &Fortress, sent: Sent) -> Result<(), TestCaseError> {
    fortress.clock.advance(Duration::from_millis(50));
    let response = fortress.app().oneshot(sent.clone().into_request());
    let (head, body) = fortress.runtime.block_on(async {
        let (head, body) = response.await.unwrap().into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    });
    let records = mem::take(&mut *fortress.told.0.lock().unwrap());
    prop_assert_eq!(records.len(), 1, "{:?}", records);
    let record = &records[0];
    let ended = [Outcome::Answered, Outcome::Rejected, Outcome::Upgraded];
    prop_assert!(ended.contains(&record.outcome), "{:?}", record);
    prop_assert_eq!(record.status, Some(head.status));
    prop_assert!(head.status.as_u16() < 500 || sent.peer.is_none(), "{:?}", record);
    let reason = head.extensions.get::<Reason>();
    prop_assert_eq!(reason.is_some(), record.outcome == Outcome::Rejected);
    if let Some(reason) = reason {
        prop_assert_eq!(&head.headers["content-type"], "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let code = problem["type"].as_str().unwrap().rsplit('#').next();
        prop_assert_eq!(code, Some(reason.code()));
        prop_assert_eq!(&problem["status"], head.status.as_u16());
        prop_assert_eq!(&problem["request_id"], &record.request_id.to_string());
    } else {
        // The router's own refusals are 404 and 405; whatever else says no is ours.
        prop_assert!(head.status.is_success() || matches!(head.status.as_u16(), 404 | 405));
    }
    fortress.parapet.flush();
    let page = fortress.audit.turn();
    prop_assert_eq!(page.iter().filter(|byte| **byte == b'\n').count(), 1);
    let line: serde_json::Value = serde_json::from_slice(&page).unwrap();
    prop_assert_eq!(&line["request_id"], &record.request_id.to_string());
    let told = head.headers.iter().map(|(_, value)| value.as_bytes()).chain([&*body, &*page]);
    let told: Vec<&[u8]> = told.collect();
    for secret in sent.secrets() {
        prop_assert!(!told.iter().any(|text| holds(text, secret)), "{:?}", sent);
    }
    Ok(())
}

static BY_XFF: LazyLock<Fortress> = LazyLock::new(|| Fortress::new(ProxyHeader::XForwardedFor, 3));
static BY_FORWARDED: LazyLock<Fortress> =
    LazyLock::new(|| Fortress::new(ProxyHeader::Forwarded, 3));

proptest! {
    #[test]
    fn whatever_is_sent_is_answered_and_recorded_once_behind_x_forwarded_for(
        sent in requests(BY_XFF.api_key.clone())
    ) {
        judge(&BY_XFF, sent)?;
    }

    #[test]
    fn whatever_is_sent_is_answered_and_recorded_once_behind_forwarded(
        sent in requests(BY_FORWARDED.api_key.clone())
    ) {
        judge(&BY_FORWARDED, sent)?;
    }
}

static SERVED: LazyLock<(Fortress, SocketAddr)> = LazyLock::new(|| {
    let fortress = Fortress::new(ProxyHeader::XForwardedFor, 1_000_000);
    let address = fortress.runtime.block_on(support::serve(fortress.app()));
    (fortress, address)
});

/// Sends bytes and nothing after them, and reads to the end.
async fn shout(address: SocketAddr, bytes: &[u8]) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A server that has already had enough may have closed the connection.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    timeout(Duration::from_secs(20), exchange).await.is_ok()
}

proptest! {
    #[test]
    fn whatever_bytes_come_the_next_good_request_is_answered(bytes in wire()) {
        let (fortress, address) = &*SERVED;
        let good = [("host", "localhost")];
        let (ended, answer) = fortress.runtime.block_on(async {
            (shout(*address, &bytes).await, support::get(*address, "/health", &good).await)
        });
        prop_assert!(ended, "the connection hangs");
        prop_assert_eq!((answer.status, answer.text()), (200, "well".to_owned()));
        for record in mem::take(&mut *fortress.told.0.lock().unwrap()) {
            prop_assert!(record.outcome != Outcome::Panicked, "{:?}", record);
        }
    }
}
