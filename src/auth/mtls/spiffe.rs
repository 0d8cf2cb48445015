//! SPIFFE ids: `spiffe://trust-domain/path`.

/// The longest id, in bytes.
const MAX_ID: usize = 2048;
/// The longest trust domain, in bytes.
const MAX_DOMAIN: usize = 255;

/// An id of a workload ([SPIFFE-ID], section 2), as strictly as it is written there: what two readers
/// could read in two ways is no id.
///
/// [SPIFFE-ID]: https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpiffeId<'a> {
    pub(super) text: &'a str,
    pub(super) trust_domain: &'a str,
}

impl<'a> SpiffeId<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_ID {
            return None;
        }
        let (trust_domain, path) = text.strip_prefix("spiffe://")?.split_once('/')?;
        let is_good = is_trust_domain(trust_domain) && path.split('/').all(is_segment);
        is_good.then_some(Self { text, trust_domain })
    }
}

pub(super) fn is_trust_domain(text: &str) -> bool {
    let is_good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= MAX_DOMAIN && text.bytes().all(is_good)
}

fn is_segment(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !matches!(text, "" | "." | "..") && text.bytes().all(is_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_trust_domain_and_a_path() {
        for (text, domain) in [
            ("spiffe://example.org/ns/prod/sa/orders", "example.org"),
            ("spiffe://example.org/a", "example.org"),
            ("spiffe://prod_1-eu/A.b-c_9", "prod_1-eu"),
            ("spiffe://example.org/...", "example.org"),
        ] {
            assert_eq!(SpiffeId::parse(text).unwrap().trust_domain, domain, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_id() {
        for text in [
            "",
            "spiffe://",
            "spiffe:///a",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/./a",
            "spiffe://example.org/../a",
            "spiffe://example.org/a%2fb",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org:443/a",
            "spiffe://user@example.org/a",
            "spiffe://Example.org/a",
            "SPIFFE://example.org/a",
            "spiffe://example.org/ü",
            "spiffe://example.org/a b",
            "https://example.org/a",
            " spiffe://example.org/a",
        ] {
            assert_eq!(SpiffeId::parse(text), None, "{text}");
        }
        assert!(SpiffeId::parse(&format!("spiffe://{}/a", "a".repeat(256))).is_none());
        assert!(SpiffeId::parse(&format!("spiffe://a/{}", "a".repeat(2048))).is_none());
    }
}
