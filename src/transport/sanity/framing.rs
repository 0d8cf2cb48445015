//! Where a body ends: told once and in one way (RFC 9112, section 6.3).

use http::{HeaderMap, header};

/// Judges the headers that frame the body; the error says what is wrong.
pub(super) fn inspect(headers: &HeaderMap) -> Result<(), &'static str> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if let Some(first) = length {
        let digits = first.as_bytes();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err("the content length is not a number");
        }
        if lengths.any(|other| other != first) {
            return Err("the request has two content lengths");
        }
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        if length.is_some() {
            return Err("the request has a content length and a transfer coding");
        }
        if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err("the transfer coding is not `chunked` alone");
        }
    }
    Ok(())
}
