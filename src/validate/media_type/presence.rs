//! Whether a request has a body, as far as its head tells.

use http::{HeaderMap, header};

/// Whether a body follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Presence {
    /// The framing says that a body follows.
    Present,
    /// Nothing says: HTTP/2 and later need no length. A length of zero is no word to rely on either:
    /// without a server that holds a body to it, the header is the sender's.
    Unknown,
}

/// Reads the framing headers.
pub(in crate::validate) fn presence(headers: &HeaderMap) -> Presence {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Presence::Present;
    }
    match headers.get(header::CONTENT_LENGTH) {
        Some(length) if length.as_bytes().iter().any(|digit| *digit != b'0') => Presence::Present,
        _ => Presence::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_framing_tells_whether_a_body_follows() {
        let mut headers = HeaderMap::new();
        assert_eq!(presence(&headers), Presence::Unknown);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        assert_eq!(presence(&headers), Presence::Unknown);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("10"));
        assert_eq!(presence(&headers), Presence::Present);
        headers.clear();
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        assert_eq!(presence(&headers), Presence::Present);
    }
}
