//! One record per request, over a real socket, whatever becomes of the request and of the output.

#![cfg(all(feature = "audit", feature = "axum"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "audit/file.rs"]
mod file;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tower_parapet::audit::{Capture, JsonLines};
use tower_parapet::{Guard, Observer, Outcome, Parapet, Peer, Record};

/// Tells the test that a request is over; stands behind the sink, so the sink knows already.
struct Ended(mpsc::UnboundedSender<Outcome>);

impl Observer for Ended {
    fn completed(&self, record: &Record) {
        let _ = self.0.send(record.outcome);
    }
}

struct Service {
    address: SocketAddr,
    entered: mpsc::UnboundedReceiver<()>,
    ended: mpsc::UnboundedReceiver<Outcome>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Service {
    async fn start(audit: JsonLines, guards: Vec<Arc<dyn Guard>>) -> Self {
        let (over, ended) = mpsc::unbounded_channel();
        let (enter, entered) = mpsc::unbounded_channel();
        let mut builder = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .public("/open/{*rest}", "test")
            .audit(audit)
            .observe(Ended(over));
        for guard in guards {
            builder = builder.guard(guard);
        }
        let parapet = builder.build().unwrap();
        let waiting = enter.clone();
        let router = Router::new()
            .route("/open/ok", get(async || "fine"))
            .route("/open/panic", get(panics))
            .route("/open/item/{name}", get(async || "fine"))
            .route("/open/wait", get(move || wait(waiting.clone())))
            .route("/open/stream", get(move || stream(enter.clone())));
        let app = parapet.protect(router);
        drop(parapet);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            axum::serve(listener, app.into_make_service_with_connect_info())
                .with_graceful_shutdown(async move { stopped.await.unwrap_or_default() })
                .await
                .unwrap();
        });
        Self { address, entered, ended, stop, task }
    }

    async fn outcome(&mut self) -> Outcome {
        self.ended.recv().await.unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

async fn panics() -> &'static str {
    panic!("in the handler");
}

async fn wait(entered: mpsc::UnboundedSender<()>) -> &'static str {
    entered.send(()).unwrap();
    std::future::pending().await
}

async fn stream(entered: mpsc::UnboundedSender<()>) -> Body {
    Body::from_stream(futures_util::stream::unfold(0, move |count| {
        let entered = entered.clone();
        async move {
            if count > 0 {
                let _ = entered.send(());
                std::future::pending::<()>().await;
            }
            Some((Ok::<_, io::Error>(Bytes::from_static(b"piece")), count + 1))
        }
    }))
}

