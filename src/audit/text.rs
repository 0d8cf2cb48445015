//! JSON strings and RFC 3339 times, appended to a reused buffer.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;

use crate::context::{ClientAddr, Provenance};

/// The word for how a client's address is known.
pub(super) fn via(client: ClientAddr) -> &'static str {
    match client.provenance() {
        Provenance::Peer => "peer",
        Provenance::Forwarded => "forwarded",
        Provenance::XForwardedFor => "x-forwarded-for",
    }
}

/// Appends `text` as a JSON string.
///
/// Beyond what RFC 8259 asks for, every control character, the line separators of Unicode and the
/// marks that reorder text or cannot be seen are escaped: a line stays one line for every reader, a terminal included.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // Without an early exit the compiler compares many bytes at once.
    if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for character in text.chars() {
            escape(out, character);
        }
    }
    out.push(b'"');
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn escape(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        hidden if is_hidden(hidden) => {
            let mut units = [0; 2];
            for unit in hidden.encode_utf16(&mut units) {
                out.extend_from_slice(b"\\u");
                for shift in [12, 8, 4, 0] {
                    let digit = u32::from(*unit >> shift) & 0xf;
                    out.push(char::from_digit(digit, 16).map_or(b'0', |digit| digit as u8));
                }
            }
        }
        plain => {
            let mut bytes = [0; 4];
            out.extend_from_slice(plain.encode_utf8(&mut bytes).as_bytes());
        }
    }
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Appends an address; the usual ones without the machinery of `Display`.
pub(super) fn ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                number(out, u64::from(octet));
            }
        }
        // Writing into a buffer cannot fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

/// Appends address and port.
pub(super) fn socket(out: &mut Vec<u8>, address: SocketAddr) {
    let brackets: (&[u8], &[u8]) = if address.is_ipv6() { (b"[", b"]:") } else { (b"", b":") };
    out.extend_from_slice(brackets.0);
    ip(out, address.ip());
    out.extend_from_slice(brackets.1);
    number(out, u64::from(address.port()));
}

/// Appends `number` in decimal.
pub(super) fn number(out: &mut Vec<u8>, mut number: u64) {
    let start = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

/// Writes RFC 3339 times in UTC to the millisecond; the second is formatted once.
#[derive(Debug, Default)]
pub(super) struct Times {
    second: Option<u64>,
    text: String,
}

impl Times {
    /// Appends the time `unix` after the epoch, without quotes.
    pub(super) fn append(&mut self, out: &mut Vec<u8>, unix: Duration) {
        if self.second != Some(unix.as_secs()) {
            self.second = Some(unix.as_secs());
            self.text = i64::try_from(unix.as_secs())
                .ok()
                .and_then(|second| Timestamp::from_second(second).ok())
                .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string())
                .unwrap_or_else(|| "9999-12-31T23:59:59".to_owned());
        }
        out.extend_from_slice(self.text.as_bytes());
        let millis = unix.subsec_millis();
        out.push(b'.');
        for unit in [100, 10, 1] {
            out.push(b'0' + (millis / unit % 10) as u8);
        }
        out.push(b'Z');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    fn stamped(times: &mut Times, unix: Duration) -> String {
        let mut out = Vec::new();
        times.append(&mut out, unix);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_break_in_a_path_stays_one_line() {
        assert_eq!(
            quoted("/a\r\n{\"outcome\":\"answered\"}"),
            r#""/a\r\n{\"outcome\":\"answered\"}""#
        );
        assert_eq!(quoted("\u{2028}\u{202e}\u{85}\u{7f}\0"), r#""\u2028\u202e\u0085\u007f\u0000""#);
        assert_eq!(quoted("\u{61c}\u{200b}\u{e0041}"), r#""\u061c\u200b\udb40\udc41""#);
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for text in ["0.10.200.255:80", "[2001:db8::7]:65535", "[::ffff:192.0.2.1]:0"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut out = Vec::new();
            socket(&mut out, address);
            assert_eq!(String::from_utf8(out).unwrap(), address.to_string());
        }
    }

    #[test]
    fn numbers_are_decimal() {
        for value in [0, 7, 10, 12_345, u64::MAX] {
            let mut out = b"x".to_vec();
            number(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), format!("x{value}"));
        }
    }

    #[test]
    fn times_are_rfc_3339_in_utc_with_milliseconds() {
        let mut times = Times::default();
        assert_eq!(stamped(&mut times, Duration::ZERO), "1970-01-01T00:00:00.000Z");
        let moment = Duration::from_millis(1_767_225_599_042);
        assert_eq!(stamped(&mut times, moment), "2025-12-31T23:59:59.042Z");
        let later = moment + Duration::from_millis(958);
        assert_eq!(stamped(&mut times, later), "2026-01-01T00:00:00.000Z");
        assert_eq!(stamped(&mut times, Duration::MAX), "9999-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn any_text_is_one_json_string_on_one_line(text in any::<String>()) {
            let line = quoted(&text);
            prop_assert!(!line.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }

        #[test]
        fn any_time_reads_back(millis in 0u64..253_402_207_200_000) {
            let unix = Duration::from_millis(millis);
            let text = stamped(&mut Times::default(), unix);
            let back: Timestamp = text.parse().unwrap();
            prop_assert_eq!(back.as_millisecond(), i64::try_from(millis).unwrap());
        }
    }
}
