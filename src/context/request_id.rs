use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::HeaderValue;

/// A request's id: made here, or handed on by a trusted proxy.
///
/// One that is made is a UUID of version 7 (RFC 9562, section 5.7), so that ids sort by time. It is
/// unique, not secret: within a process the low bits come from a counter under a random key, without
/// a system call. One of a proxy is whatever the proxy calls the request: 1 to 128 characters out of
/// ASCII letters, digits and `-._~+/=:;,@`, which need no escape in JSON, logs or headers.
///
/// # Example
/// ```
/// use tower_parapet::RequestId;
///
/// let id: RequestId = "Root=1-67891233-abcdef012345678912345678".parse()?;
/// assert_eq!(id.to_string().len(), 40);
/// assert!("<script>".parse::<RequestId>().is_err());
/// # Ok::<(), tower_parapet::context::InvalidRequestId>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Kind);

/// Most foreign ids are UUIDs too, and are kept without an allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    /// The high and the low half.
    Uuid(u64, u64),
    Text(Arc<str>),
}

/// How long the id of a proxy may be, in bytes.
const LONGEST: usize = 128;

static SEED: LazyLock<u64> = LazyLock::new(|| {
    getrandom::u64().unwrap_or_else(|_| {
        // Ids stay unique within the process; only across processes they might meet.
        u64::from(std::process::id()).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
});
static COUNT: AtomicU64 = AtomicU64::new(0);

/// The hexadecimal digits of a number, all at once: a nibble a byte, then the letters further up.
fn digits(number: u32) -> [u8; 8] {
    let x = u64::from(number);
    let x = (x | x << 16) & 0x0000_FFFF_0000_FFFF;
    let x = (x | x << 8) & 0x00FF_00FF_00FF_00FF;
    let x = (x | x << 4) & 0x0F0F_0F0F_0F0F_0F0F;
    let is_letter = (x + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (x + 0x3030_3030_3030_3030 + is_letter * 0x27).to_be_bytes()
}

impl RequestId {
    /// The id of nothing, in the place of one that is not settled yet.
    pub(crate) const NIL: Self = Self(Kind::Uuid(0, 0));

    /// A new id for a request that begins at `unix` since the epoch.
    pub fn at(unix: Duration) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let low = scramble(count.wrapping_add(*SEED));
        let mid = scramble(low) & 0xFFF;
        let millis = unix.as_millis() as u64 & 0xFFFF_FFFF_FFFF;
        Self(Kind::Uuid(millis << 16 | 0x7 << 12 | mid, 0b10 << 62 | low & 0x3FFF_FFFF_FFFF_FFFF))
    }

    /// Reads the id that a proxy wrote; `None` where it is not acceptable.
    pub(crate) fn foreign(text: &[u8]) -> Option<Self> {
        let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=:;,@".contains(byte);
        if text.is_empty() || text.len() > LONGEST || !text.iter().all(is_safe) {
            return None;
        }
        uuid(text).or_else(|| Some(Self(Kind::Text(std::str::from_utf8(text).ok()?.into()))))
    }

    /// The id as a number, where it is a UUID in the usual form.
    pub fn as_u128(&self) -> Option<u128> {
        match self.0 {
            Kind::Uuid(high, low) => Some(u128::from(high) << 64 | u128::from(low)),
            Kind::Text(_) => None,
        }
    }

    /// The id as text, without an allocation: a UUID is written into the buffer.
    pub fn encode<'a>(&'a self, buffer: &'a mut [u8; 36]) -> &'a str {
        let (high, low) = match &self.0 {
            Kind::Text(text) => return text,
            Kind::Uuid(high, low) => (*high, *low),
        };
        let [a, b, c, d, e, f, g, h] = digits((high >> 32) as u32);
        let [i, j, k, l, m, n, o, p] = digits(high as u32);
        let [q, r, s, t, u, v, w, x] = digits((low >> 32) as u32);
        let last = digits(low as u32);
        let first = [
            a, b, c, d, e, f, g, h, b'-', i, j, k, l, b'-', m, n, o, p, b'-', q, r, s, t, b'-', u,
            v, w, x,
        ];
        if let Some((start, end)) = buffer.split_first_chunk_mut()
            && let Some(end) = end.first_chunk_mut()
        {
            (*start, *end) = (first, last);
        }
        std::str::from_utf8(buffer).unwrap_or_default()
    }

    /// How long the text is, in bytes.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Kind::Uuid(..) => 36,
            Kind::Text(text) => text.len(),
        }
    }

    /// The id as the value of a header.
    pub(crate) fn to_header(&self) -> HeaderValue {
        let mut buffer = [0; 36];
        HeaderValue::from_str(self.encode(&mut buffer)).unwrap_or(HeaderValue::from_static(""))
    }
}

