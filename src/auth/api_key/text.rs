//! The text form of a key: `prefix_id_secret`, the secret with a checksum at its end.

use super::checksum::{BASE62, CHECKSUM_LEN, checksum};

/// How many characters of base62 are drawn for a secret: 43 of them carry 256 bits.
pub(super) const SECRET_LEN: usize = 43;
/// How many characters of base62 name a key: 95 bits, so that no two keys meet by chance.
pub(super) const ID_LEN: usize = 16;
const ID_MAX: usize = 32;
const PREFIX_MAX: usize = 32;

/// A presented key, read but not yet believed.
#[derive(Clone, Copy)]
pub(super) struct KeyText<'a> {
    whole: &'a [u8],
    id: &'a str,
}

/// Why a text is no key that was ever issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAKey {
    /// It has not the form of one.
    Form,
    /// It was mistyped, cut, or made up.
    Checksum,
}

impl NotAKey {
    pub(super) fn found(self) -> &'static str {
        match self {
            Self::Form => "text that is not a key",
            Self::Checksum => "a key with a wrong checksum: mistyped, cut or made up",
        }
    }
}

impl<'a> KeyText<'a> {
    /// Reads `prefix_id_secret` from the right, since a prefix such as `acme_live` may hold the separator.
    pub(super) fn parse(whole: &'a [u8]) -> Result<Self, NotAKey> {
        let id = read(whole).ok_or(NotAKey::Form)?;
        match whole.split_last_chunk::<CHECKSUM_LEN>() {
            Some((checked, told)) if checksum(checked) == *told => Ok(Self { whole, id }),
            _ => Err(NotAKey::Checksum),
        }
    }

    /// The characters the hash is taken of: all of them, so that prefix and id are bound to the secret.
    pub(super) fn whole(&self) -> &'a [u8] {
        self.whole
    }

    pub(super) fn id(&self) -> &'a str {
        self.id
    }
}

/// The id, if the whole has the form of a key.
fn read(whole: &[u8]) -> Option<&str> {
    let (rest, secret) = whole.split_last_chunk::<{ SECRET_LEN + CHECKSUM_LEN }>()?;
    let (separator, rest) = rest.split_last()?;
    let before_id = rest.iter().rposition(|byte| *byte == b'_')?;
    let (prefix, id) = (rest.get(..before_id)?, rest.get(before_id + 1..)?);
    let is_key =
        *separator == b'_' && is_base62(secret) && is_id_text(id) && is_prefix_text(prefix);
    if is_key { std::str::from_utf8(id).ok() } else { None }
}

/// Whether `text` may stand before the id: lower-case letters, digits and single `_` between them.
pub(super) fn is_prefix(text: &str) -> bool {
    is_prefix_text(text.as_bytes())
}

fn is_prefix_text(text: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= PREFIX_MAX
        && text.first().is_some_and(u8::is_ascii_lowercase)
        && text.last().is_some_and(is_plain)
        && text.iter().all(|byte| is_plain(byte) || *byte == b'_')
        && !text.windows(2).any(|pair| pair == b"__")
}

/// Whether `text` may name a key: 1 to 32 characters of base62.
pub(super) fn is_id(text: &str) -> bool {
    is_id_text(text.as_bytes())
}

fn is_id_text(text: &[u8]) -> bool {
    (1..=ID_MAX).contains(&text.len()) && is_base62(text)
}

/// To look at every character is faster than to stop at the first that is wrong.
fn is_base62(text: &[u8]) -> bool {
    text.iter().fold(true, |so_far, byte| so_far & byte.is_ascii_alphanumeric())
}

/// Appends the checksum of what is there.
pub(super) fn push_checksum(text: &mut String) {
    let written = checksum(text.as_bytes());
    text.extend(written.into_iter().map(char::from));
}

/// Appends `count` characters drawn from `random`, asking for more bytes as long as it takes.
///
/// Bytes from 248 on are dropped: 248 is four times 62, so each character is equally likely.
pub(super) fn push_base62<E>(
    text: &mut String,
    count: usize,
    mut random: impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut left = count;
    let mut bytes = zeroize::Zeroizing::new([0_u8; 64]);
    while left > 0 {
        random(bytes.as_mut_slice())?;
        let drawn = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .filter_map(|byte| BASE62.get(usize::from(*byte % 62)))
            .take(left);
        for character in drawn {
            text.push(char::from(*character));
            left -= 1;
        }
    }
    Ok(())
}
