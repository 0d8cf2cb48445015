//! A stack with the guard, over a handler that does as its test says.

mod guard;
mod interleaving;
mod memory;
mod settings;
#[cfg(feature = "redis")]
mod shared;
mod streams;

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum_core::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, util::BoxCloneSyncService};

use super::{Idempotency, IdempotencyBuilder, MemoryResponses};
use crate::{
    Parapet, Peer, PeerAddr, Rejection,
    clock::ManualClock,
    guard::{ByHeader, IntoGuard},
};

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// What the handler does, call by call; then it counts its calls.
#[derive(Clone, Default)]
struct Handler {
    next: Arc<Mutex<VecDeque<Answering>>>,
    runs: Arc<AtomicUsize>,
}

impl Handler {
    fn then(&self, answer: impl Future<Output = Response<Body>> + Send + 'static) {
        self.next.lock().unwrap().push_back(Box::pin(answer));
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn run(self) -> Response<Body> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        let next = self.next.lock().unwrap().pop_front();
        match next {
            Some(answer) => answer.await,
            None => Response::builder()
                .status(201)
                .header("content-type", "text/plain")
                .header("set-cookie", "secret=1")
                .header("x-order", run.to_string())
                .body(Body::from(format!("run {run}")))
                .unwrap(),
        }
    }
}

type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

#[derive(Clone)]
struct Site {
    service: crate::Guarded<Inner>,
    handler: Handler,
    clock: ManualClock,
    store: MemoryResponses,
}

fn orders(store: &MemoryResponses) -> IdempotencyBuilder {
    Idempotency::builder(store.clone()).routes(["POST /orders", "PUT /orders/{id}"])
}

fn site() -> Site {
    site_with(|builder| builder)
}

fn site_with(change: impl FnOnce(IdempotencyBuilder) -> IdempotencyBuilder) -> Site {
    let store = MemoryResponses::default();
    let guard = change(orders(&store));
    Site { store, ..site_of(guard) }
}

fn site_of(guard: impl IntoGuard) -> Site {
    let (handler, clock) = (Handler::default(), ManualClock::default());
    let stack = Parapet::builder()
        .dangerous()
        .bare()
        .peer(Peer::Extension)
        .with_clock(clock.clone())
        .guard(ByHeader)
        .idempotency(guard)
        .build()
        .unwrap();
    let inner = handler.clone();
    let inner = tower::service_fn(move |_: Request<Body>| {
        let handler = inner.clone();
        async move { Ok::<_, Infallible>(handler.run().await) }
    });
    let service = stack.layer(BoxCloneSyncService::new(inner));
    Site { service, handler, clock, store: MemoryResponses::default() }
}

/// A request for an order, which tests change.
struct Ask {
    method: &'static str,
    path: &'static str,
    caller: Option<&'static str>,
    peer: &'static str,
    keys: Vec<String>,
    body: &'static str,
}

fn ask(key: &str) -> Ask {
    Ask {
        method: "POST",
        path: "/orders",
        caller: Some("ada"),
        peer: "192.0.2.1:1",
        keys: vec![format!("\"{key}\"")],
        body: "one tea",
    }
}

impl Ask {
    fn request(self) -> Request<Body> {
        let peer: SocketAddr = self.peer.parse().unwrap();
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some(caller) = self.caller {
            request = request.header("x-caller", caller);
        }
        for key in self.keys {
            request = request.header("idempotency-key", key);
        }
        request.extension(PeerAddr::new(peer)).body(Body::from(self.body)).unwrap()
    }
}

#[derive(Debug)]
struct Told {
    status: u16,
    reason: Option<&'static str>,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Told {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }
}

impl Site {
    fn call(&self, ask: Ask) -> impl Future<Output = Response<Body>> + Send + 'static {
        let call = self.service.clone().oneshot(ask.request());
        async move { call.await.unwrap() }
    }

    async fn ask(&self, ask: Ask) -> Told {
        told(self.call(ask).await).await
    }
}

async fn told(response: Response<Body>) -> Told {
    let reason =
        response.extensions().get::<Rejection>().map(|rejection| rejection.reason().code());
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Told { status: parts.status.as_u16(), reason, headers: parts.headers, body }
}

fn answer(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}
