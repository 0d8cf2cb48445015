//! A host and its port as the client names them.

use std::cmp::Ordering;
use std::fmt;
use std::net::Ipv6Addr;

const NAME_LIMIT: usize = 253;
const LABEL_LIMIT: usize = 63;

/// A host and perhaps a port, read where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transport) struct Authority<'a> {
    pub(in crate::transport) host: Host<'a>,
    pub(in crate::transport) port: Option<u16>,
}

/// A host, one value for all its spellings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::transport) enum Host<'a> {
    /// A name or an IPv4 address.
    Name(Name<'a>),
    /// An IPv6 address, which is written in brackets.
    V6(Ipv6Addr),
}

/// A host name without the dot at its end, compared without regard to case.
#[derive(Clone, Copy)]
pub(in crate::transport) struct Name<'a>(&'a [u8]);

impl<'a> Authority<'a> {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; None for anything else, a user name before
    /// an `@` and percent escapes among them.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (host, rest) = match text.strip_prefix(b"[") {
            Some(inner) => {
                let end = inner.iter().position(|byte| *byte == b']')?;
                let (address, rest) = inner.split_at_checked(end)?;
                (Host::V6(text_of(address)?.parse().ok()?), rest.strip_prefix(b"]")?)
            }
            None => {
                let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
                let (name, rest) = text.split_at_checked(end)?;
                (Host::Name(Name::parse(name)?), rest)
            }
        };
        let port = match rest {
            // `host:` is the same as `host` (RFC 3986, section 6.2.3).
            [] | [b':'] => None,
            [b':', digits @ ..] => Some(number(digits)?),
            _ => return None,
        };
        Some(Self { host, port })
    }

    /// The same authority with the port its scheme implies left out.
    pub(super) fn without_default_port(self, scheme: Option<&str>) -> Self {
        let implied = match scheme {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        Self { port: self.port.filter(|port| Some(*port) != implied), ..self }
    }
}

impl<'a> Name<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let name = text.strip_suffix(b".").unwrap_or(text);
        let mut label = 0;
        for byte in name {
            label = match byte {
                b'.' if label == 0 => return None,
                b'.' => 0,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' if label < LABEL_LIMIT => {
                    label + 1
                }
                _ => return None,
            };
        }
        (label > 0 && name.len() <= NAME_LIMIT).then_some(Self(name))
    }

    /// A name that was read before.
    pub(super) fn trusted(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// The name without its first label, none where it has only one.
    pub(super) fn parent(self) -> Option<Self> {
        let dot = self.0.iter().position(|byte| *byte == b'.')?;
        self.0.get(dot + 1..).map(Self)
    }
}

impl Ord for Name<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |name: &Self| name.0.iter().map(u8::to_ascii_lowercase);
        lower(self).cmp(lower(other))
    }
}

impl PartialOrd for Name<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Name(name) => fmt::Display::fmt(&name, f)?,
            Host::V6(address) => write!(f, "[{address}]")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| fmt::Write::write_char(f, char::from(byte.to_ascii_lowercase())))
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    // `+80` is a number to the standard library.
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text_of(digits)?.parse().ok()
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        Authority::parse(text.as_bytes()).map(|read| read.to_string())
    }

    #[test]
    fn a_host_is_read_in_lower_case_without_the_dot_at_its_end() {
        for (text, want) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM:8443", "api.example.com:8443"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com:", "api.example.com"),
            ("localhost:0", "localhost:0"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("my_service", "my_service"),
            ("[::1]:443", "[::1]:443"),
            ("[2001:DB8:0::a]", "[2001:db8::a]"),
        ] {
            assert_eq!(read(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_not_read() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            ":80",
            "a:b",
            "a:65536",
            "a:+80",
            "a:80:80",
            "user@a",
            "a/b",
            "a%2eb",
            "a b",
            " a",
            "a,b",
            "é.example",
            "::1",
            "[::1",
            "[::1]x",
            "[a]",
            "[::1%eth0]",
            "a\0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"a".repeat(64)), None);
        assert_eq!(read(&"a.".repeat(128)), None);
    }

    #[test]
    fn a_scheme_implies_its_port() {
        let plain = Authority::parse(b"a").unwrap();
        let written = Authority::parse(b"A:80").unwrap();
        assert_ne!(plain, written);
        assert_eq!(plain, written.without_default_port(Some("http")));
        assert_ne!(plain, written.without_default_port(Some("https")));
        assert_ne!(plain, written.without_default_port(None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(read) = Authority::parse(&text) {
                prop_assert!(!read.to_string().is_empty());
            }
        }

        #[test]
        fn the_canonical_form_of_a_host_is_its_own(text in "[a-zA-Z0-9._-]{1,40}(:[0-9]{1,5})?") {
            if let Some(read) = Authority::parse(text.as_bytes()) {
                let canonical = read.to_string();
                let again = Authority::parse(canonical.as_bytes());
                prop_assert_eq!(again, Some(read));
                prop_assert_eq!(again.map(|again| again.to_string()), Some(canonical));
            }
        }

        #[test]
        fn names_are_equal_where_their_order_says_so(a in "[aAbB.]{1,4}", b in "[aAbB.]{1,4}") {
            let (a, b) = (Name(a.as_bytes()), Name(b.as_bytes()));
            prop_assert_eq!(a == b, a.cmp(&b).is_eq());
        }
    }
}
