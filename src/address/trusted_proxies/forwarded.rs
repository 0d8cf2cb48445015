//! The `Forwarded` header of RFC 7239, read from its end.
//!
//! A reader that begins on the left lets whoever wrote the left part decide, with one open
//! quotation mark, how the right part is read. Read from the right, the elements our proxies
//! appended come first, and nothing in front of them can change what they say.

use super::hop;
use super::said::Said;
use super::walk::Hop;

/// The hops of one header line from the last to the first.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Elements<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self { rest: Some(line) }
    }
}

impl Iterator for Elements<'_> {
    type Item = Hop;

    fn next(&mut self) -> Option<Hop> {
        let line = self.rest.take()?;
        let element = match last_comma(line) {
            Ok(None) => line,
            Ok(Some(at)) => {
                let (before, element) = line.split_at_checked(at)?;
                self.rest = Some(before);
                element.strip_prefix(b",").unwrap_or(element)
            }
            Err(OpenQuote) => return Some(Hop::UNREADABLE),
        };
        Some(hop_of(element.trim_ascii()).unwrap_or(Hop::UNREADABLE))
    }
}

/// A quotation mark that none before it opens.
struct OpenQuote;

/// Where the last comma outside of quotation marks stands.
fn last_comma(line: &[u8]) -> Result<Option<usize>, OpenQuote> {
    let mut before = line;
    while let Some((last, rest)) = before.split_last() {
        before = match last {
            b',' => return Ok(Some(rest.len())),
            b'"' => opening(rest).ok_or(OpenQuote)?,
            _ => rest,
        };
    }
    Ok(None)
}

/// What stands before the quoted string that ends at the end of `text`, its last mark taken off.
fn opening(text: &[u8]) -> Option<&[u8]> {
    let mut before = text;
    loop {
        let at = before.iter().rposition(|byte| *byte == b'"')?;
        (before, _) = before.split_at_checked(at)?;
        let escapes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        if escapes % 2 == 0 {
            return Some(before);
        }
    }
}

/// What a well-formed element says: the address in its one `for` parameter, and the scheme in its
/// one `proto`.
fn hop_of(element: &[u8]) -> Option<Hop> {
    let mut node = None;
    let mut said = Said::Nothing;
    let mut rest = element;
    loop {
        rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b";") {
            rest = after;
            continue;
        }
        if rest.is_empty() {
            return Some(Hop { address: node.and_then(hop::node), said });
        }
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (name, after) = rest.split_at_checked(equals)?;
        if name.is_empty() || !name.iter().copied().all(is_token) {
            return None;
        }
        let (value, after) = value(after.strip_prefix(b"=")?)?;
        if name.eq_ignore_ascii_case(b"for") && node.replace(value).is_some() {
            return None;
        }
        if name.eq_ignore_ascii_case(b"proto") {
            said = said.and(Said::of(value));
        }
        rest = after.trim_ascii_start();
        if !matches!(rest.first(), None | Some(b';')) {
            return None;
        }
    }
}

