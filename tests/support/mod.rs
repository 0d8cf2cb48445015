//! What the tests share: a real server on a free loopback port, a client that can send anything,
//! and an observer that keeps what it is told.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

pub mod caller;
pub mod cargo;
pub mod program;

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use axum::Router;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_parapet::{Exchange, Flow, Guard, Guarded, Observer, Phase, Record, Rejection};

/// Serves a protected router, with the peer's address for `Peer::ConnectInfo`.
pub async fn serve(app: Guarded<Router>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info()).await.unwrap();
    });
    address
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(k, _)| k == name).map(|(_, v)| v.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The reason's code: the last part of a problem's `type`.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        problem["type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned()
    }
}

/// Sends bytes as they are and reads the answer to the end of the connection.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses early may reset the connection after its answer.
    let _ = stream.read_to_end(&mut answer).await;
    parse(&answer)
}

/// Sends a well-formed request that closes its connection.
pub async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    send(address, &bytes).await
}

/// A GET without a body.
pub async fn get(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Answer {
    request(address, "GET", target, headers, b"").await
}

pub fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked = headers.iter().any(|(n, v)| n == "transfer-encoding" && v.contains("chunked"));
    Answer { status, body: if chunked { unchunk(body) } else { body.to_vec() }, headers }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || bytes.len() < end + 4 + size {
            break;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    body
}

/// Keeps every record; waits for them without sleeping.
#[derive(Clone, Default)]
pub struct Records(Arc<(Mutex<Vec<Record>>, Condvar)>);

impl Records {
    /// What was told so far.
    pub fn all(&self) -> Vec<Record> {
        self.0.0.lock().unwrap().clone()
    }

    /// Blocks until at least `count` records have come, and gives all.
    pub fn wait_for(&self, count: usize) -> Vec<Record> {
        let (records, told) = &*self.0;
        let records = records.lock().unwrap();
        let (records, timeout) =
            told.wait_timeout_while(records, Duration::from_secs(20), |r| r.len() < count).unwrap();
        assert!(!timeout.timed_out(), "{} records instead of {count}", records.len());
        records.clone()
    }
}

impl Observer for Records {
    fn completed(&self, record: &Record) {
        self.0.0.lock().unwrap().push(record.clone());
        self.0.1.notify_all();
    }
}

/// A guard made of a closure, in the phase of transport.
pub struct Does<F>(F);

impl<F> Guard for Does<F>
where
    F: Fn(&mut Exchange) -> Result<Flow, Rejection> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        "does"
    }
    fn phase(&self) -> Phase {
        Phase::Transport
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        (self.0)(exchange)
    }
}

/// Makes a guard of a closure.
pub fn does<F>(check: F) -> Does<F>
where
    F: Fn(&mut Exchange) -> Result<Flow, Rejection> + Send + Sync + 'static,
{
    Does(check)
}
