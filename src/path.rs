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

/// What becomes of `%2f` and `%5c`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Separators {
    /// No reader agrees with another one on what they separate.
    #[default]
    Refused,
    /// They are text within a segment, and stay encoded wherever a path is judged.
    Text,
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
    /// As good as empty: after a separator that is text.
    Resumed,
    Dot,
    DotDot,
    Named,
}

impl Segment {
    const fn dot(self) -> Self {
        match self {
            Self::Empty | Self::Resumed => Self::Dot,
            Self::Dot => Self::DotDot,
            Self::DotDot | Self::Named => Self::Named,
        }
    }
}

/// Judges a whole path, without its query, without allocating.
///
/// One slash at the end is in order: it makes no second slash in a row.
pub(crate) fn inspect(path: &str, separators: Separators) -> Result<PathForm, PathFault> {
    if is_plain(path.as_bytes()) {
        return Ok(PathForm::Plain);
    }
    inspect_closely(path, separators)
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

fn inspect_closely(path: &str, separators: Separators) -> Result<PathForm, PathFault> {
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
            b'/' | b'\\' if encoded && separators == Separators::Text => match segment {
                Segment::Dot | Segment::DotDot => return Err(PathFault::DotSegment),
                _ => Segment::Resumed,
            },
            b'/' if encoded => return Err(PathFault::EncodedSlash),
            b'/' => match segment {
                Segment::Empty => return Err(PathFault::EmptySegment),
                Segment::Dot | Segment::DotDot => return Err(PathFault::DotSegment),
                Segment::Resumed | Segment::Named => Segment::Empty,
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
        Segment::Empty | Segment::Resumed | Segment::Named => Ok(form),
    }
}

/// The path with its percent escapes decoded once, borrowed where there are none.
///
/// None where an escape is broken or the result is not UTF-8, which [`inspect`] refuses too.
pub(crate) fn decode(path: &str, separators: Separators) -> Option<Cow<'_, str>> {
    let Some((before, _)) = path.split_once('%') else {
        return Some(Cow::Borrowed(path));
    };
    let mut decoded = Vec::with_capacity(path.len());
    decoded.extend_from_slice(before.as_bytes());
    let mut bytes = path.bytes().skip(before.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (high, low) = (bytes.next()?, bytes.next()?);
        match escape(Some(&high), Some(&low))? {
            b'/' | b'\\' if separators == Separators::Text => decoded.extend([b'%', high, low]),
            byte => decoded.push(byte),
        }
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
mod tests;