/// The value at the start of `text`, and what follows it. Escapes within quotation marks are kept:
/// no address needs one.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        // Proxies write addresses with ports without the quotation marks the grammar asks for.
        let end = text
            .iter()
            .position(|byte| !is_token(*byte) && !b":[]".contains(byte))
            .unwrap_or(text.len());
        return if end == 0 { None } else { text.split_at_checked(end) };
    };
    let mut escaped = false;
    let end = quoted.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    let (value, after) = quoted.split_at_checked(end)?;
    Some((value, after.strip_prefix(b"\"")?))
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
        )
        || matches!(byte, b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hops(line: &str) -> Vec<Option<String>> {
        Elements::new(line.as_bytes()).map(|hop| hop.address.map(|ip| ip.to_string())).collect()
    }

    fn known(addresses: &[&str]) -> Vec<Option<String>> {
        addresses.iter().map(|address| Some((*address).to_owned())).collect()
    }

    #[test]
    fn the_examples_of_rfc_7239_are_read() {
        assert_eq!(hops("for=\"_gazonk\""), [None]);
        assert_eq!(hops("For=\"[2001:db8:cafe::17]:4711\""), known(&["2001:db8:cafe::17"]));
        assert_eq!(hops("for=192.0.2.60;proto=http;by=203.0.113.43"), known(&["192.0.2.60"]));
        assert_eq!(
            hops("for=192.0.2.43, for=198.51.100.17"),
            known(&["198.51.100.17", "192.0.2.43"])
        );
        assert_eq!(hops("for=_hidden, for=_SEVKISEK"), [None, None]);
        assert_eq!(hops("for=unknown"), [None]);
    }

    #[test]
    fn commas_and_semicolons_within_quotation_marks_do_not_separate() {
        assert_eq!(
            hops("for=192.0.2.1;x=\"a, for=9.9.9.9;b\\\",\\\\\";by=_p, FOR=\"192.0.2.2\""),
            known(&["192.0.2.2", "192.0.2.1"])
        );
    }

    #[test]
    fn an_element_that_is_not_well_formed_tells_no_address() {
        for line in [
            "for=",
            "for",
            "=192.0.2.1",
            "for = 192.0.2.1",
            "for=192.0.2.1 by=x",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;host=a b",
            "for=\"192.0.2.1",
            "for=192.0.2.1\"",
            "for=\"192.0.2.1\\\"",
            "for=\"\\192.0.2.1\"",
            "for=\"192.0.2.1\"x",
            "proto=https",
            "192.0.2.1",
        ] {
            assert_eq!(hops(line), [None], "{line}");
        }
    }

    #[test]
    fn empty_parameters_are_skipped_and_an_empty_element_tells_no_address() {
        assert_eq!(hops(";for=192.0.2.1; "), known(&["192.0.2.1"]));
        assert_eq!(hops("for=192.0.2.1, "), [None, Some("192.0.2.1".to_owned())]);
        assert_eq!(hops(""), [None]);
    }

    #[test]
    fn an_element_says_how_its_proxy_was_called() {
        for (line, want) in [
            ("for=192.0.2.1", Said::Nothing),
            ("for=192.0.2.1;proto=https", Said::Https),
            ("PROTO=HTTPS;for=192.0.2.1", Said::Https),
            ("for=192.0.2.1;proto=\"https\"", Said::Https),
            ("for=192.0.2.1;proto=http", Said::Http),
            ("proto=https;for=_hidden", Said::Https),
            ("for=192.0.2.1;proto=https;proto=https", Said::Unclear),
            ("for=192.0.2.1;proto=http;proto=https", Said::Unclear),
            ("for=192.0.2.1;proto=spdy", Said::Unclear),
            ("for=192.0.2.1;proto=\"https, http\"", Said::Unclear),
            ("for=192.0.2.1;proto=", Said::Unclear),
            ("for=192.0.2.1;proto=https x", Said::Unclear),
            ("for=192.0.2.1;host=\"a;proto=https\"", Said::Nothing),
        ] {
            let said: Vec<_> = Elements::new(line.as_bytes()).map(|hop| hop.said).collect();
            assert_eq!(said, [want], "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Elements::new(&line).count() <= line.len() + 1);
        }

        #[test]
        fn nothing_in_front_changes_what_the_last_element_says(
            front in "[a-z0-9=\",;:\\\\ .]{0,40}",
            own in prop_oneof![
                Just("for=203.0.113.9"),
                Just("for=\"203.0.113.9:80\";host=\"a,b\\\"c\\\\\";proto=https"),
                Just("proto=http;by=\"\";for=203.0.113.9"),
            ],
        ) {
            let line = format!("{front}, {own}");
            prop_assert_eq!(hops(&line).swap_remove(0), Some("203.0.113.9".to_owned()));
        }
    }
}
