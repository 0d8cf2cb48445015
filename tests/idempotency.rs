//! Requests that are sent twice over real connections, and what the handler is asked to do.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/redis.rs"]
mod redis;
#[path = "idempotency/shared.rs"]
mod shared;
mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router, body::Body, extract::Path, http::StatusCode, response::Response, routing::post,
};
use bytes::Bytes;
use futures_util::stream;
use support::{Answer, Records, caller::ByName, request, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, Semaphore},
};
use tower_parapet::{
    Parapet, Peer, Policy,
    idempotency::{Idempotency, IdempotencyBuilder, MemoryResponses},
};

/// What the handlers did, and what they wait for.
struct Shop {
    runs: AtomicUsize,
    finished: AtomicUsize,
    begun: Notify,
    gate: Semaphore,
    records: Records,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            runs: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            begun: Notify::new(),
            gate: Semaphore::new(0),
            records: Records::default(),
        }
    }
}

impl Shop {
    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// `POST /orders` answers at once, `/slow` once it may, `/stream` in pieces; `/fails` does so
    /// the first time.
    async fn handle(self: Arc<Self>, what: String) -> Response {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        self.begun.notify_one();
        let body = match &*what {
            "slow" => {
                self.gate.acquire().await.unwrap().forget();
                Body::from(format!("order {run}"))
            }
            "stream" => {
                let shop = self.clone();
                Body::from_stream(stream::unfold(0, move |piece| {
                    let shop = shop.clone();
                    async move {
                        if piece == 3 {
                            return None;
                        }
                        shop.gate.acquire().await.unwrap().forget();
                        let text = Bytes::from(format!("piece {piece};"));
                        Some((Ok::<_, std::io::Error>(text), piece + 1))
                    }
                }))
            }
            "fails" if run == 1 => {
                return Response::builder()
                    .status(StatusCode::SERVICE_UNAVAILABLE)
                    .body(Body::empty())
                    .unwrap();
            }
            _ => Body::from(format!("order {run}")),
        };
        self.finished.fetch_add(1, Ordering::SeqCst);
        Response::builder()
            .status(StatusCode::CREATED)
            .header("location", format!("/orders/{run}"))
            .header("set-cookie", "session=secret")
            .body(body)
            .unwrap()
    }
}

async fn shop_with(guard: IdempotencyBuilder, shop: &Arc<Shop>) -> SocketAddr {
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(ByName::default())
        .idempotency(guard.routes(["POST /orders/{what}"]))
        .observe(shop.records.clone())
        .build()
        .unwrap();
    let handled = shop.clone();
    let router = Router::new().route(
        "/orders/{what}",
        post(move |Path(what): Path<String>| handled.clone().handle(what)),
    );
    serve(stack.protect(router)).await
}

async fn shop() -> (SocketAddr, Arc<Shop>) {
    let shop = Arc::new(Shop::default());
    (shop_with(Idempotency::builder(MemoryResponses::default()), &shop).await, shop)
}

async fn order(address: SocketAddr, what: &str, key: &str) -> Answer {
    let key = format!("\"{key}\"");
    let headers = [("authorization", "Bearer ada"), ("idempotency-key", key.as_str())];
    request(address, "POST", &format!("/orders/{what}"), &headers, b"one tea").await
}

