//! The header `Idempotency-Key`: a String of structured fields (RFC 9651, section 3.3.3).

use http::{HeaderMap, HeaderName};

use crate::rejection::{Reason, Rejection};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The most characters of a key: what payment services take.
pub(super) const LONGEST: usize = 255;

const ONE: &str =
    "one `Idempotency-Key`, a quoted string of 1 to 255 visible characters and spaces";

/// Reads the key of a request; `None` where it has none.
pub(super) fn read(headers: &HeaderMap, takes_bare: bool) -> Result<Option<String>, Rejection> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(bad("the header `idempotency-key` was sent more than once", "several"));
    }
    let text = line.as_bytes().trim_ascii();
    let key = match text.split_first() {
        Some((b'"', rest)) => quoted(rest),
        _ if takes_bare => bare(text),
        _ => {
            let detail = "the header `idempotency-key` is not a quoted string: write \"…\"";
            return Err(bad(detail, "one without quotes"));
        }
    };
    let Some(key) = key else {
        return Err(bad("the header `idempotency-key` cannot be read", "an unreadable one"));
    };
    match key.len() {
        1..=LONGEST => Ok(Some(key)),
        length => {
            let detail = "the header `idempotency-key` has to have 1 to 255 characters";
            Err(bad(detail, "another length").found(format!("{length} characters")))
        }
    }
}

fn bad(detail: &'static str, found: &'static str) -> Rejection {
    Rejection::new(Reason::BadHeader).detail(detail).expected(ONE).found(found)
}

/// What follows an opening quote. Parameters are none of ours, so that a text with some is unreadable.
fn quoted(text: &[u8]) -> Option<String> {
    let mut key = String::new();
    let mut bytes = text.iter();
    loop {
        match bytes.next()? {
            b'"' => break,
            b'\\' => match bytes.next()? {
                byte @ (b'"' | b'\\') => key.push(char::from(*byte)),
                _ => return None,
            },
            byte @ 0x20..=0x7e => key.push(char::from(*byte)),
            _ => return None,
        }
    }
    bytes.as_slice().is_empty().then_some(key)
}

/// A key without quotes, as many clients send it: no spaces, nor what begins another value.
fn bare(text: &[u8]) -> Option<String> {
    let is_plain =
        |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',' | b';');
    text.iter().all(is_plain).then(|| text.iter().copied().map(char::from).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&[u8]], takes_bare: bool) -> Result<Option<String>, Reason> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(line).unwrap());
        }
        read(&headers, takes_bare).map_err(|rejection| rejection.reason())
    }

    #[test]
    fn a_key_is_a_quoted_string_and_a_bare_one_where_that_was_asked_for() {
        let key = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(of(&[], false), Ok(None));
        assert_eq!(of(&[b"\"8e03978e-40d5\""], false), key("8e03978e-40d5"));
        assert_eq!(of(&[b"  \"a b\"  "], false), key("a b"));
        assert_eq!(of(&[br#""a\"b\\c""#], false), key(r#"a"b\c"#));
        assert_eq!(of(&[b"8e03978e-40d5"], true), key("8e03978e-40d5"));
        assert_eq!(of(&[b"\"8e03978e-40d5\""], true), key("8e03978e-40d5"));
        for bad in [
            &b"8e03978e-40d5"[..],
            b"\"\"",
            b"\"",
            b"\"a",
            b"\"a\\\"",
            b"\"a\\b\"",
            b"\"a\"b",
            b"\"a\";p=1",
            b"\"a\", \"b\"",
            b"\"\xc3\xa9\"",
            b"\"a\tb\"",
            b"",
            b"?1",
            b":YQ==:",
        ] {
            assert_eq!(of(&[bad], false), Err(Reason::BadHeader), "{}", bad.escape_ascii());
        }
        for bad in [&b"a b"[..], b"a,b", b"a;b", b"a\"", b"\xc3\xa9", b""] {
            assert_eq!(of(&[bad], true), Err(Reason::BadHeader), "{}", bad.escape_ascii());
        }
        assert_eq!(of(&[b"\"a\"", b"\"a\""], true), Err(Reason::BadHeader));
    }

    #[test]
    fn a_key_has_at_most_255_characters() {
        let sent = |length: usize| of(&[format!("\"{}\"", "k".repeat(length)).as_bytes()], false);
        assert!(sent(255).is_ok());
        assert_eq!(sent(256), Err(Reason::BadHeader));
        assert_eq!(of(&["k".repeat(60_000).as_bytes()], true), Err(Reason::BadHeader));
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_back(key in "[ -~]{1,255}") {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(of(&[quoted.as_bytes()], false), Ok(Some(key)));
        }
    }
}
