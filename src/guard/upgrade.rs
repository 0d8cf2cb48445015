//! Requests that want their connection for something else than an answer.

use http::{HeaderMap, HeaderName, Method, Version, header};

use super::Exchange;

impl Exchange {
    /// Whether it is an extended CONNECT (RFC 8441): the upgrade of HTTP/2 and HTTP/3, a WebSocket as
    /// a rule. It has a path, is judged by the rule of `GET` for it, and is known by its form: a
    /// plain CONNECT has neither scheme nor path there.
    pub fn is_extended_connect(&self) -> bool {
        self.head.method == Method::CONNECT
            && self.head.version >= Version::HTTP_2
            && self.uri().scheme().is_some()
            && self.path().starts_with('/')
    }

    /// Whether it is the handshake of a WebSocket: RFC 6455 over HTTP/1.1, RFC 8441 over HTTP/2.
    pub fn is_websocket(&self) -> bool {
        let headers = self.headers();
        if self.is_extended_connect() {
            return headers.contains_key(header::SEC_WEBSOCKET_VERSION);
        }
        self.head.method == Method::GET && lists(headers, &header::UPGRADE, "websocket")
    }

    /// The method whose rule judges the request.
    pub(crate) fn judged_method(&self) -> &Method {
        if self.is_extended_connect() { &Method::GET } else { &self.head.method }
    }
}

/// Whether a header that is a list has an entry, in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, entry: &str) -> bool {
    let entry = entry.as_bytes();
    headers.get_all(name).iter().any(|value| {
        let mut entries = value.as_bytes().split(|byte| *byte == b',');
        entries.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(entry))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn exchange(
        method: &str,
        target: &str,
        version: Version,
        headers: &[(&str, &str)],
    ) -> Exchange {
        let request = http::Request::builder().method(method).uri(target).version(version);
        let request = headers.iter().fold(request, |r, (name, value)| r.header(*name, *value));
        Exchange::test(request.body(()).unwrap(), ManualClock::default())
    }

    #[test]
    fn a_connect_with_a_path_is_an_upgrade_over_http_2_alone() {
        for (target, version, extended) in [
            ("https://a.example/chat", Version::HTTP_2, true),
            ("https://a.example/chat", Version::HTTP_3, true),
            ("https://a.example/chat", Version::HTTP_11, false),
            ("/chat", Version::HTTP_2, false),
            ("a.example:443", Version::HTTP_2, false),
        ] {
            let exchange = exchange("CONNECT", target, version, &[]);
            assert_eq!(exchange.is_extended_connect(), extended, "{target} {version:?}");
            assert_eq!(exchange.judged_method() == Method::GET, extended);
        }
    }

    #[test]
    fn a_websocket_is_a_get_that_asks_for_it_or_a_connect_with_its_version() {
        let h1 = |method, upgrade| exchange(method, "/", Version::HTTP_11, &[("upgrade", upgrade)]);
        assert!(h1("GET", "WebSocket").is_websocket());
        assert!(h1("GET", "h2c, websocket").is_websocket());
        assert!(!h1("POST", "websocket").is_websocket());
        assert!(!h1("GET", "h2c").is_websocket());
        let h2 = |headers| exchange("CONNECT", "https://a/", Version::HTTP_2, headers);
        assert!(h2(&[("sec-websocket-version", "13")]).is_websocket());
        assert!(!h2(&[]).is_websocket());
    }
}
