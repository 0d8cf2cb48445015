//! The headers that tell browsers what they may not do with a response.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::error::{ConfigError, Mistakes};
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Phase};
use crate::inspect::{Findings, rule};
use crate::rejection::Rejection;
use crate::service::guard_layer;

/// For an API: nothing is sniffed, stored, run, framed, told to other sites or read by them.
const DEFAULTS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
];

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// These belong to one response and its connection; the same value for all of them is never right.
const PER_RESPONSE: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::SET_COOKIE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Stamps a set of headers on every response, rejections included; a handler's own value wins.
///
/// The defaults are those of the OWASP REST security cheat sheet:
///
/// | header | value |
/// |---|---|
/// | `X-Content-Type-Options` | `nosniff` |
/// | `Cache-Control` | `no-store` |
/// | `Content-Security-Policy` | `default-src 'none'; frame-ancestors 'none'` |
/// | `Referrer-Policy` | `no-referrer` |
/// | `Cross-Origin-Resource-Policy` | `same-origin` |
///
/// # Example
/// ```
/// use tower_parapet::transport::SecurityHeaders;
///
/// let headers = SecurityHeaders::builder()
///     .set("permissions-policy", "camera=()")
///     .remove("cross-origin-resource-policy")
///     .build()?;
/// # let _ = headers;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    headers: Arc<HeaderMap>,
}

/// A copy of the set takes the handler's own headers and those of other guards, so that its table is
/// made large enough beforehand rather than anew under each response.
const ROOM: usize = 12;

impl Default for SecurityHeaders {
    fn default() -> Self {
        let defaults = DEFAULTS.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let mut headers = HeaderMap::with_capacity(ROOM);
        headers.extend(defaults);
        Self { headers: Arc::new(headers) }
    }
}

impl SecurityHeaders {
    /// Starts from the defaults.
    pub fn builder() -> SecurityHeadersBuilder {
        SecurityHeadersBuilder::default()
    }
}

impl Guard for SecurityHeaders {
    fn name(&self) -> &'static str {
        "security-headers"
    }

    fn phase(&self) -> Phase {
        Phase::Reply
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        exchange.reply_headers(&self.headers);
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        let mut names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        Cow::Owned(format!("sends {}", names.join(", ")))
    }

    fn findings(&self, report: &mut Findings) {
        for (name, value) in DEFAULTS {
            if !self.headers.contains_key(&name) {
                report.add_with(
                    &rule::HEADER_MISSING,
                    self.name(),
                    format!("`{name}` is not sent"),
                    format!("{}: `{value}`", rule::HEADER_MISSING.remedy()),
                );
            }
        }
    }
}

/// Builds [`SecurityHeaders`]; see [`SecurityHeaders::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct SecurityHeadersBuilder {
    changes: Vec<(String, Option<String>)>,
}

impl SecurityHeadersBuilder {
    /// Sends this header, in place of a default of the same name.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.changes.push((name.into(), Some(value.into())));
        self
    }

    /// Leaves this header to the handlers.
    pub fn remove(mut self, name: impl Into<String>) -> Self {
        self.changes.push((name.into(), None));
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// For every name or value that cannot stand in a header, for headers that belong to a single
    /// response (`Content-Length`, `Set-Cookie` and their like), and for removing what is not set.
    pub fn build(self) -> Result<SecurityHeaders, ConfigError> {
        let mut mistakes = Mistakes::default();
        let mut headers = (*SecurityHeaders::default().headers).clone();
        for (name, value) in self.changes {
            let setter = if value.is_some() { "set" } else { "remove" };
            let Ok(name) = name.parse::<HeaderName>() else {
                mistakes.push(
                    setter,
                    name,
                    "is not a header name",
                    "write it as `referrer-policy`",
                );
                continue;
            };
            let Some(value) = value else {
                if headers.remove(&name).is_none() {
                    mistakes.push(setter, name.as_str(), "is not sent", "leave this line out");
                }
                continue;
            };
            if PER_RESPONSE.contains(&name) {
                mistakes.push(
                    setter,
                    name.as_str(),
                    "belongs to a single response",
                    "set it in the handler",
                );
                continue;
            }
            match HeaderValue::try_from(value) {
                Ok(value) => {
                    headers.insert(name, value);
                }
                Err(_) => mistakes.push(
                    setter,
                    name.as_str(),
                    "has a value with characters no header may hold",
                    "write visible ASCII without line breaks",
                ),
            }
        }
        mistakes.finish()?;
        Ok(SecurityHeaders { headers: Arc::new(headers) })
    }
}

impl IntoGuard for SecurityHeadersBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(SecurityHeaders);

#[cfg(test)]
mod tests {
    use super::*;

    fn text(headers: &SecurityHeaders, name: &str) -> Option<String> {
        headers.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_defaults_are_the_five_of_the_table() {
        let headers = SecurityHeaders::default();
        assert_eq!(headers.headers.len(), 5);
        assert_eq!(text(&headers, "x-content-type-options").as_deref(), Some("nosniff"));
        assert_eq!(text(&headers, "cache-control").as_deref(), Some("no-store"));
        let mut findings = Findings::default();
        headers.findings(&mut findings);
        assert!(findings.is_empty());
    }

    #[test]
    fn single_headers_can_be_set_and_removed() {
        let headers = SecurityHeaders::builder()
            .set("Cache-Control", "private")
            .set("permissions-policy", "camera=()")
            .remove("Referrer-Policy")
            .build()
            .unwrap();
        assert_eq!(text(&headers, "cache-control").as_deref(), Some("private"));
        assert_eq!(text(&headers, "permissions-policy").as_deref(), Some("camera=()"));
        assert_eq!(text(&headers, "referrer-policy"), None);
        let mut findings = Findings::default();
        headers.findings(&mut findings);
        assert_eq!(findings.iter().count(), 1);
    }

    #[test]
    fn every_header_that_cannot_be_sent_is_named_at_once() {
        let error = SecurityHeaders::builder()
            .set("no good", "x")
            .set("x-a", "a\r\nx-b: b")
            .set("content-length", "0")
            .remove("x-absent")
            .build()
            .unwrap_err();
        let setters: Vec<_> =
            error.mistakes().iter().map(|mistake| (mistake.setter(), mistake.value())).collect();
        let want =
            [("set", "no good"), ("set", "x-a"), ("set", "content-length"), ("remove", "x-absent")];
        assert_eq!(setters, want);
    }
}
