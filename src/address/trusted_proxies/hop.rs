//! One hop as a proxy writes it: an address, perhaps with a port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Reads an entry of `X-Forwarded-For`: `192.0.2.7`, `192.0.2.7:443`, `2001:db8::1`,
/// `[2001:db8::1]`, `[2001:db8::1]:443`.
pub(super) fn entry(text: &[u8]) -> Option<IpAddr> {
    node(text).or_else(|| parse::<Ipv6Addr>(text).map(|v6| v6.to_canonical()))
}

/// Reads a node of `Forwarded` (RFC 7239, section 6): like an entry, but IPv6 in brackets only.
///
/// `unknown` and obfuscated identifiers (`_hidden`) are no address: None, as for anything else.
pub(super) fn node(text: &[u8]) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix(b"[") {
        let end = rest.iter().position(|byte| *byte == b']')?;
        let (address, port) = rest.split_at_checked(end)?;
        is_port(port.strip_prefix(b"]")?).then_some(())?;
        return parse::<Ipv6Addr>(address).map(|v6| v6.to_canonical());
    }
    let end = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
    let (address, port) = text.split_at_checked(end)?;
    is_port(port).then_some(())?;
    parse::<Ipv4Addr>(address).map(IpAddr::V4)
}

/// Whether this is nothing, or a colon and a port: digits or an obfuscated one (`_p`).
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', b'_', name @ ..] => {
            !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        }
        [b':', digits @ ..] => {
            (1..=5).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

fn parse<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_entry_is_an_address_with_or_without_a_port() {
        for (text, want) in [
            ("192.0.2.7", ip("192.0.2.7")),
            ("192.0.2.7:443", ip("192.0.2.7")),
            ("2001:db8::1", ip("2001:db8::1")),
            ("[2001:db8::1]", ip("2001:db8::1")),
            ("[2001:db8::1]:65535", ip("2001:db8::1")),
            ("192.0.2.07", None),
            ("192.0.2", None),
            ("0x7f.1", None),
            ("192.0.2.7:", None),
            ("192.0.2.7:http", None),
            ("192.0.2.7:123456", None),
            ("[192.0.2.7]", None),
            ("[2001:db8::1", None),
            ("[2001:db8::1]x", None),
            ("fe80::1%eth0", None),
            ("unknown", None),
            ("_hidden", None),
            ("\"192.0.2.7\"", None),
            ("", None),
        ] {
            assert_eq!(entry(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_node_has_its_ipv6_address_in_brackets() {
        for (text, want) in [
            ("192.0.2.43", ip("192.0.2.43")),
            ("192.0.2.43:47011", ip("192.0.2.43")),
            ("192.0.2.43:_port", ip("192.0.2.43")),
            ("[2001:db8:cafe::17]:4711", ip("2001:db8:cafe::17")),
            ("[2001:db8:cafe::17]:_p", ip("2001:db8:cafe::17")),
            ("2001:db8:cafe::17", None),
            ("192.0.2.43:_", None),
            ("unknown", None),
            ("unknown:80", None),
            ("_SEVKISEK", None),
        ] {
            assert_eq!(node(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn v4_mapped_addresses_are_folded() {
        assert_eq!(node(b"[::ffff:192.0.2.7]"), ip("192.0.2.7"));
        assert_eq!(entry(b"::ffff:192.0.2.7"), ip("192.0.2.7"));
    }
}
