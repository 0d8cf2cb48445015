//! An authorization server of the tests' own: it keeps what it was asked, and answers as it is told.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub form: Vec<(String, String)>,
}

impl Asked {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Reply = dyn Fn(&Asked) -> Response<String> + Send + Sync;

/// The server; clones are the same one. It lives until it is stopped.
#[derive(Clone)]
pub struct Authority {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    reply: Arc<Mutex<Arc<Reply>>>,
    gate: watch::Sender<bool>,
    tls: Option<TlsAcceptor>,
    serving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Authority {
    pub async fn start(reply: impl Fn(&Asked) -> Response<String> + Send + Sync + 'static) -> Self {
        Self::start_with(None, reply).await
    }

    /// The same, over TLS.
    pub async fn start_with(
        tls: Option<TlsAcceptor>,
        reply: impl Fn(&Asked) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            reply: Arc::new(Mutex::new(Arc::new(reply))),
            gate: watch::Sender::new(true),
            tls,
            serving: Arc::default(),
        };
        authority.serve(listener);
        authority
    }

    /// Ends every connection, and takes no new one.
    pub async fn stop(&self) {
        let serving = self.serving.lock().unwrap().take();
        if let Some(serving) = serving {
            serving.abort();
            let _ = serving.await;
        }
    }

    /// Again on the same port.
    pub async fn restart(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn serve(&self, listener: TcpListener) {
        let own = self.clone();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let answering = own.clone();
                let service = service_fn(move |request| answering.clone().answer(request));
                let tls = own.tls.clone();
                connections.spawn(async move {
                    let http = http1::Builder::new();
                    let _ = match tls {
                        None => http.serve_connection(TokioIo::new(stream), service).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => {
                                http.serve_connection(TokioIo::new(stream), service).await
                            }
                            Err(_) => Ok(()),
                        },
                    };
                });
            }
        });
        *self.serving.lock().unwrap() = Some(serving);
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let asked = Asked {
            method: head.method.to_string(),
            path: head.uri.to_string(),
            headers: head.headers,
            form: form(&String::from_utf8_lossy(&body)),
        };
        self.asked.lock().unwrap().push(asked.clone());
        let _ = self.gate.subscribe().wait_for(|is_open| *is_open).await;
        let reply = self.reply.lock().unwrap().clone();
        Ok(reply(&asked).map(|body| Full::new(Bytes::from(body))))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers otherwise from now on.
    pub fn reply(&self, reply: impl Fn(&Asked) -> Response<String> + Send + Sync + 'static) {
        *self.reply.lock().unwrap() = Arc::new(reply);
    }

    /// Keeps the answers back until [`release`](Self::release).
    pub fn hold(&self) {
        self.gate.send_replace(false);
    }

    pub fn release(&self) {
        self.gate.send_replace(true);
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn last(&self) -> Asked {
        self.asked().pop().unwrap()
    }

    pub fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Waits until so many requests have come.
    pub async fn was_asked(&self, calls: usize) {
        while self.calls() < calls {
            tokio::task::yield_now().await;
        }
    }
}

pub fn json(status: u16, body: impl ToString) -> Response<String> {
    let reply = Response::builder().status(StatusCode::from_u16(status).unwrap());
    reply.header("content-type", "application/json").body(body.to_string()).unwrap()
}

fn form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(n, v)| (plain(n), plain(v)))
        .collect()
}

/// Undoes the coding of a form, by itself.
pub fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
