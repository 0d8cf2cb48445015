//! What is wrong with a JSON text, and where.

use std::{borrow::Cow, fmt};

/// How much of one member name a pointer carries, in bytes.
const NAME_SHOWN: usize = 64;

/// How long a pointer may grow, in bytes; what lies deeper is left out.
const POINTER_SHOWN: usize = 1024;

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JsonFaultKind {
    /// The text ends where JSON must go on; an empty text too.
    UnexpectedEnd,
    /// A byte that JSON does not allow there.
    UnexpectedByte,
    /// Something other than blanks follows the value.
    TrailingData,
    /// The text begins with a byte order mark (RFC 8259, section 8.1).
    ByteOrderMark,
    /// A string or a name is not UTF-8.
    NotUtf8,
    /// A control character stands unescaped in a string or a name.
    ControlCharacter,
    /// A backslash is followed by what is no escape.
    BadEscape,
    /// An escaped surrogate without its other half: no Unicode text.
    LoneSurrogate,
    /// An object has two members of one name, escapes decoded.
    DuplicateName,
    /// Arrays and objects are nested deeper than allowed.
    TooDeep,
    /// An object has more members than allowed.
    TooManyEntries,
    /// An array has more items than allowed.
    TooManyItems,
    /// A string is longer than allowed.
    StringTooLong,
    /// A member name is longer than allowed.
    NameTooLong,
    /// A number is written with more characters than allowed.
    NumberTooLong,
}

impl JsonFaultKind {
    /// Whether the text may be JSON by its grammar, and only breaks a limit; a name given twice is
    /// one too, since the grammar allows it.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::DuplicateName
                | Self::TooDeep
                | Self::TooManyEntries
                | Self::TooManyItems
                | Self::StringTooLong
                | Self::NameTooLong
                | Self::NumberTooLong
        )
    }

    /// The fault in words, without any part of the text.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "the text ends too early",
            Self::UnexpectedByte => "a character stands where JSON allows none such",
            Self::TrailingData => "more text follows the value",
            Self::ByteOrderMark => "the text begins with a byte order mark",
            Self::NotUtf8 => "a string is not UTF-8",
            Self::ControlCharacter => "a control character stands unescaped in a string",
            Self::BadEscape => "a string has an unknown escape",
            Self::LoneSurrogate => "a string escapes half a surrogate pair",
            Self::DuplicateName => "the object has another member of this name",
            Self::TooDeep => "nested deeper than allowed",
            Self::TooManyEntries => "the object has more members than allowed",
            Self::TooManyItems => "the array has more items than allowed",
            Self::StringTooLong => "a string is longer than allowed",
            Self::NameTooLong => "a member name is longer than allowed",
            Self::NumberTooLong => "a number has more characters than allowed",
        }
    }
}

/// A JSON text was refused: what is wrong and where, never a value from it.
///
/// The place is a JSON pointer (RFC 6901). It carries the member names of the text, which are
/// the sender's own; each is cut to 64 bytes and the whole to 1 KiB (a cut shows as `…`), and control characters
/// become `U+FFFD`, so that a pointer is safe to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    kind: JsonFaultKind,
    pointer: String,
    offset: usize,
}

impl JsonFault {
    pub(super) fn new<'a>(
        kind: JsonFaultKind,
        offset: usize,
        tokens: impl Iterator<Item = Token<'a>>,
    ) -> Self {
        let mut pointer = Pointer::default();
        for token in tokens {
            match token {
                Token::Container => {}
                Token::Name(raw) => pointer.push(&String::from_utf8_lossy(&unescape(raw))),
                Token::Index(index) => pointer.push(&index.to_string()),
            }
        }
        Self { kind, pointer: pointer.finish(), offset }
    }

    /// What is wrong.
    pub fn kind(&self) -> JsonFaultKind {
        self.kind
    }

    /// Where, as a JSON pointer (RFC 6901); empty for the whole text.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Where, as the number of bytes before the place; zero-based.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}` (byte {})", self.kind.message(), self.pointer, self.offset)
    }
}

impl std::error::Error for JsonFault {}

/// One step of the way from the root to the place being read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token<'a> {
    /// No step: the container itself is meant.
    Container,
    /// A member, by its name as written, escapes and all.
    Name(&'a [u8]),
    /// An item, counted from zero.
    Index(usize),
}

/// A JSON pointer under construction, short and free of control characters.
#[derive(Debug, Default)]
pub(in crate::validate) struct Pointer {
    text: String,
    is_cut: bool,
}

impl Pointer {
    /// Adds one reference token, escaped, at most [`NAME_SHOWN`] bytes of it.
    pub(in crate::validate) fn push(&mut self, token: &str) {
        if self.is_cut {
            return;
        }
        if self.text.len() > POINTER_SHOWN {
            self.text.push_str("/…");
            self.is_cut = true;
            return;
        }
        self.text.push('/');
        let mut left = NAME_SHOWN;
        for character in token.chars() {
            let Some(rest) = left.checked_sub(character.len_utf8()) else {
                self.text.push('…');
                break;
            };
            left = rest;
            match character {
                '~' => self.text.push_str("~0"),
                '/' => self.text.push_str("~1"),
                c if c.is_control() => self.text.push(char::REPLACEMENT_CHARACTER),
                c => self.text.push(c),
            }
        }
    }

    pub(in crate::validate) fn finish(self) -> String {
        self.text
    }
}

/// The text of a string that was already judged, its escapes decoded.
///
/// What is no escape is kept as it stands: nothing here can fail.
pub(super) fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        rest = tail;
        if let (b'\\', [b'u', tail @ ..]) = (first, rest)
            && let Some((digits, tail)) = tail.split_first_chunk::<4>()
            && let Some(unit) = hex(*digits)
        {
            units.push(unit);
            rest = tail;
            continue;
        }
        flush(&mut units, &mut text);
        match (first, rest) {
            (b'\\', [escape, tail @ ..]) => {
                text.push(match escape {
                    b'b' => 0x08,
                    b'f' => 0x0c,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                });
                rest = tail;
            }
            _ => text.push(*first),
        }
    }
    flush(&mut units, &mut text);
    Cow::Owned(text)
}

fn flush(units: &mut Vec<u16>, text: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for character in char::decode_utf16(units.drain(..)) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
    }
}

/// Four hexadecimal digits as a UTF-16 unit.
pub(super) fn hex(digits: [u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |unit, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}