/// A UUID in lower case, which is written again as it was read.
fn uuid(text: &[u8]) -> Option<RequestId> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut number = 0_u128;
    for (index, byte) in text.iter().enumerate() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'-' if matches!(index, 8 | 13 | 18 | 23) => continue,
            _ => return None,
        };
        if matches!(index, 8 | 13 | 18 | 23) {
            return None;
        }
        number = number << 4 | u128::from(digit);
    }
    Some(RequestId(Kind::Uuid((number >> 64) as u64, number as u64)))
}

/// SplitMix64's finaliser: a bijection, so distinct counts give distinct low halves.
fn scramble(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; 36]))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that cannot be the id of a request; see [`RequestId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: 1 to 128 letters, digits and -._~+/=:;,@")]
#[non_exhaustive]
pub struct InvalidRequestId;

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        Self::foreign(text.as_bytes()).ok_or(InvalidRequestId)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_version_7_sort_by_time_and_differ() {
        let early = RequestId::at(Duration::from_millis(1_000)).to_string();
        let late = RequestId::at(Duration::from_millis(2_000)).to_string();
        assert_eq!(early.len(), 36);
        assert_eq!(early.as_bytes()[14], b'7');
        assert_eq!(
            RequestId(Kind::Uuid(0x0123_4567_89ab_7cde, 0x8f01_2345_6789_abcd)).to_string(),
            "01234567-89ab-7cde-8f01-23456789abcd"
        );
        assert!(matches!(early.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert!(early < late);
        let many: std::collections::HashSet<_> =
            (0..10_000).map(|_| RequestId::at(Duration::ZERO)).collect();
        assert_eq!(many.len(), 10_000);
    }

    #[test]
    fn the_time_of_an_id_is_the_one_it_was_made_for() {
        let unix = Duration::from_millis(1_767_225_599_042);
        let number = RequestId::at(unix).as_u128().unwrap();
        assert_eq!(number >> 80, unix.as_millis());
    }

    #[test]
    fn an_id_is_no_larger_than_three_words() {
        assert_eq!(size_of::<Option<RequestId>>(), 24);
    }

    #[test]
    fn what_a_header_a_log_or_a_page_could_misread_is_no_id() {
        let long = "a".repeat(129);
        for bad in ["", "a b", "a\"b", "a\\b", "<b>", "a\nb", "é", "a%0a", "a&b", "{a}", &long] {
            assert_eq!(bad.parse::<RequestId>(), Err(InvalidRequestId), "{bad}");
        }
        let longest = "a".repeat(128);
        for good in ["a", "230b030023ae2822-SJC", "105445aa/1;o=1", &longest] {
            assert_eq!(good.parse::<RequestId>().unwrap().to_string(), *good);
        }
    }

    proptest! {
        #[test]
        fn an_id_is_written_as_it_was_read(text in "[-._~+/=:;,@0-9a-zA-Z]{1,128}") {
            let id: RequestId = text.parse().unwrap();
            prop_assert_eq!(id.to_header(), text.as_str());
            prop_assert_eq!(id.len(), text.len());
            prop_assert_eq!(id.to_string(), text);
        }

        #[test]
        fn a_uuid_is_read_as_the_number_that_was_written(high: u64, low: u64) {
            let id = RequestId(Kind::Uuid(high, low));
            prop_assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
        }

        #[test]
        fn a_uuid_in_capitals_or_out_of_shape_stays_a_text(text in "[0-9a-fA-F-]{36}") {
            prop_assert_eq!(text.parse::<RequestId>().unwrap().to_string(), text);
        }
    }
}
