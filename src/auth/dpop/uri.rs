//! The URI of a request as a proof names it, compared after RFC 3986, section 6.2.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

/// The longest URI that is looked at, in bytes.
const MAX_BYTES: usize = 8 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UriScheme {
    Http,
    Https,
}

impl UriScheme {
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A host, one value for all its spellings.
#[derive(Clone, Copy, Debug)]
enum Host<'a> {
    Name(&'a str),
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets. Percent escapes and user names are
    /// no part of a host that a client calls.
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        (!name.is_empty() && name.bytes().all(is_good)).then_some(Self::Name(name))
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            (Self::V6(one), Self::V6(other)) => one == other,
            _ => false,
        }
    }
}

/// A host and the port that was written beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Authority<'a> {
    host: Host<'a>,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let after_brackets = text.rfind(']').unwrap_or_default();
        let colon = text.rfind(':').filter(|colon| *colon >= after_brackets);
        let Some((host, port)) = colon.and_then(|colon| text.split_at_checked(colon)) else {
            return Some(Self { host: Host::parse(text)?, port: None });
        };
        // `host:` is the same as `host` (RFC 3986, section 6.2.3); `+80` is a number to the
        // standard library.
        let port = match port.strip_prefix(':')? {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            _ => return None,
        };
        Some(Self { host: Host::parse(host)?, port })
    }

    fn is(self, other: Self, scheme: UriScheme) -> bool {
        let port = |of: Self| of.port.unwrap_or_else(|| scheme.port());
        self.host == other.host && port(self) == port(other)
    }
}

/// An absolute `http` or `https` URI without its query and fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Uri<'a> {
    scheme: UriScheme,
    authority: Authority<'a>,
    path: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads the claim `htu`. Query and fragment are left out: RFC 9449, section 4.3 ignores them.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let scheme = [UriScheme::Http, UriScheme::Https]
            .into_iter()
            .find(|known| scheme.eq_ignore_ascii_case(known.name()))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Some(Self { scheme, authority: Authority::parse(authority)?, path })
    }

    /// Whether it is the URI of a request to this authority, by `https` where that is known.
    ///
    /// Where it is not, whoever takes TLS off in front does not say so, and either will do: a proof
    /// for the one is worth no more at the other.
    pub(super) fn is_of_request(&self, https: bool, authority: Authority<'_>, path: &str) -> bool {
        (self.scheme == UriScheme::Https || !https)
            && self.authority.is(authority, self.scheme)
            && normal(self.path) == normal(path)
    }
}

/// Where clients find the service: an origin, and the part of the path that a proxy takes off.
#[derive(Clone, Debug)]
pub(super) struct PublicUri {
    text: String,
    prefix: String,
}

impl PublicUri {
    /// Reads `https://api.example` or `https://api.example/base`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri = Uri::parse(text).filter(|_| !text.contains(['?', '#']))?;
        let path = normal(uri.path);
        let prefix = path.strip_suffix('/').unwrap_or(&path).to_owned();
        Some(Self { text: text.to_owned(), prefix })
    }

    pub(super) fn is_http(&self) -> bool {
        Uri::parse(&self.text).is_some_and(|own| own.scheme == UriScheme::Http)
    }

    /// Whether a proof names a request for this path, here.
    pub(super) fn is_of_request(&self, uri: &Uri<'_>, path: &str) -> bool {
        let is_here = Uri::parse(&self.text).is_some_and(|own| {
            own.scheme == uri.scheme && own.authority.is(uri.authority, own.scheme)
        });
        let named = normal(uri.path);
        is_here && named.strip_prefix(self.prefix.as_str()) == Some(&*normal(path))
    }
}

impl fmt::Display for PublicUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A path in its normal form (RFC 3986, section 6.2.2): unreserved characters stand for themselves,
/// other escapes are in upper case, dot segments are gone, and nothing is `/`.
fn normal(path: &str) -> Cow<'_, str> {
    let path = if path.is_empty() { "/" } else { path };
    if !path.contains('%') && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    Cow::Owned(without_dot_segments(&unescaped(path)))
}

