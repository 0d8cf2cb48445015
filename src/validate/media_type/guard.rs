use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};

use crate::{
    error::ConfigError,
    guard::{BodyWatch, Exchange, Flow, Guard, IntoGuard, Phase},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

use super::{Declared, MediaTypes, MediaTypesBuilder, Presence, declared, presence};

guard_layer!(MediaTypes);

impl IntoGuard for MediaTypesBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl Guard for MediaTypes {
    fn name(&self) -> &'static str {
        "media-types"
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let presence = presence(exchange.headers());
        // HTTP/1 has no body without framing headers; a safe method is spared the watch.
        if presence == Presence::Unknown && is_bare(exchange) {
            return Ok(Flow::Continue);
        }
        let Some(refusal) = self.refusal(exchange.headers()) else {
            return Ok(Flow::Continue);
        };
        if presence == Presence::Present {
            return Err(refusal);
        }
        exchange.watch_body(Unwanted(refusal));
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        let names: Vec<String> = self.allowed.iter().map(ToString::to_string).collect();
        Cow::Owned(names.join(", "))
    }
}

impl MediaTypes {
    fn refusal(&self, headers: &HeaderMap) -> Option<Rejection> {
        match declared(headers) {
            Declared::One(media_type) => {
                let is_allowed = self.allowed.iter().any(|range| range.covers(&media_type));
                (!is_allowed).then(|| unsupported("the media type of the body is not accepted"))
            }
            Declared::Nothing => Some(undeclared()),
            Declared::Unreadable => return Some(unreadable()),
        }
        .map(|refusal| not_among(refusal, &self.accept, headers))
    }
}

fn is_bare(exchange: &Exchange) -> bool {
    let is_safe =
        matches!(*exchange.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    is_safe && exchange.head().version < Version::HTTP_2
}

/// Refuses a body whose head did not announce it, as soon as it turns out to be there.
struct Unwanted(Rejection);

impl BodyWatch for Unwanted {
    fn chunk(&mut self, data: &Bytes) -> Result<(), Rejection> {
        match data.is_empty() {
            true => Ok(()),
            false => Err(self.0.clone()),
        }
    }
}

/// A `Content-Type` that two parsers could read in two ways.
pub(in crate::validate) fn unreadable() -> Rejection {
    Rejection::new(Reason::BadHeader)
        .detail("the Content-Type cannot be read, or stands twice")
        .expected("one media type by the grammar of RFC 9110")
        .found("another text, or several")
}

/// A body of which nothing is said.
pub(in crate::validate) fn undeclared() -> Rejection {
    unsupported("the body needs a Content-Type").expected("a Content-Type").found("none")
}

/// A media type, charset or coding that is readable and not taken.
pub(in crate::validate) fn unsupported(detail: &'static str) -> Rejection {
    Rejection::new(Reason::UnsupportedMediaType).detail(detail)
}

/// Adds what would have been taken, for the caller, and what was sent, for the record.
pub(in crate::validate) fn not_among(
    refusal: Rejection,
    accept: &HeaderValue,
    headers: &HeaderMap,
) -> Rejection {
    if refusal.private_expected().is_some() {
        return refusal.header(header::ACCEPT, accept.clone());
    }
    refusal
        .expected(accept.to_str().unwrap_or_default().to_owned())
        .found(sent(headers, &header::CONTENT_TYPE))
        .header(header::ACCEPT, accept.clone())
}

fn sent(headers: &HeaderMap, name: &HeaderName) -> Cow<'static, str> {
    match headers.get(name) {
        Some(value) => Cow::Owned(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        None => Cow::Owned(format!("no {name}")),
    }
}

/// Refuses what would make the handler read other bytes than were judged: a charset other than
/// UTF-8, and a content coding.
pub(in crate::validate) fn plain_utf8(
    exchange: &Exchange,
    media_type: &super::parse::MediaType<'_>,
) -> Result<(), Rejection> {
    if !media_type.is_utf8() {
        return Err(unsupported("JSON is UTF-8; no other charset is accepted")
            .expected("no charset, or UTF-8")
            .found(sent(exchange.headers(), &header::CONTENT_TYPE)));
    }
    let mut codings = exchange.headers().get_all(header::CONTENT_ENCODING).iter();
    let is_identity = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"identity");
    if !codings.all(is_identity) {
        return Err(unsupported("no content coding is accepted here")
            .expected("no content coding")
            .found(sent(exchange.headers(), &header::CONTENT_ENCODING))
            .header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    Ok(())
}
