//! A key, as it is issued and as it is kept.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::{
    hash::KeyHash,
    secret::SecretText,
    text::{ID_LEN, SECRET_LEN, is_id, is_prefix, push_base62},
};
use crate::{
    context::Principal,
    error::{ConfigError, Mistakes},
};

/// The issuer of a key's owner, unless another is named.
pub(super) const ISSUER: &str = "api-key";

/// A key just generated: its text, to be shown to its owner once, and what a store keeps instead.
///
/// # Example
/// ```
/// use tower_parapet::auth::api_key::{ApiKey, MemoryKeys};
///
/// let store = MemoryKeys::new();
/// let issued = ApiKey::generate("orders")?;
/// store.insert(issued.stored().owner("acme").scope("orders:read").build()?);
/// println!("shown once: {}", issued.text().expose());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ApiKey {
    text: SecretText,
    id: String,
    hash: KeyHash,
}

impl ApiKey {
    /// Draws a key with that public prefix, such as `orders` or `acme_live`, from the system's random source.
    ///
    /// The text is `prefix_id_secret`: the id 16 characters of base62, the secret 43 of them, which are 256 bits.
    ///
    /// # Errors
    /// When the prefix is not 1 to 32 lower-case letters, digits and single `_` between them, beginning with a
    /// letter, or when the system has no randomness to give.
    pub fn generate(prefix: &str) -> Result<Self, ConfigError> {
        Self::draw(prefix, getrandom::fill)
    }

    fn draw<E: fmt::Display>(
        prefix: &str,
        mut random: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        if !is_prefix(prefix) {
            mistakes.push(
                "generate",
                prefix,
                "is not a key prefix",
                "write 1 to 32 lower-case letters, digits and single `_`, as in `acme_live`",
            );
        }
        let mut id = String::with_capacity(ID_LEN);
        let length = prefix.len() + ID_LEN + SECRET_LEN + 2;
        let mut text = Zeroizing::new(String::with_capacity(length));
        let drawn = push_base62(&mut id, ID_LEN, &mut random).and_then(|()| {
            text.push_str(prefix);
            text.push('_');
            text.push_str(&id);
            text.push('_');
            push_base62(&mut text, SECRET_LEN, &mut random)
        });
        if let Err(error) = drawn {
            mistakes.push(
                "generate",
                prefix,
                format!("cannot be completed: {error}"),
                "give the process access to the system's random source",
            );
        }
        let hash = KeyHash::of(text.as_bytes());
        mistakes.finish(|| Self {
            text: SecretText::new(text),
            id,
            hash,
        })
    }

    /// The text to show to the key's owner; nobody can show it again.
    #[must_use]
    pub fn text(&self) -> &SecretText {
        &self.text
    }

    /// The public id, by which a store finds the key and a person names it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Begins what a store keeps of this key.
    #[must_use]
    pub fn stored(&self) -> StoredKeyBuilder {
        StoredKey::builder(&self.id, self.hash.clone())
    }
}

/// What a store keeps of a key: never its text, but its hash, whom it speaks for and until when.
#[derive(Debug, Clone)]
pub struct StoredKey {
    id: Box<str>,
    hash: KeyHash,
    principal: Principal,
    expires_at: Option<Duration>,
}
