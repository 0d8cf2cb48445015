//! A token among the subprotocols of a WebSocket: the one place where a browser can put it, since
//! its `WebSocket` takes no headers.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};

use super::builder::JwtBuilder;
use crate::error::Mistakes;
use crate::guard::Exchange;
use crate::rejection::{Reason, Rejection};

impl JwtBuilder {
    /// Takes a token from the subprotocols of a WebSocket's handshake too, as the entry
    /// `prefix.token`. A prefix that begins with `base64url.` is followed by the token in base64url,
    /// as Kubernetes has it (`base64url.bearer.authorization.k8s.io`). Default: from the header
    /// `Authorization` alone.
    ///
    /// For browsers, whose `WebSocket` cannot send that header: `new WebSocket(url, ["app.v1",
    /// "bearer." + token])`. The client offers a protocol of the application beside it, for the
    /// service to choose. The entry is taken out before the handler sees the request, so that it is
    /// neither chosen nor logged. A token in both places, or two of them, is refused.
    pub fn subprotocol(mut self, prefix: impl Into<String>) -> Self {
        self.subprotocol = Some(prefix.into());
        self
    }
}

/// Where a token stands among the subprotocols.
#[derive(Debug)]
pub(super) struct Subprotocol {
    /// With the dot.
    prefix: Box<str>,
    is_encoded: bool,
}

impl Subprotocol {
    /// A prefix that can stand in a subprotocol, which is a token of HTTP.
    pub(super) fn new(prefix: &str, mistakes: &mut Mistakes) -> Self {
        let is_tchar =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if prefix.is_empty() || prefix.ends_with('.') || !prefix.bytes().all(is_tchar) {
            let remedy = "write one such as `bearer`, without the dot behind it";
            mistakes.push("subprotocol", prefix, "is not the beginning of a subprotocol", remedy);
        }
        Self { prefix: format!("{prefix}.").into(), is_encoded: prefix.starts_with("base64url.") }
    }

    /// Whether a handshake has a token here.
    pub(super) fn is_presented(&self, exchange: &Exchange) -> bool {
        self.tokens(exchange.headers()).next().is_some() && exchange.is_websocket()
    }

    /// The one token of a handshake that has one here.
    pub(super) fn token<'a>(&self, headers: &'a HeaderMap) -> Result<Cow<'a, [u8]>, Rejection> {
        let mut tokens = self.tokens(headers);
        let token = tokens.next().unwrap_or_default();
        if tokens.next().is_some() {
            return Err(Rejection::new(Reason::AmbiguousCredentials)
                .detail("more than one subprotocol is a token")
                .expected("one token among the subprotocols")
                .found("several"));
        }
        match self.is_encoded {
            // What cannot be decoded is no token, and is refused as one.
            true => Ok(URL_SAFE_NO_PAD.decode(token).unwrap_or_default().into()),
            false => Ok(token.into()),
        }
    }

    /// RFC 6455 lets a service choose only among what was offered, and browsers close a connection
    /// for which nothing was chosen.
    pub(super) fn demand_another(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        if entries(headers).any(|entry| !self.names(entry)) {
            return Ok(());
        }
        Err(Rejection::new(Reason::BadHeader)
            .detail("offer a subprotocol of the application beside the token")
            .expected("two subprotocols at least")
            .found("the token alone"))
    }

    /// Takes the tokens out, handshake or not.
    pub(super) fn hide(&self, exchange: &mut Exchange) {
        if self.tokens(exchange.headers()).next().is_none() {
            return;
        }
        let kept: Vec<_> = entries(exchange.headers()).filter(|entry| !self.names(entry)).collect();
        match HeaderValue::from_bytes(&kept.join(&b", "[..])) {
            Ok(rest) if !kept.is_empty() => exchange.set_header(SEC_WEBSOCKET_PROTOCOL, rest),
            _ => exchange.remove_header(&SEC_WEBSOCKET_PROTOCOL),
        }
    }

    fn tokens<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
        entries(headers).filter_map(|entry| entry.strip_prefix(self.prefix.as_bytes()))
    }

    fn names(&self, entry: &[u8]) -> bool {
        entry.starts_with(self.prefix.as_bytes())
    }
}

/// All subprotocols offered, over all lines of the header.
fn entries(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let entries = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty())
}