/// Sends a request and leaves the answer to come.
async fn begin(address: SocketAddr, target: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

async fn status(address: SocketAddr, target: &str) -> u16 {
    support::get(address, target, &[]).await.status
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn all(&self) -> Vec<Value> {
        parsed(&self.text())
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn parsed(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn sink() -> (JsonLines, Lines) {
    let lines = Lines::default();
    (JsonLines::builder().writer(lines.clone()).build().unwrap(), lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_refused_cancelled_and_panicked_requests_leave_exactly_one_record_each() {
    let (sink, lines) = sink();
    let mut service = Service::start(sink.clone(), vec![]).await;
    let address = service.address;

    assert_eq!(status(address, "/open/ok").await, 200);
    assert_eq!(service.outcome().await, Outcome::Answered);
    assert_eq!(status(address, "/closed").await, 401);
    assert_eq!(service.outcome().await, Outcome::Rejected);
    assert_eq!(status(address, "/open/panic").await, 500);
    assert_eq!(service.outcome().await, Outcome::Panicked);

    let waiting = begin(address, "/open/wait").await;
    service.entered.recv().await.unwrap();
    drop(waiting);
    assert_eq!(service.outcome().await, Outcome::Cancelled);

    let streaming = begin(address, "/open/stream").await;
    service.entered.recv().await.unwrap();
    drop(streaming);
    assert_eq!(service.outcome().await, Outcome::Cancelled);

    service.stop().await;
    sink.flush().unwrap();
    let all = lines.all();
    let seen: Vec<_> = all
        .iter()
        .map(|line| (line["path"].as_str().unwrap(), line["outcome"].as_str().unwrap()))
        .collect();
    let expected = [
        ("/open/ok", "answered"),
        ("/closed", "rejected"),
        ("/open/panic", "panicked"),
        ("/open/wait", "cancelled"),
        ("/open/stream", "cancelled"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(all[0]["bytes_out"], 4);
    assert_eq!(all[0]["route"], "/open/{*rest}");
    assert_eq!(all[0]["client"]["ip"], "127.0.0.1");
    assert_eq!(all[0]["client"]["via"], "peer");
    assert_eq!(all[1]["reason"], "missing-credentials");
    assert_eq!(all[1]["status"], 401);
    assert_eq!(all[3].get("status"), None);
    assert_eq!(all[4]["status"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_leave_a_thousand_records() {
    let (sink, lines) = sink();
    let service = Service::start(sink.clone(), vec![]).await;
    let address = service.address;
    let callers: Vec<_> = (0..10)
        .map(|caller| {
            tokio::spawn(async move {
                let mut counts = BTreeMap::<u16, usize>::new();
                for call in 0..100 {
                    let target = match call % 4 {
                        0 => "/closed".to_owned(),
                        1 if call % 20 == 1 => "/open/panic".to_owned(),
                        _ => format!("/open/item/{caller}-{call}"),
                    };
                    *counts.entry(status(address, &target).await).or_default() += 1;
                }
                counts
            })
        })
        .collect();
    let mut answered = BTreeMap::<u16, usize>::new();
    for caller in callers {
        for (status, count) in caller.await.unwrap() {
            *answered.entry(status).or_default() += count;
        }
    }
    service.stop().await;
    sink.flush().unwrap();
    let mut recorded = BTreeMap::<u16, usize>::new();
    let mut ids = BTreeSet::new();
    for line in lines.all() {
        let status = u16::try_from(line["status"].as_u64().unwrap()).unwrap();
        *recorded.entry(status).or_default() += 1;
        ids.insert(line["request_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(recorded, answered);
    assert_eq!(answered.keys().copied().collect::<Vec<_>>(), [200, 401, 500]);
    assert_eq!(ids.len(), 1000);
    assert_eq!((sink.stats().written, sink.stats().dropped), (1000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_query_and_the_path_hold_no_token_and_no_second_line_is_recorded() {
    let lines = Lines::default();
    let builder = JsonLines::builder().writer(lines.clone()).query(["page"]);
    let sink = builder.build().unwrap();
    let capture: Arc<dyn Guard> = Arc::new(Capture::headers(["user-agent"]).unwrap());
    let service = Service::start(sink.clone(), vec![capture]).await;
    let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    let targets = [
        format!("/open/ok?access_token=hush-hush&page=2&{jwt}"),
        format!("/open/item/{jwt}"),
        "/open/item/a\",\"outcome\":\"forged\",\"x\":\"\u{2028}é".to_owned(),
        "/closed?api_key=hush-hush".to_owned(),
    ];
    let headers = [
        ("User-Agent", "curl"),
        ("Authorization", "Bearer hush-hush"),
        ("Cookie", "session=hush-hush"),
    ];
    for target in &targets {
        support::get(service.address, target, &headers).await;
    }
    service.stop().await;
    sink.flush().unwrap();
    let text = lines.text();
    assert!(!text.contains("hush-hush"), "{text}");
    assert!(!text.contains("eyJ"), "{text}");
    let all = lines.all();
    assert_eq!(all[0]["query"], "page=2&…");
    assert_eq!(all[0]["notes"]["user-agent"], "curl");
    assert_eq!(all[1]["path"], "/open/item/…");
    assert!(all.iter().all(|line| line["outcome"] != "forged"));
}

/// A writer that says when it is called, and then hangs until the test lets it go.
struct Hanging {
    called: Sender<()>,
    go: Receiver<()>,
    lines: Lines,
}

impl Write for Hanging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.called.send(());
        let _ = self.go.recv();
        self.lines.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_find_a_hanging_output_are_dropped_and_counted_and_no_request_waits() {
    let (called, calls) = channel();
    let (let_go, go) = channel();
    let lines = Lines::default();
    let writer = Hanging { called, go, lines: lines.clone() };
    let sink = JsonLines::builder().writer(writer).capacity(8).build().unwrap();
    let service = Service::start(sink.clone(), vec![]).await;
    assert_eq!(status(service.address, "/open/ok").await, 200);
    spawn_blocking(move || calls.recv().unwrap()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(status(service.address, "/open/ok").await, 200);
    }
    service.stop().await;
    assert_eq!(sink.stats().dropped, 13);
    drop(let_go);
    sink.flush().unwrap();
    assert_eq!(sink.stats().written, 8);
    let told: Vec<_> = lines.all().into_iter().filter(|line| line["event"] == "dropped").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["count"], 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_refuses_what_could_not_be_recorded() {
    let (called, calls) = channel();
    let (let_go, go) = channel();
    let writer = Hanging { called, go, lines: Lines::default() };
    let sink = JsonLines::builder().writer(writer).capacity(1).build().unwrap();
    let service = Service::start(sink.clone(), vec![Arc::new(sink.gate())]).await;
    assert_eq!(status(service.address, "/open/ok").await, 200);
    spawn_blocking(move || calls.recv().unwrap()).await.unwrap();
    assert_eq!(status(service.address, "/open/ok").await, 503);
    drop(let_go);
    sink.flush().unwrap();
    assert_eq!(status(service.address, "/open/ok").await, 200);
    service.stop().await;
}
