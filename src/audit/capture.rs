use std::borrow::Cow;

use http::{HeaderName, HeaderValue, header};

use super::redact;
use crate::error::{ConfigError, Mistakes};
use crate::guard::{Exchange, Flow, Guard, Phase};
use crate::rejection::Rejection;
use crate::service::guard_layer;

/// A guard that notes named request headers in the request's record.
///
/// No header is recorded otherwise. A header becomes a note under the name it was given by. Its
/// value is cut to 256 bytes; one that holds what looks like a token is replaced by `…`, and
/// `referer` ends before its query.
///
/// # Example
/// ```
/// use tower_parapet::audit::Capture;
///
/// let capture = Capture::headers(["user-agent", "x-tenant"])?;
/// assert!(Capture::headers(["authorization"]).is_err());
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Capture {
    headers: Vec<(&'static str, HeaderName)>,
}

impl Capture {
    /// A guard for these headers.
    ///
    /// # Errors
    /// When none is named, a name is not one of a header, or is known to carry credentials.
    pub fn headers(names: impl IntoIterator<Item = &'static str>) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let mut headers = Vec::new();
        for name in names {
            match HeaderName::try_from(name) {
                Err(_) => {
                    let problem = "is not the name of a header";
                    mistakes.push("capture", name, problem, "write it like `user-agent`");
                }
                Ok(header) if redact::is_secret_header(header.as_str()) => {
                    let problem = "carries credentials";
                    mistakes.push("capture", name, problem, "leave it out of the records");
                }
                Ok(header) => headers.push((name, header)),
            }
        }
        if headers.is_empty() && mistakes.is_empty() {
            mistakes.push("capture", "", "names no header", "name one, or leave the guard out");
        }
        mistakes.finish().map(|()| Self { headers })
    }
}

impl Guard for Capture {
    fn name(&self) -> &'static str {
        "capture"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        for (name, header) in &self.headers {
            if let Some(shown) = exchange.headers().get(header).map(|value| shown(header, value)) {
                exchange.note(name, shown);
            }
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        let names = self.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        Cow::Owned(format!("records {}", names.join(", ")))
    }
}

guard_layer!(Capture);

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    let text = match text.split_once('?') {
        Some((address, _)) if name == header::REFERER => address,
        _ => &*text,
    };
    if text.split([' ', '/', ',', ';', '=']).any(redact::is_credential) {
        return redact::MASK.to_owned();
    }
    redact::shortened(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_carries_credentials_cannot_be_named_and_all_mistakes_are_reported() {
        let named = [
            "user-agent",
            "Authorization",
            "x-api-key",
            "X-Hub-Signature-256",
            "Ocp-Apim-Subscription-Key",
            "sec-websocket-protocol",
            "no spaces",
        ];
        let error = Capture::headers(named).unwrap_err();
        let values: Vec<_> = error.mistakes().iter().map(|mistake| mistake.value()).collect();
        assert_eq!(values, named[1..]);
        assert!(Capture::headers([]).is_err());
    }

    #[test]
    fn a_header_value_that_looks_like_a_token_is_masked() {
        let of = |value| shown(&header::USER_AGENT, &HeaderValue::from_static(value));
        assert_eq!(of("Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"), "…");
        assert_eq!(of("curl/8.5.0"), "curl/8.5.0");
    }

    #[test]
    fn a_referer_ends_before_its_query() {
        let value = HeaderValue::from_static("https://shop.example/reset?token=hush");
        assert_eq!(shown(&header::REFERER, &value), "https://shop.example/reset");
    }
}
