//! An identity provider that knows every token, on a thread of its own.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Json, Router, routing::post};
use serde_json::json;

use crate::fixtures::{AUDIENCE, ISSUER};

pub(crate) struct Provider {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    /// It ends with the process.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let app = Router::new().route(
            "/introspect",
            post(async move || {
                counter.fetch_add(1, Ordering::Relaxed);
                Json(active())
            }),
        );
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, app).await.unwrap();
            });
        });
        Self { address, asked }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/introspect", self.address)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn active() -> serde_json::Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({
        "active": true,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "5ba552d67-8f5c-4bd4-a2f3-1c3a5f2f6d11",
        "client_id": "shop-web",
        "scope": "openid profile orders:read orders:write",
        "exp": now + 3600,
    })
}
