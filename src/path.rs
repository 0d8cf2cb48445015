//! What a path may look like: one form, readable in one way.
//!
//! A router, a proxy and a handler that read `/a/%2e%2e/b` in different ways make three policies of
//! one. What could be read in two ways is refused before any of them sees it.

use std::borrow::Cow;

/// How a path that is in order was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathForm {
    /// Without percent escapes: raw and decoded are the same bytes.
    Plain,
    /// With percent escapes, see [`decode`].
    Escaped,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathFault {
    /// Does not begin with `/`.
    Relative,
    /// Two slashes in a row.
    EmptySegment,
    /// A segment `.` or `..`, as it is or encoded.
    DotSegment,
    /// `%2f`.
    EncodedSlash,
    /// `%5c`.
    EncodedBackslash,
    /// A backslash as it is, which some readers take for a slash.
    Backslash,
    /// `%00` or a raw zero byte, where C readers end.
    Nul,
    /// A control character (C0, DEL or C1), as it is or encoded.
    Control,
    /// A `%` that two hexadecimal digits do not follow.
    BrokenEscape,
    /// Decodes to bytes that are not UTF-8, overlong forms among them.
    NotUtf8,
}

impl PathFault {
    /// What was found, for the record and the problem.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Relative => "the path does not begin with a slash",
            Self::EmptySegment => "the path has an empty segment",
            Self::DotSegment => "the path has a dot segment",
            Self::EncodedSlash => "the path has an encoded slash",
            Self::EncodedBackslash => "the path has an encoded backslash",
            Self::Backslash => "the path has a backslash",
            Self::Nul => "the path has a zero byte",
            Self::Control => "the path has a control character",
            Self::BrokenEscape => "the path has a broken percent escape",
            Self::NotUtf8 => "the path is not UTF-8 once decoded",
        }
    }
}

/// What has been seen of the segment at hand.
#[derive(Clone, Copy, PartialEq)]
enum Segment {
    Empty,
    Dot,
    DotDot,
    Named,
}

impl Segment {
    const fn dot(self) -> Self {
        match self {
            Self::Empty => Self::Dot,
            Self::Dot => Self::DotDot,
            Self::DotDot | Self::Named => Self::Named,
        }
    }
}

/// Judges a whole path, without its query, without allocating.
///
/// One slash at the end is in order: it makes no second slash in a row.
pub(crate) fn inspect(path: &str) -> Result<PathForm, PathFault> {
    if is_plain(path.as_bytes()) { Ok(PathForm::Plain) } else { inspect_closely(path) }
}

/// Whether nothing in the path needs a closer look: most paths, at a byte or less a cycle.
///
/// It may say no to a path in order (`/.well-known`), never yes to one that is not. No branch in
/// the loop, so that it compiles to vector instructions.
fn is_plain(path: &[u8]) -> bool {
    let Some((b'/', rest)) = path.split_first() else { return false };
    let odd = rest.iter().zip(path).fold(false, |odd, (byte, before)| {
        let is_special = (*byte < 0x21) | (*byte > 0x7e) | (*byte == b'%') | (*byte == b'\\');
        let begins_oddly = (*before == b'/') & ((*byte == b'/') | (*byte == b'.'));
        odd | is_special | begins_oddly
    });
    !odd
}

fn inspect_closely(path: &str) -> Result<PathForm, PathFault> {
    let mut bytes = path.as_bytes().iter();
    if bytes.next() != Some(&b'/') {
        return Err(PathFault::Relative);
    }
    let mut form = PathForm::Plain;
    let mut segment = Segment::Empty;
    let mut utf8 = Utf8::default();
    while let Some(&byte) = bytes.next() {
        let (byte, encoded) = if byte == b'%' {
            form = PathForm::Escaped;
            (escape(bytes.next(), bytes.next()).ok_or(PathFault::BrokenEscape)?, true)
        } else {
            (byte, false)
        };
        if byte >= 0x80 || utf8.is_inside() {
            utf8.push(byte)?;
            segment = Segment::Named;
            continue;
        }
        segment = match byte {
            b'/' if encoded => return Err(PathFault::EncodedSlash),
            b'/' => match segment {
                Segment::Empty => return Err(PathFault::EmptySegment),
                Segment::Dot | Segment::DotDot => return Err(PathFault::DotSegment),
                Segment::Named => Segment::Empty,
            },
            b'.' => segment.dot(),
            b'\\' if encoded => return Err(PathFault::EncodedBackslash),
            b'\\' => return Err(PathFault::Backslash),
            0 => return Err(PathFault::Nul),
            ..0x20 | 0x7f => return Err(PathFault::Control),
            _ => Segment::Named,
        };
    }
    if utf8.is_inside() {
        return Err(PathFault::NotUtf8);
    }
    match segment {
        Segment::Dot | Segment::DotDot => Err(PathFault::DotSegment),
        Segment::Empty | Segment::Named => Ok(form),
    }
}

