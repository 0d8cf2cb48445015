use std::{borrow::Cow, fmt};

use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::rejection::{Reason, Rejection};

/// Whether the stack can do its work: what its parts still wait for, if anything.
///
/// As a response it is 200, or the 503 of `unavailable` with `Retry-After`; what is waited for is
/// told to the record, and not to whoever asks.
///
/// # Example
/// ```
/// use axum::{Router, routing::get};
/// use tower_parapet::Parapet;
///
/// # fn app() -> Result<(), tower_parapet::ConfigError> {
/// let parapet = Parapet::builder().probe("/readyz").public("GET /", "a page").build()?;
/// let stack = parapet.clone();
/// let router: Router = Router::new().route("/readyz", get(async move || stack.ready()));
/// // … and `parapet.protect(router)`.
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    waiting: Vec<Waiting>,
}

/// A part that is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Waiting {
    /// The guard, scheme or sink.
    pub part: Cow<'static, str>,
    /// What it waits for.
    pub reason: Cow<'static, str>,
}

impl Readiness {
    /// Says that a part waits for something, `keys of the issuer` say.
    pub fn wait_for(
        &mut self,
        part: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) {
        self.waiting.push(Waiting { part: part.into(), reason: reason.into() });
    }

    /// Whether nothing is waited for.
    pub fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What is waited for.
    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter()
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ready() {
            return f.write_str("ready");
        }
        for (index, Waiting { part, reason }) in self.waiting.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{part} waits for {reason}")?;
        }
        Ok(())
    }
}

const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl IntoResponse for Readiness {
    fn into_response(self) -> Response {
        if self.is_ready() {
            return Response::new(Body::from("ready\n"));
        }
        Rejection::new(Reason::Unavailable)
            .detail("not ready")
            .header(header::RETRY_AFTER, RETRY_AFTER)
            .expected("a stack that is ready")
            .found(self.to_string())
            .into_response()
    }
}
