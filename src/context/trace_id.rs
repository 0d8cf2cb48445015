use std::fmt;

use http::HeaderMap;

/// The id of the distributed trace that a request belongs to, as its `traceparent` says
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).
///
/// It is the sender's word, and names no one: for finding a request in a tracing system only. Sixteen
/// bytes, never all zero, printed as 32 digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// `00-` and 32, 16 and 2 digits, with a dash between.
const LENGTH: usize = 55;

impl TraceId {
    /// The 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Reads the one `traceparent` of a request. What is not valid is as good as absent.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let value = values.next()?.as_bytes();
        if values.next().is_some() { None } else { Self::parse(value) }
    }

    fn parse(value: &[u8]) -> Option<Self> {
        let (known, more) = value.split_at_checked(LENGTH)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let version: [u8; 1] = hex(parts.next()?)?;
        let trace: [u8; 16] = hex(parts.next()?)?;
        let parent: [u8; 8] = hex(parts.next()?)?;
        let _flags: [u8; 1] = hex(parts.next()?)?;
        // Later versions may add parts behind a dash; version 255 is none.
        let is_whole = match version {
            [0] => more.is_empty(),
            [255] => false,
            _ => more.is_empty() || more.first() == Some(&b'-'),
        };
        let is_valid = is_whole && parts.next().is_none() && trace != [0; 16] && parent != [0; 8];
        is_valid.then_some(Self(trace))
    }
}

/// Digits in lower case, two a byte.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: &u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    let pairs = digits.chunks_exact(2);
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair else { return None };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some(bytes)
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_valid_traceparent_names_its_trace() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for text in [
            format!("00-{trace}-00f067aa0ba902b7-01"),
            format!("cc-{trace}-00f067aa0ba902b7-00"),
            format!("cc-{trace}-00f067aa0ba902b7-00-what-comes-later"),
        ] {
            assert_eq!(TraceId::parse(text.as_bytes()).unwrap().to_string(), trace, "{text}");
        }
    }

    #[test]
    fn what_the_recommendation_calls_invalid_names_none() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        ] {
            assert_eq!(TraceId::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn two_of_them_name_none() {
        let mut headers = HeaderMap::new();
        let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.append("traceparent", value.parse().unwrap());
        assert!(TraceId::of(&headers).is_some());
        headers.append("traceparent", value.parse().unwrap());
        assert_eq!(TraceId::of(&headers), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(value in any::<Vec<u8>>()) {
            let _ = TraceId::parse(&value);
        }
    }
}
