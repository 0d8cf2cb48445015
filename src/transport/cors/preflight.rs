//! Preflights (Fetch, section 4.8): what a browser asks before it sends a request.

use std::borrow::Cow;

use axum_core::body::Body;
use http::{Method, Response, StatusCode, header};

use crate::{
    guard::{Exchange, Flow, Guard, Phase},
    rejection::Rejection,
};

/// The method a preflight asks for; `None` where the request is none.
pub(crate) fn asked_method(exchange: &Exchange) -> Option<&[u8]> {
    if exchange.method() != Method::OPTIONS || !exchange.headers().contains_key(header::ORIGIN) {
        return None;
    }
    let asked = exchange.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    Some(asked.as_bytes())
}

/// Answers preflights that a policy has seen, before anything asks who is calling or counts how
/// often.
pub(crate) struct Preflights;

impl Guard for Preflights {
    fn name(&self) -> &'static str {
        "preflights"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if !exchange.preflight {
            return Ok(Flow::Continue);
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(Flow::respond(response))
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("answers preflights")
    }
}
