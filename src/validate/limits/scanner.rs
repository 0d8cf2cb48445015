//! One strict pass over the bytes of a JSON text (RFC 8259), nothing built in memory.
//!
//! There is no recursion: what is open lies in a list, which a flat text does not even allocate.

use super::{
    JsonLimits,
    fault::{JsonFault, JsonFaultKind, Token, hex},
    names::{Names, Scope},
};

type Step<T = ()> = Result<T, JsonFaultKind>;

/// Judges the whole text.
pub(super) fn scan(text: &[u8], limits: &JsonLimits) -> Result<(), JsonFault> {
    let mut scanner =
        Scanner { rest: text, limits, inner: None, outer: Vec::new(), names: Names::default() };
    scanner.document().map_err(|kind| {
        let tokens = scanner.outer.iter().chain(&scanner.inner);
        JsonFault::new(
            kind,
            text.len().saturating_sub(scanner.rest.len()),
            tokens.map(|open| open.at),
        )
    })
}

struct Scanner<'a, 'l> {
    rest: &'a [u8],
    limits: &'l JsonLimits,
    /// The innermost array or object, and those around it, outermost first.
    inner: Option<Open<'a>>,
    outer: Vec<Open<'a>>,
    names: Names<'a>,
}

struct Open<'a> {
    /// `None` for an array.
    object: Option<Scope<'a>>,
    count: usize,
    at: Token<'a>,
}

struct Text<'a> {
    raw: &'a [u8],
    /// Bytes of the text once its escapes are decoded.
    length: usize,
    escaped: bool,
}