/// The path with its percent escapes decoded once, borrowed where there are none.
///
/// None where an escape is broken or the result is not UTF-8, which [`inspect`] refuses too.
pub(crate) fn decode(path: &str) -> Option<Cow<'_, str>> {
    let Some((before, _)) = path.split_once('%') else {
        return Some(Cow::Borrowed(path));
    };
    let mut decoded = Vec::with_capacity(path.len());
    decoded.extend_from_slice(before.as_bytes());
    let mut bytes = path.bytes().skip(before.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => escape(bytes.next().as_ref(), bytes.next().as_ref())?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn escape(high: Option<&u8>, low: Option<&u8>) -> Option<u8> {
    Some(hex(*high?)? << 4 | hex(*low?)?)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Follows UTF-8 byte by byte, so that decoded bytes need not be gathered to be judged.
///
/// The ranges are those of table 3-7 of the Unicode standard, with C1 controls refused.
#[derive(Default)]
struct Utf8 {
    /// How many continuation bytes are due.
    due: u8,
    /// What the next one may be; the first of a sequence excludes overlong forms and surrogates.
    low: u8,
    high: u8,
    /// Whether the sequence began with 0xC2, whose lower half are the C1 controls.
    latin: bool,
}

impl Utf8 {
    const fn is_inside(&self) -> bool {
        self.due > 0
    }

    fn push(&mut self, byte: u8) -> Result<(), PathFault> {
        if self.due > 0 {
            if !(self.low..=self.high).contains(&byte) {
                return Err(PathFault::NotUtf8);
            }
            if self.latin && byte < 0xa0 {
                return Err(PathFault::Control);
            }
            *self = Self { due: self.due - 1, low: 0x80, high: 0xbf, latin: false };
            return Ok(());
        }
        let (due, low, high) = match byte {
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return Err(PathFault::NotUtf8),
        };
        *self = Self { due, low, high, latin: byte == 0xc2 };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_paths_are_in_order() {
        for path in ["/", "/orders", "/orders/", "/a.b/..c/...", "/.well-known/x", "/a:b@c;d=e"] {
            assert_eq!(inspect(path), Ok(PathForm::Plain), "{path}");
        }
        for path in ["/%61pi", "/caf%C3%A9", "/100%25", "/a%20b", "/x%2ey"] {
            assert_eq!(inspect(path), Ok(PathForm::Escaped), "{path}");
        }
        assert_eq!(inspect("/café"), Ok(PathForm::Plain));
    }

    #[test]
    fn a_path_that_could_be_read_in_two_ways_is_refused() {
        use PathFault::{
            Backslash, BrokenEscape, Control, DotSegment, EmptySegment, EncodedBackslash,
            EncodedSlash, NotUtf8, Nul, Relative,
        };
        for (path, fault) in [
            ("", Relative),
            ("*", Relative),
            ("a/b", Relative),
            ("//", EmptySegment),
            ("//a", EmptySegment),
            ("/a//", EmptySegment),
            ("/a//b", EmptySegment),
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/./b", DotSegment),
            ("/a/%2e%2E/b", DotSegment),
            ("/a/.%2e", DotSegment),
            ("/%2e", DotSegment),
            ("/a%2fb", EncodedSlash),
            ("/a%2Fb", EncodedSlash),
            ("/a%5cb", EncodedBackslash),
            ("/a%5Cb", EncodedBackslash),
            ("/a\\b", Backslash),
            ("/a%00", Nul),
            ("/a\0", Nul),
            ("/a%0a", Control),
            ("/a%7f", Control),
            ("/a\tb", Control),
            ("/a%c2%85", Control),
            ("/a\u{85}", Control),
            ("/%", BrokenEscape),
            ("/%4", BrokenEscape),
            ("/%zz", BrokenEscape),
            ("/%%41", BrokenEscape),
            ("/%+1", BrokenEscape),
            ("/%c0%af", NotUtf8),
            ("/%c0%ae%c0%ae/", NotUtf8),
            ("/%e0%80%af", NotUtf8),
            ("/%f0%80%80%af", NotUtf8),
            ("/%ed%a0%80", NotUtf8),
            ("/%f4%90%80%80", NotUtf8),
            ("/%ff", NotUtf8),
            ("/%c3", NotUtf8),
            ("/%c3/", NotUtf8),
            ("/%80", NotUtf8),
        ] {
            assert_eq!(inspect(path), Err(fault), "{path:?}");
        }
    }

    #[test]
    fn only_escapes_are_copied() {
        assert!(matches!(decode("/orders/7"), Some(Cow::Borrowed("/orders/7"))));
        assert_eq!(decode("/%61pi%2F").as_deref(), Some("/api/"));
        assert_eq!(decode("/caf%c3%a9").as_deref(), Some("/café"));
        for broken in ["/%", "/%4", "/%zz", "/%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    /// The rules once more, slowly, on the decoded bytes.
    fn naive(path: &str) -> bool {
        let Some(decoded) = decode(path) else { return false };
        let lower = path.to_ascii_lowercase();
        path.starts_with('/')
            && !["//", "\\", "%2f", "%5c"].iter().any(|bad| lower.contains(bad))
            && !decoded.chars().any(char::is_control)
            && !decoded.split('/').any(|segment| segment == "." || segment == "..")
    }

    proptest! {
        #[test]
        fn the_fast_pass_agrees_with_the_rules_written_out(
            path in "/?([a-c./\\\\%]|%[0-9a-fA-F]{2}|%2[eEfF]|é|\u{85}|\\PC){0,12}",
        ) {
            prop_assert_eq!(inspect(&path).is_ok(), naive(&path), "{:?}", path);
            prop_assert_eq!(inspect(&path), inspect_closely(&path));
        }

        #[test]
        fn any_text_is_judged_without_panic(path in any::<String>()) {
            let form = inspect(&path);
            prop_assert_eq!(form, inspect_closely(&path));
            if form == Ok(PathForm::Plain) {
                prop_assert!(matches!(decode(&path), Some(Cow::Borrowed(_))));
            }
            if form == Ok(PathForm::Escaped) {
                prop_assert!(decode(&path).is_some());
            }
        }

        #[test]
        fn bytes_are_utf8_for_us_where_they_are_for_the_standard_library(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0x80_u8..], 1..6),
        ) {
            let path: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let valid = std::str::from_utf8(&bytes).is_ok();
            let found = inspect(&format!("/{path}"));
            prop_assert!(valid || found.is_err());
            if valid {
                prop_assert_ne!(found, Err(PathFault::NotUtf8));
            }
        }
    }
}
