//! A service that tells whom it took a caller for.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{Json, Router, body::Body, routing::get};
use http::{
    HeaderName, Request,
    header::{AUTHORIZATION, HOST},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use tower_parapet::{Guarded, Parapet, Principal, Tls, auth::IntoScheme, clock::ManualClock};

pub const NOW: u64 = 1_800_000_000;
pub const ISSUER: &str = "https://id.example";
pub const AUDIENCE: &str = "orders";

/// Answers with subject, scopes and claims.
#[derive(Clone)]
pub struct Service(Guarded<Router>);

impl Service {
    pub fn of(schemes: Vec<impl IntoScheme>) -> Self {
        let clock = ManualClock::at_unix(Duration::from_secs(NOW));
        let mut parapet = Parapet::builder().with_clock(clock);
        for scheme in schemes {
            parapet = parapet.authenticate(scheme);
        }
        let whoami = async |caller: Principal| {
            let scopes: Vec<_> = caller.scopes().map(str::to_owned).collect();
            Json(json!({"sub": caller.subject(), "scopes": scopes, "claims": caller.claims()}))
        };
        let app = Router::new().route("/", get(whoami));
        Self(parapet.build().unwrap().protect(app))
    }

    /// Whom a bearer token speaks for, or the problem that it is.
    pub fn ask(&self, token: &[u8]) -> Result<Value, Value> {
        self.ask_by(&[(AUTHORIZATION, &[b"Bearer ", token].concat())])
    }

    /// Whom a request with these headers speaks for.
    pub fn ask_by(&self, headers: &[(HeaderName, &[u8])]) -> Result<Value, Value> {
        let mut request = Request::get("/").header(HOST, "api.example").extension(Tls::new());
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        // What no header can hold comes over no wire.
        let request = request.body(Body::empty()).map_err(|_| Value::Null)?;
        let answer = at_once(self.0.clone().oneshot(request)).unwrap();
        let is_taken = answer.status().is_success();
        let bytes = at_once(answer.into_body().collect()).unwrap().to_bytes();
        let said = serde_json::from_slice(&bytes).unwrap();
        if is_taken { Ok(said) } else { Err(said) }
    }
}

/// Nothing here waits for anything.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}
