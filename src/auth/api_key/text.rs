//! The text form of a key: `prefix_id_secret`.

/// The fewest characters of a secret: 43 of base62 carry 256 bits.
pub(super) const SECRET_LEN: usize = 43;
/// How many characters of base62 name a key: 95 bits, so that no two keys meet by chance.
pub(super) const ID_LEN: usize = 16;
/// Room for what a later form appends to the secret, a checksum above all.
const SECRET_MAX: usize = 64;
const ID_MAX: usize = 32;
const PREFIX_MAX: usize = 32;

/// The alphabet of id and secret: no `_`, which parts them, and nothing a double click stops at.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A presented key, read but not yet believed.
#[derive(Clone, Copy)]
pub(super) struct KeyText<'a> {
    whole: &'a [u8],
    id: &'a str,
}

impl<'a> KeyText<'a> {
    /// Reads `prefix_id_secret` from the right, since a prefix such as `acme_live` may hold the separator.
    pub(super) fn parse(whole: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(whole).ok()?;
        let (rest, secret) = text.rsplit_once('_')?;
        let (prefix, id) = rest.rsplit_once('_')?;
        let readable = (SECRET_LEN..=SECRET_MAX).contains(&secret.len())
            && is_base62(secret)
            && is_id(id)
            && is_prefix(prefix);
        readable.then_some(Self { whole, id })
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