fn unescaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let escaped = after.split_at_checked(2).and_then(|(digits, after)| {
            let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            Some((digits, byte, after))
        });
        match escaped {
            Some((_, byte, after)) if is_unreserved(byte) => {
                out.push(char::from(byte));
                rest = after;
            }
            Some((digits, _, after)) => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
                rest = after;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986, section 5.2.4, of a path that begins with a slash.
fn without_dot_segments(path: &str) -> String {
    let Some(relative) = path.strip_prefix('/') else { return path.to_owned() };
    let mut kept: Vec<&str> = Vec::new();
    let mut is_open = false;
    for segment in relative.split('/') {
        is_open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &kept {
        out.push('/');
        out.push_str(segment);
    }
    if is_open || out.is_empty() {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_same(htu: &str, https: bool, host: &str, path: &str) -> bool {
        Uri::parse(htu)
            .is_some_and(|uri| uri.is_of_request(https, Authority::parse(host).unwrap(), path))
    }

    #[test]
    fn spellings_of_one_uri_are_the_same() {
        for htu in [
            "https://api.example/orders/1",
            "HTTPS://API.Example/orders/1",
            "https://api.example:443/orders/1",
            "https://api.example:/orders/1",
            "https://api.example./orders/1",
            "https://api.example/%6Frders/1",
            "https://api.example/%6frders/%31",
            "https://api.example/orders/./1",
            "https://api.example/x/../orders/1",
            "https://api.example/orders/1?limit=3",
            "https://api.example/orders/1#top",
            "https://api.example/orders/1?a#b",
        ] {
            assert!(is_same(htu, true, "api.example", "/orders/1"), "{htu}");
            assert!(is_same(htu, true, "API.example:443", "/orders/1"), "{htu}");
            assert!(is_same(htu, false, "api.example", "/orders/%31"), "{htu}");
        }
        assert!(is_same("https://api.example", true, "api.example", "/"));
        assert!(is_same("https://api.example?x", true, "api.example", "/"));
        assert!(is_same("http://[::1]:8080/a", false, "[0:0::1]:8080", "/a"));
        assert!(is_same("https://a/%2f%c3%a9", true, "a", "/%2F%C3%A9"));
    }

    #[test]
    fn another_uri_is_not_the_same() {
        for htu in [
            "http://api.example/orders/1",
            "https://api.example/orders/1/",
            "https://api.example/orders//1",
            "https://api.example/Orders/1",
            "https://api.example/orders%2F1",
            "https://api.example:8443/orders/1",
            "https://api.example:80/orders/1",
            "https://api.example.org/orders/1",
            "https://other.example/orders/1",
            "https://api.example@evil.example/orders/1",
            "https://evil.example@api.example/orders/1",
            "https://api.example/orders/1/..",
            "https://api%2Eexample/orders/1",
            "https:/api.example/orders/1",
            "//api.example/orders/1",
            "/orders/1",
            "wss://api.example/orders/1",
            "https://api.example/orders/1 ",
            " https://api.example/orders/1",
            "https://api.example:+443/orders/1",
            "https://api.example:99999/orders/1",
            "https://api.example\\/orders/1",
            "https:///orders/1",
            "",
        ] {
            assert!(!is_same(htu, true, "api.example", "/orders/1"), "{htu}");
        }
        assert!(!is_same("https://api.example:8443/a", false, "api.example", "/a"));
        assert!(!is_same("http://api.example:443/a", false, "api.example", "/a"));
    }

    #[test]
    fn a_public_uri_stands_in_for_what_the_request_says() {
        let bare = PublicUri::parse("https://api.example").unwrap();
        let based = PublicUri::parse("https://api.example/v2/").unwrap();
        let is_of = |public: &PublicUri, htu: &str, path: &str| {
            public.is_of_request(&Uri::parse(htu).unwrap(), path)
        };
        assert!(is_of(&bare, "https://API.example:443/a", "/a"));
        assert!(is_of(&bare, "https://api.example", "/"));
        assert!(!is_of(&bare, "http://api.example/a", "/a"));
        assert!(!is_of(&bare, "https://api.example/v2/a", "/a"));
        assert!(is_of(&based, "https://api.example/v2/a", "/a"));
        assert!(is_of(&based, "https://api.example/v2/", "/"));
        assert!(!is_of(&based, "https://api.example/v2", "/"));
        assert!(!is_of(&based, "https://api.example/v2a", "/a"));
        assert!(!is_of(&based, "https://api.example/a", "/a"));
        for bad in ["api.example", "ftp://api.example", "https://a?x", "https://a#x", "https://a b"]
        {
            assert!(PublicUri::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(htu in ".{0,80}", path in "/[ -~]{0,40}") {
            if let Some(uri) = Uri::parse(&htu) {
                let _ = uri.is_of_request(true, Authority::parse("a").unwrap(), &path);
            }
        }

        #[test]
        fn a_normal_path_stays_as_it_is(path in "/[a-c./%0-9A-Fa-f~]{0,24}") {
            let once = normal(&path).into_owned();
            prop_assert!(once.starts_with('/'));
            // A broken escape may become a whole one beside what was unescaped.
            if !path.contains("%%") && path.split('%').skip(1).all(|after| {
                after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
            }) && !path.contains("%25") {
                prop_assert_eq!(normal(&once), once.as_str());
            }
        }
    }
}
