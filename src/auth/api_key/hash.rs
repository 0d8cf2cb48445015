//! What is kept of a key instead of the key.

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::pepper::{Pepper, is_pepper_id};

/// The hash of a key's whole text, which is all that a store holds of it: SHA-256, or HMAC-SHA-256 under a
/// [`Pepper`] that the store does not have.
///
/// A fast hash is right here and would be wrong for a password: the secret has 256 bits of its own, so there is
/// nothing to guess and nothing to slow down. It reads and prints as `v1:sha256:` or `v1:hmac-sha256:pepper:`
/// with 64 hexadecimal digits; `printf %s "$KEY" | sha256sum` gives those of the first form.
#[derive(Clone)]
pub struct KeyHash {
    pepper: Option<Arc<str>>,
    digest: [u8; 32],
}

const PLAIN: &str = "v1:sha256:";
const KEYED: &str = "v1:hmac-sha256:";

impl KeyHash {
    /// The hash of nothing anybody has: what a key is compared with where its id is unknown.
    pub(super) const NONE: Self = Self { pepper: None, digest: [0; 32] };

    /// The hash of a key's whole text.
    pub fn of(key: &[u8]) -> Self {
        Self { pepper: None, digest: Sha256::digest(key).into() }
    }

    /// The hash of a key's whole text under a pepper: of no use to whoever has the store alone, neither to test
    /// a key nor to plant one.
    pub fn keyed(pepper: &Pepper, key: &[u8]) -> Self {
        Self { pepper: Some(pepper.shared_id()), digest: pepper.mac(key) }
    }

    /// A SHA-256 computed elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { pepper: None, digest: bytes }
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The id of the pepper it was made with, if any.
    pub fn pepper(&self) -> Option<&str> {
        self.pepper.as_deref()
    }

    /// Whether both are the hash of one key in one way, told in a time that does not depend on where they differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.pepper == other.pepper && self.is_digest(&other.digest)
    }

    pub(super) fn is_digest(&self, digest: &[u8; 32]) -> bool {
        self.digest.ct_eq(digest).into()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pepper {
            None => f.write_str(PLAIN)?,
            Some(pepper) => write!(f, "{KEYED}{pepper}:")?,
        }
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// The text was not the hash of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key hash is `v1:sha256:` or `v1:hmac-sha256:pepper:`, and 64 hexadecimal digits")]
#[non_exhaustive]
pub struct NotAHash;

impl FromStr for KeyHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        if let Some(digits) = text.strip_prefix(PLAIN) {
            return Ok(Self { pepper: None, digest: digest(digits)? });
        }
        let rest = text.strip_prefix(KEYED).ok_or(NotAHash)?;
        let (pepper, digits) = rest.split_once(':').ok_or(NotAHash)?;
        if !is_pepper_id(pepper) {
            return Err(NotAHash);
        }
        Ok(Self { pepper: Some(Arc::from(pepper)), digest: digest(digits)? })
    }
}

fn digest(digits: &str) -> Result<[u8; 32], NotAHash> {
    let mut bytes = [0_u8; 32];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return Err(NotAHash);
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(bytes)
}

fn digit(character: u8) -> Result<u8, NotAHash> {
    char::from(character).to_digit(16).and_then(|value| u8::try_from(value).ok()).ok_or(NotAHash)
}