/// Sends an order, and gives the connection back unread.
async fn order_and_leave(address: SocketAddr, what: &str, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = format!(
        "POST /orders/{what} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer ada\r\n\
         idempotency-key: \"{key}\"\r\ncontent-length: 7\r\n\r\none tea"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_request_that_is_sent_twice_runs_once_and_its_record_says_so() {
    let (address, shop) = shop().await;
    let first = order(address, "now", "a").await;
    assert_eq!((first.status, first.text()), (201, "order 1".into()));
    assert_eq!(first.header("set-cookie"), Some("session=secret"));
    let again = order(address, "now", "a").await;
    assert_eq!((again.status, again.text()), (201, "order 1".into()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("location"), Some("/orders/1"));
    assert_eq!(again.header("set-cookie"), None);
    // The stack's own headers are stamped on both.
    assert_eq!(first.header("x-content-type-options"), again.header("x-content-type-options"));
    assert_eq!(shop.runs(), 1);
    let records = shop.records.wait_for(2);
    let notes = &records[1].notes;
    assert!(
        notes.iter().any(|(key, value)| *key == "idempotency" && value == "replayed"),
        "{notes:?}"
    );
    let missing =
        request(address, "POST", "/orders/now", &[("authorization", "Bearer ada")], b"").await;
    assert_eq!((missing.status, missing.code()), (400, "missing-header".into()));
    let bare = [("authorization", "Bearer ada"), ("idempotency-key", "a")];
    let bare = request(address, "POST", "/orders/now", &bare, b"").await;
    assert_eq!((bare.status, bare.code()), (400, "bad-header".into()));
}

#[tokio::test]
async fn of_many_at_once_one_runs() {
    let (address, shop) = shop().await;
    for round in 0..10 {
        let key = format!("round {round}");
        let calls = (0..20).map(|_| {
            let key = key.clone();
            tokio::spawn(async move { order(address, "now", &key).await })
        });
        let mut created = 0;
        for call in calls.collect::<Vec<_>>() {
            let told = call.await.unwrap();
            match told.status {
                201 => {
                    created += 1;
                    assert_eq!(told.text(), format!("order {}", round + 1));
                }
                409 => assert_eq!(told.code(), "request-in-progress"),
                status => panic!("{status}: {}", told.text()),
            }
        }
        assert!(created >= 1);
        assert_eq!(shop.runs(), round + 1);
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_may_ask_again() {
    let (address, shop) = shop().await;
    let stream = order_and_leave(address, "slow", "a").await;
    shop.begun.notified().await;
    assert_eq!(order(address, "slow", "a").await.code(), "request-in-progress");
    drop(stream);
    // The server notices by itself.
    shop.gate.add_permits(1);
    let mut told = order(address, "slow", "a").await;
    while told.status == 409 {
        told = order(address, "slow", "a").await;
    }
    assert_eq!((told.status, shop.finished.load(Ordering::SeqCst)), (201, 1));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_the_answer_runs_nothing_again() {
    let (address, shop) = shop().await;
    let mut stream = order_and_leave(address, "stream", "a").await;
    shop.gate.add_permits(1);
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    drop(stream);
    assert_eq!(order(address, "stream", "a").await.code(), "answer-not-kept");
    shop.gate.add_permits(3);
    assert_eq!(order(address, "stream", "b").await.text(), "piece 0;piece 1;piece 2;");
    let again = order(address, "stream", "b").await;
    assert_eq!(again.text(), "piece 0;piece 1;piece 2;");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(shop.runs(), 2);
}

#[tokio::test]
async fn a_failure_gives_the_key_up() {
    let (address, shop) = shop().await;
    assert_eq!(order(address, "fails", "a").await.status, 503);
    assert_eq!(order(address, "fails", "a").await.status, 201);
    assert_eq!(order(address, "fails", "a").await.text(), "order 2");
    assert_eq!(shop.runs(), 2);
}

#[tokio::test]
async fn a_route_has_a_guard_of_its_own() {
    let shop = Arc::new(Shop::default());
    let guard = Idempotency::builder(MemoryResponses::default());
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(ByName::default())
        .route("/orders/{what}", Policy::authenticated().guard(guard))
        .route("/else/{what}", Policy::authenticated())
        .build()
        .unwrap();
    let manifest = stack.manifest().to_string();
    assert!(manifest.contains("POST and PATCH: must have a key"), "{manifest}");
    let handled = [shop.clone(), shop.clone()];
    let [orders, others] =
        handled.map(|shop| post(move |Path(what): Path<String>| shop.clone().handle(what)));
    let router = Router::new().route("/orders/{what}", orders).route("/else/{what}", others);
    let address = serve(stack.protect(router)).await;
    for _ in 0..2 {
        assert_eq!(order(address, "now", "a").await.text(), "order 1");
    }
    // The same key on another route of the same pattern is another request.
    assert_eq!(order(address, "then", "a").await.code(), "idempotency-key-reused");
    let headers = [("authorization", "Bearer ada")];
    let other = request(address, "POST", "/else/now", &headers, b"").await;
    assert_eq!(other.text(), "order 2");
}
