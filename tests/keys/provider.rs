//! An identity provider over a real socket, that can change its keys, go down, and hang.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use tower_parapet::testing::TestIssuer;

#[derive(Clone)]
pub struct Provider {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    set: Mutex<String>,
    head: Mutex<String>,
    documents: Mutex<Vec<(String, Value)>>,
    asked: Mutex<Vec<(String, Instant)>>,
    turned_away: AtomicUsize,
    is_down: AtomicBool,
    open: watch::Sender<bool>,
}

impl Provider {
    /// Publishes nothing yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            set: Mutex::new(r#"{"keys":[]}"#.to_owned()),
            head: Mutex::default(),
            documents: Mutex::default(),
            asked: Mutex::default(),
            turned_away: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            open: watch::Sender::new(true),
        });
        let provider = Self { address, shared };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let provider = serving.clone();
                tokio::spawn(async move { provider.serve(stream).await });
            }
        });
        provider
    }

    /// The same provider over TLS, at another port.
    pub async fn secure(&self, acceptor: TlsAcceptor) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let provider = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (provider, acceptor) = (provider.clone(), acceptor.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        provider.serve(stream).await;
                    }
                });
            }
        });
        address
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        if self.shared.is_down.load(Ordering::SeqCst) {
            self.shared.turned_away.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let mut text = Vec::new();
        while !text.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut chunk = [0; 1024];
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(read) => text.extend_from_slice(&chunk[..read]),
            }
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        self.shared.asked.lock().unwrap().push((path.clone(), Instant::now()));
        let answer = self.answer(&path);
        let _ = self.shared.open.subscribe().wait_for(|open| *open).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    fn answer(&self, path: &str) -> String {
        let document = self.shared.documents.lock().unwrap();
        let document = document.iter().find(|(of, _)| of == path).map(|(_, text)| text.to_string());
        let (status, body) = match document {
            Some(document) => ("200 OK", document),
            None if path == "/jwks" => ("200 OK", self.shared.set.lock().unwrap().clone()),
            None => ("404 Not Found", String::new()),
        };
        let (head, length) = (self.shared.head.lock().unwrap().clone(), body.len());
        format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\n{head}content-length: {length}\r\n\r\n{body}"
        )
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Publishes the keys of these issuers.
    pub fn publish(&self, issuers: &[&TestIssuer]) {
        let keys: Vec<Value> = issuers
            .iter()
            .flat_map(|issuer| {
                let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
                set["keys"].as_array().unwrap().clone()
            })
            .collect();
        self.publish_text(json!({ "keys": keys }).to_string());
    }

    pub fn publish_text(&self, text: impl Into<String>) {
        *self.shared.set.lock().unwrap() = text.into();
    }

    /// Header lines of its answers, each with its end.
    pub fn head(&self, lines: &str) {
        *self.shared.head.lock().unwrap() = lines.to_owned();
    }

    /// Another document at a path.
    pub fn document(&self, path: &str, document: Value) {
        let mut documents = self.shared.documents.lock().unwrap();
        documents.retain(|(of, _)| of != path);
        documents.push((path.to_owned(), document));
    }

    pub fn go_down(&self) {
        self.shared.is_down.store(true, Ordering::SeqCst);
    }

    pub fn come_up(&self) {
        self.shared.is_down.store(false, Ordering::SeqCst);
    }

    /// Takes requests and does not answer them.
    pub fn hang(&self) {
        self.shared.open.send_replace(false);
    }

    /// Answers those that hang, and all others.
    pub fn answer_again(&self) {
        self.shared.open.send_replace(true);
    }

    /// The paths it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }

    /// When it was asked for its keys.
    pub fn fetches(&self) -> Vec<Instant> {
        let asked = self.shared.asked.lock().unwrap();
        asked.iter().filter(|(path, _)| path == "/jwks").map(|(_, at)| *at).collect()
    }

    pub fn turned_away(&self) -> usize {
        self.shared.turned_away.load(Ordering::SeqCst)
    }
}

/// Waits until something is so; what waits for it is told by nobody.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
