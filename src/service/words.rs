//! What becomes of a refusal's headers as it is put into words.

use axum_core::body::Body;
use http::{HeaderName, HeaderValue, Response, header};

use crate::rejection::Rejection;

/// Names the document that says how to get a token in every challenge for one (RFC 9728, section 5.1).
pub(super) fn pointing(rejection: Rejection, url: &str) -> Rejection {
    rejection.amend(|name, value| {
        let text = value.to_str().ok().filter(|_| *name == header::WWW_AUTHENTICATE)?;
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let is_for_tokens = ["Bearer", "DPoP"].iter().any(|own| own.eq_ignore_ascii_case(scheme));
        if !is_for_tokens || rest.contains("resource_metadata=") {
            return None;
        }
        let comma = if rest.is_empty() { "" } else { "," };
        HeaderValue::try_from(format!("{text}{comma} resource_metadata=\"{url}\"")).ok()
    })
}

/// What describes a body goes with the body.
const OF_THE_BODY: [HeaderName; 9] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// Headers that other layers put on a refusal survive its rendering.
pub(super) fn carry_over(from: &Response<Body>, to: &mut Response<Body>) {
    for name in from.headers().keys().filter(|name| !OF_THE_BODY.contains(name)) {
        if !to.headers().contains_key(name) {
            for value in from.headers().get_all(name) {
                to.headers_mut().append(name.clone(), value.clone());
            }
        }
    }
}
