//! A host and its port as the client names them, in one canonical form.

use std::fmt;
use std::net::Ipv6Addr;

/// RFC 1035 allows 253 characters; the dot at the end makes one more.
const NAME_LIMIT: usize = 254;

/// A host as it is compared: ASCII in lower case without the dot at its end, an IPv6 address in
/// brackets and written out, all in place.
#[derive(Clone, Copy)]
pub(super) struct Authority {
    host: [u8; NAME_LIMIT],
    length: usize,
    port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; None for anything else, a user name before
    /// an `@` and percent escapes among them.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (host, port) = split(text)?;
        let port = match port {
            // `host:` is the same as `host` (RFC 3986, section 6.2.3).
            None | Some([]) => None,
            Some(digits) => Some(number(digits)?),
        };
        let mut own = Self { host: [0; NAME_LIMIT], length: 0, port };
        if let Some(inner) = host.strip_prefix(b"[") {
            let address: Ipv6Addr = text_of(inner.strip_suffix(b"]")?)?.parse().ok()?;
            own.write_v6(address);
        } else {
            own.write_name(host)?;
        }
        Some(own)
    }

    /// The host in its canonical form.
    pub(super) fn host(&self) -> &str {
        text_of(self.host.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    /// The same authority with the port its scheme implies left out.
    pub(super) fn without_default_port(mut self, scheme: Option<&str>) -> Self {
        let implied = match scheme {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        if self.port == implied {
            self.port = None;
        }
        self
    }

    fn write_name(&mut self, name: &[u8]) -> Option<()> {
        let trimmed = name.strip_suffix(b".").unwrap_or(name);
        let mut label = 0;
        for byte in trimmed {
            match byte {
                b'.' if label == 0 => return None,
                b'.' => label = 0,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
                _ => return None,
            }
            if label > 63 {
                return None;
            }
            *self.host.get_mut(self.length)? = byte.to_ascii_lowercase();
            self.length += 1;
        }
        (label > 0).then_some(())
    }

    /// Eight groups in hexadecimal, so that every spelling of one address is one host.
    fn write_v6(&mut self, address: Ipv6Addr) {
        let mut put = |byte: u8| {
            if let Some(slot) = self.host.get_mut(self.length) {
                *slot = byte;
                self.length += 1;
            }
        };
        put(b'[');
        for (at, segment) in address.segments().into_iter().enumerate() {
            if at > 0 {
                put(b':');
            }
            for shift in [12, 8, 4, 0] {
                let digit = (segment >> shift & 0xf) as u8;
                put(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            }
        }
        put(b']');
    }
}

impl PartialEq for Authority {
    fn eq(&self, other: &Self) -> bool {
        self.port == other.port && self.host() == other.host()
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host())?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The host and what follows the colon behind it.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let from = match text.first()? {
        b'[' => text.iter().position(|byte| *byte == b']')?,
        _ => 0,
    };
    let Some(colon) = text.iter().skip(from).position(|byte| *byte == b':') else {
        return Some((text, None));
    };
    let (host, port) = text.split_at_checked(from + colon)?;
    Some((host, Some(port.strip_prefix(b":")?)))
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

    fn read(text: &str) -> Option<(String, Option<u16>)> {
        Authority::parse(text.as_bytes()).map(|read| (read.host().to_owned(), read.port()))
    }

    #[test]
    fn a_host_is_read_in_lower_case_without_the_dot_at_its_end() {
        for (text, host, port) in [
            ("api.example.com", "api.example.com", None),
            ("API.Example.COM:8443", "api.example.com", Some(8443)),
            ("api.example.com.", "api.example.com", None),
            ("api.example.com:", "api.example.com", None),
            ("localhost:0", "localhost", Some(0)),
            ("127.0.0.1:80", "127.0.0.1", Some(80)),
            ("my_service", "my_service", None),
            ("[::1]:443", "[0000:0000:0000:0000:0000:0000:0000:0001]", Some(443)),
            ("[2001:DB8::a]", "[2001:0db8:0000:0000:0000:0000:0000:000a]", None),
        ] {
            assert_eq!(read(text), Some((host.to_owned(), port)), "{text}");
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
        assert_eq!(read(&"a.".repeat(130)), None);
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
                prop_assert!(!read.host().is_empty());
                prop_assert_eq!(Some(read.port()), Authority::parse(&text).map(|read| read.port()));
            }
        }

        #[test]
        fn the_canonical_form_of_a_host_is_its_own(text in "[a-zA-Z0-9._-]{1,40}") {
            if let Some(read) = Authority::parse(text.as_bytes()) {
                let again = Authority::parse(read.host().as_bytes());
                prop_assert_eq!(again.map(|again| again.host().to_owned()), Some(read.host().to_owned()));
            }
        }
    }
}
