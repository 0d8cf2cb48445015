//! Whether a request has a body, as far as its head tells.

use http::{HeaderMap, header};

/// Whether a body follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate) enum Presence {
    /// The framing says that a body follows.
    Present,
    /// The framing says that it is empty.
    Absent,
    /// Nothing says: HTTP/2 and later need no length.
    Unknown,
}

/// Reads the framing headers, which the server has already checked.
pub(in crate::validate) fn presence(headers: &HeaderMap) -> Presence {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Presence::Present;
    }
    match headers.get(header::CONTENT_LENGTH) {
        Some(length) if length.as_bytes().iter().all(|digit| *digit == b'0') => Presence::Absent,
        Some(_) => Presence::Present,
        None => Presence::Unknown,
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
        assert_eq!(presence(&headers), Presence::Absent);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("10"));
        assert_eq!(presence(&headers), Presence::Present);
        headers.clear();
        headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        assert_eq!(presence(&headers), Presence::Present);
    }
}