impl<'a> Scanner<'a, '_> {
    fn document(&mut self) -> Step {
        if self.rest.starts_with(b"\xef\xbb\xbf") {
            return Err(JsonFaultKind::ByteOrderMark);
        }
        self.blanks();
        loop {
            if self.value()? {
                continue;
            }
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads a value, or the beginning of one: `true` when another value must follow at once.
    fn value(&mut self) -> Step<bool> {
        let [first, tail @ ..] = self.rest else {
            return Err(JsonFaultKind::UnexpectedEnd);
        };
        match first {
            b'"' => {
                self.rest = tail;
                let text = self.string()?;
                if text.length > self.limits.string_bytes {
                    return Err(JsonFaultKind::StringTooLong);
                }
                Ok(false)
            }
            b'-' | b'0'..=b'9' => self.number().map(|()| false),
            b'{' => {
                let scope = self.names.enter();
                self.open(Some(scope), tail)?;
                if self.rest.first() == Some(&b'}') {
                    self.close();
                    return Ok(false);
                }
                self.entry().map(|()| true)
            }
            b'[' => {
                self.open(None, tail)?;
                if self.rest.first() == Some(&b']') {
                    self.close();
                    return Ok(false);
                }
                self.item().map(|()| true)
            }
            b't' => self.literal(b"true").map(|()| false),
            b'f' => self.literal(b"false").map(|()| false),
            b'n' => self.literal(b"null").map(|()| false),
            _ => Err(JsonFaultKind::UnexpectedByte),
        }
    }

    /// Reads what follows a value, up to the next one: `true` at the end of the text.
    fn after_value(&mut self) -> Step<bool> {
        loop {
            self.blanks();
            let Some(open) = &self.inner else {
                return match self.rest {
                    [] => Ok(true),
                    _ => Err(JsonFaultKind::TrailingData),
                };
            };
            match (self.rest, &open.object) {
                ([b',', tail @ ..], object) => {
                    let is_object = object.is_some();
                    self.rest = tail;
                    self.blanks();
                    return match is_object {
                        true => self.entry(),
                        false => self.item(),
                    }
                    .map(|()| false);
                }
                ([b'}', ..], Some(_)) | ([b']', ..], None) => self.close(),
                ([], _) => return Err(JsonFaultKind::UnexpectedEnd),
                _ => return Err(JsonFaultKind::UnexpectedByte),
            }
        }
    }

    fn open(&mut self, object: Option<Scope<'a>>, tail: &'a [u8]) -> Step {
        let depth = self.outer.len() + usize::from(self.inner.is_some());
        if depth >= self.limits.depth {
            return Err(JsonFaultKind::TooDeep);
        }
        self.rest = tail;
        self.outer.extend(self.inner.take());
        self.inner = Some(Open { object, count: 0, at: Token::Container });
        self.blanks();
        Ok(())
    }

    /// Leaves the innermost container, whose closing bracket stands next.
    fn close(&mut self) {
        if let [_, tail @ ..] = self.rest {
            self.rest = tail;
        }
        if let Some(scope) = self.inner.take().and_then(|open| open.object) {
            self.names.leave(scope);
        }
        self.inner = self.outer.pop();
    }

    /// Counts one more item of the innermost array.
    fn item(&mut self) -> Step {
        let Some(open) = &mut self.inner else {
            return Ok(());
        };
        if open.count >= self.limits.items {
            open.at = Token::Container;
            return Err(JsonFaultKind::TooManyItems);
        }
        open.at = Token::Index(open.count);
        open.count += 1;
        Ok(())
    }

    /// Reads the name of one more member of the innermost object, the colon too.
    fn entry(&mut self) -> Step {
        if let Some(open) = &mut self.inner {
            open.at = Token::Container;
            if open.count >= self.limits.entries {
                return Err(JsonFaultKind::TooManyEntries);
            }
            open.count += 1;
        }
        match self.rest {
            [b'"', tail @ ..] => self.rest = tail,
            [] => return Err(JsonFaultKind::UnexpectedEnd),
            _ => return Err(JsonFaultKind::UnexpectedByte),
        }
        let name = self.string()?;
        if name.length > self.limits.name_bytes {
            return Err(JsonFaultKind::NameTooLong);
        }
        if let Some(open) = &mut self.inner {
            open.at = Token::Name(name.raw);
            if let Some(scope) = &mut open.object
                && !self.names.insert(scope, name.raw, name.escaped)
            {
                return Err(JsonFaultKind::DuplicateName);
            }
        }
        self.blanks();
        match self.rest {
            [b':', tail @ ..] => self.rest = tail,
            [] => return Err(JsonFaultKind::UnexpectedEnd),
            _ => return Err(JsonFaultKind::UnexpectedByte),
        }
        self.blanks();
        Ok(())
    }

    fn blanks(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', tail @ ..] = self.rest {
            self.rest = tail;
        }
    }

    fn literal(&mut self, word: &[u8]) -> Step {
        match self.rest.strip_prefix(word) {
            Some(tail) => {
                self.rest = tail;
                Ok(())
            }
            None if word.starts_with(self.rest) => Err(JsonFaultKind::UnexpectedEnd),
            None => Err(JsonFaultKind::UnexpectedByte),
        }
    }

    fn number(&mut self) -> Step {
        let from = self.rest;
        self.sign(b"-");
        match self.rest {
            [b'0', tail @ ..] => self.rest = tail,
            _ => self.digits()?,
        }
        if let [b'.', tail @ ..] = self.rest {
            self.rest = tail;
            self.digits()?;
        }
        if let [b'e' | b'E', tail @ ..] = self.rest {
            self.rest = tail;
            self.sign(b"+-");
            self.digits()?;
        }
        if from.len().saturating_sub(self.rest.len()) > self.limits.number_chars {
            return Err(JsonFaultKind::NumberTooLong);
        }
        Ok(())
    }

    fn sign(&mut self, signs: &[u8]) {
        if let [first, tail @ ..] = self.rest
            && signs.contains(first)
        {
            self.rest = tail;
        }
    }

    fn digits(&mut self) -> Step {
        match self.rest {
            [b'0'..=b'9', ..] => {}
            [] => return Err(JsonFaultKind::UnexpectedEnd),
            _ => return Err(JsonFaultKind::UnexpectedByte),
        }
        while let [b'0'..=b'9', tail @ ..] = self.rest {
            self.rest = tail;
        }
        Ok(())
    }

    /// Reads a string whose opening quote has been read.
    fn string(&mut self) -> Step<Text<'a>> {
        let from = self.rest;
        let mut ascii = true;
        let mut saved = 0;
        loop {
            ascii &= self.plain();
            match self.rest {
                [b'"', tail @ ..] => {
                    let raw = from.get(..from.len().saturating_sub(self.rest.len()));
                    let raw = raw.unwrap_or_default();
                    if !ascii && let Err(error) = std::str::from_utf8(raw) {
                        self.rest = from.get(error.valid_up_to()..).unwrap_or_default();
                        return Err(JsonFaultKind::NotUtf8);
                    }
                    self.rest = tail;
                    return Ok(Text {
                        raw,
                        length: raw.len().saturating_sub(saved),
                        escaped: saved > 0,
                    });
                }
                [b'\\', ..] => saved += self.escape()?,
                [] => return Err(JsonFaultKind::UnexpectedEnd),
                _ => return Err(JsonFaultKind::ControlCharacter),
            }
        }
    }

    /// Skips to the next byte that means something in a string, eight bytes at a time; whether
    /// all that was skipped is ASCII.
    fn plain(&mut self) -> bool {
        const ONES: u64 = u64::MAX / 255;
        const HIGH: u64 = ONES << 7;
        // The lowest flag is exact, those above it may be false: the borrow runs upwards.
        let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
        let mut seen = 0;
        while let Some((chunk, tail)) = self.rest.split_first_chunk::<8>() {
            let word = u64::from_le_bytes(*chunk);
            let quote = below(word ^ (ONES * u64::from(b'"')), 1);
            let escape = below(word ^ (ONES * u64::from(b'\\')), 1);
            let special = below(word, 0x20) | quote | escape;
            if special != 0 {
                let bits = special.trailing_zeros() & !7;
                seen |= word & !(u64::MAX << bits);
                let skipped = usize::try_from(bits >> 3).unwrap_or_default();
                self.rest = self.rest.get(skipped..).unwrap_or_default();
                return seen & HIGH == 0;
            }
            seen |= word;
            self.rest = tail;
        }
        while let [first, tail @ ..] = self.rest
            && !matches!(first, b'"' | b'\\' | 0..=0x1f)
        {
            seen |= u64::from(*first);
            self.rest = tail;
        }
        seen & HIGH == 0
    }

    /// Reads one escape, or two that make up one character: how many bytes its decoding saves.
    fn escape(&mut self) -> Step<usize> {
        match self.rest {
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', tail @ ..] => {
                self.rest = tail;
                Ok(1)
            }
            [b'\\', b'u', ..] => {
                let (unit, tail) = unit(self.rest)?;
                let (saved, tail) = match unit {
                    0..0x80 => (5, tail),
                    0x80..0x800 => (4, tail),
                    0xd800..0xdc00 => match unit_after_high(tail)? {
                        (0xdc00..0xe000, tail) => (8, tail),
                        _ => return Err(JsonFaultKind::LoneSurrogate),
                    },
                    0xdc00..0xe000 => return Err(JsonFaultKind::LoneSurrogate),
                    _ => (3, tail),
                };
                self.rest = tail;
                Ok(saved)
            }
            [_] | [] => Err(JsonFaultKind::UnexpectedEnd),
            _ => Err(JsonFaultKind::BadEscape),
        }
    }
}

/// The UTF-16 unit that an escape `\uXXXX` at the beginning of `rest` stands for.
fn unit(rest: &[u8]) -> Step<(u16, &[u8])> {
    let escape = rest.split_first_chunk::<6>();
    let Some(([b'\\', b'u', a, b, c, d], tail)) = escape else {
        let digits = rest.get(2..).unwrap_or_default();
        return Err(match digits.iter().all(u8::is_ascii_hexdigit) {
            true => JsonFaultKind::UnexpectedEnd,
            false => JsonFaultKind::BadEscape,
        });
    };
    let unit = hex([*a, *b, *c, *d]).ok_or(JsonFaultKind::BadEscape)?;
    Ok((unit, tail))
}

fn unit_after_high(rest: &[u8]) -> Step<(u16, &[u8])> {
    match rest {
        [b'\\', b'u', ..] => unit(rest),
        _ => Err(JsonFaultKind::LoneSurrogate),
    }
}
