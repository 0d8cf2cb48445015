//! The endpoint that the provider posts to.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum_core::body::Body;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};

use super::NAME;
use super::form::{NoToken, logout_token};
use super::token::{Expected, LogoutToken, refuse};
use crate::auth::StoreError;
use crate::auth::jwt::Signers;
use crate::auth::replay::{ReplayKey, ReplayStore};
use crate::auth::revocation::{Revocations, RevokeError};
use crate::clock::{Clock, within};
use crate::problem::{Kept, dress};
use crate::rejection::{Reason, Rejection};

/// The largest body, in bytes: a token of 8 KiB with every character escaped would be larger, and
/// nobody escapes them.
const MOST: usize = 16 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends sessions when the identity provider says so. Cheap to clone.
///
/// Made by [`Revocations::backchannel_logout`]; see the [module](super) for what it takes.
#[derive(Clone)]
pub struct BackchannelLogout(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) expected: Expected,
    pub(super) signers: Signers,
    pub(super) revocations: Revocations,
    pub(super) replays: Arc<dyn ReplayStore>,
    pub(super) whole_identity: bool,
    pub(super) clock: Arc<dyn Clock>,
}

impl BackchannelLogout {
    /// A router with the one route of the endpoint, to be merged into an app. The route has to be
    /// public in the table of a stack: the provider's signature is all there is.
    #[cfg(feature = "axum")]
    pub fn router(&self, path: &str) -> axum::Router {
        let endpoint = self.clone();
        let answer = move |request: Request<Body>| {
            let endpoint = endpoint.clone();
            async move { endpoint.answer(request).await }
        };
        axum::Router::new().route(path, axum::routing::any(answer))
    }

    /// The answer to a request for the endpoint, whatever its path: 200, or a refusal.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        if *request.method() != Method::POST {
            let mut response = response(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        match self.take(request).await {
            Ok(()) => response(StatusCode::OK),
            Err(rejection) => refusal(rejection.by(NAME)),
        }
    }

    async fn take<B>(&self, request: Request<B>) -> Result<(), Rejection>
    where
        B: http_body::Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        if !is_form(&head.headers) {
            return Err(refuse("`application/x-www-form-urlencoded`", "another media type"));
        }
        let body = match within(PATIENCE, Limited::new(body, MOST).collect()).await {
            Some(Ok(body)) => body.to_bytes(),
            Some(Err(_)) => {
                return Err(refuse("a body of 16 KiB", "a larger one, or a broken one"));
            }
            None => return Err(refuse("a body within 10 s", "one that takes longer")),
        };
        let token = logout_token(&body).map_err(|why| {
            let found = match why {
                NoToken::Absent => "none",
                NoToken::Repeated => "more than one",
                NoToken::Broken => "one with a broken escape",
            };
            refuse("a form with one `logout_token`", found)
        })?;
        self.0.end(token).await
    }
}

impl Inner {
    async fn end(&self, token: Vec<u8>) -> Result<(), Rejection> {
        let takes = |typ: Option<&str>| self.expected.takes_type(typ);
        let signed = self.signers.signed(&token, &*self.clock, takes).await?;
        let now = self.clock.unix();
        let token = self.expected.check(&signed.claims, now, signed.skew)?;
        self.revoke(&signed.issuer, &token).await.map_err(unavailable)?;
        let key = ReplayKey::of("logout", &[signed.issuer.as_bytes(), token.id.as_bytes()]);
        let until = token.until.saturating_add(signed.skew.saturating_mul(2));
        match self.replays.consume(key, until, now).wait().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(refuse("a token that was not used", "one that was")),
            Err(error) => Err(unavailable(RevokeError::Store(error))),
        }
    }

    async fn revoke(&self, issuer: &str, token: &LogoutToken) -> Result<(), RevokeError> {
        if let Some(session) = &token.session {
            self.revocations.revoke_session(issuer, session).await?;
        }
        match &token.subject {
            Some(subject) if token.session.is_none() || self.whole_identity => {
                // The second of the logout is part of it, by the issuer's own clock.
                let after = Duration::from_secs(token.issued_at.as_secs().saturating_add(1));
                self.revocations.revoke_identity_before(issuer, subject, after).await
            }
            _ => Ok(()),
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

/// The logout is not lost: the provider may try again.
fn unavailable(error: RevokeError) -> Rejection {
    let cause = match error {
        RevokeError::Store(error) => error,
        other => StoreError::new(other),
    };
    cause.refusal("a list of revocations that takes the logout")
}

fn response(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// In the words of the specification, which a stack keeps; it records the rest.
fn refusal(rejection: Rejection) -> Response<Body> {
    let body = match rejection.reason() {
        Reason::BadLogoutToken => {
            r#"{"error":"invalid_request","error_description":"the logout token is not valid here"}"#
        }
        _ => r#"{"error":"temporarily_unavailable"}"#,
    };
    let mut response = response(rejection.status());
    *response.body_mut() = Body::from(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    dress(&mut response, rejection);
    response.extensions_mut().insert(Kept);
    response
}

impl fmt::Debug for BackchannelLogout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackchannelLogout")
            .field("clients", &self.0.expected.clients)
            .finish_non_exhaustive()
    }
}
