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
        let read = std::str::from_utf8(whole).ok().and_then(|text| {
            let (rest, secret) = text.rsplit_once('_')?;
            let (prefix, id) = rest.rsplit_once('_')?;
            let readable = secret.len() == SECRET_LEN + CHECKSUM_LEN
                && is_base62(secret)
                && is_id(id)
                && is_prefix(prefix);
            readable.then_some(Self { whole, id })
        });
        let read = read.ok_or(NotAKey::Form)?;
        match whole.split_last_chunk::<CHECKSUM_LEN>() {
            Some((checked, told)) if checksum(checked) == *told => Ok(read),
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

/// Whether `text` may stand before the id: lower-case letters, digits and single `_` between them.
pub(super) fn is_prefix(text: &str) -> bool {
    text.len() <= PREFIX_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('_').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// Whether `text` may name a key: 1 to 32 characters of base62.
pub(super) fn is_id(text: &str) -> bool {
    (1..=ID_MAX).contains(&text.len()) && is_base62(text)
}

fn is_base62(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
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
