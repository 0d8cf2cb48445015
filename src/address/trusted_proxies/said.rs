//! How a proxy says it was called.

use http::{HeaderMap, HeaderName};

/// What a proxy says about the scheme its client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Https,
    Http,
    /// Several values, or one that is no scheme of HTTP.
    Unclear,
}

impl Said {
    /// One value. Some proxies name the scheme of a WebSocket by itself.
    pub(super) fn of(value: &[u8]) -> Self {
        let is = |scheme: &[u8]| value.eq_ignore_ascii_case(scheme);
        if is(b"https") || is(b"wss") {
            Said::Https
        } else if is(b"http") || is(b"ws") {
            Said::Http
        } else {
            Said::Unclear
        }
    }

    /// Another value beside this one: two are one too many, even where they agree.
    pub(super) fn and(self, other: Said) -> Self {
        if self == Said::Nothing { other } else { Said::Unclear }
    }

    /// The one value of a header. A list is several: nobody can tell which of its entries the trusted
    /// proxy wrote.
    pub(super) fn in_header(name: &HeaderName, headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(name) else { return Said::Nothing };
        let is_repeated =
            headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some();
        if is_repeated { Said::Unclear } else { Said::of(value.as_bytes().trim_ascii()) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn said(lines: &[&str]) -> Said {
        let name = HeaderName::from_static("x-forwarded-proto");
        let mut headers = HeaderMap::new();
        headers.append("host", HeaderValue::from_static("a"));
        for line in lines {
            headers.append(&name, HeaderValue::from_str(line).unwrap());
        }
        Said::in_header(&name, &headers)
    }

    #[test]
    fn exactly_one_known_scheme_is_an_answer() {
        for (lines, want) in [
            (&[][..], Said::Nothing),
            (&["https"], Said::Https),
            (&["HTTPS"], Said::Https),
            (&[" https\t"], Said::Https),
            (&["wss"], Said::Https),
            (&["http"], Said::Http),
            (&["ws"], Said::Http),
            (&[""], Said::Unclear),
            (&["on"], Said::Unclear),
            (&["https,http"], Said::Unclear),
            (&["https, https"], Said::Unclear),
            (&["\"https\""], Said::Unclear),
            (&["https", "https"], Said::Unclear),
            (&["http", "https"], Said::Unclear),
        ] {
            assert_eq!(said(lines), want, "{lines:?}");
        }
    }
}
