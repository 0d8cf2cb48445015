//! A key as it is issued.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    checksum::CHECKSUM_LEN,
    hash::KeyHash,
    pepper::Pepper,
    secret::SecretText,
    stored::{StoredKey, StoredKeyBuilder},
    text::{ID_LEN, SECRET_LEN, is_id, is_prefix, push_base62, push_checksum},
};
use crate::error::{ConfigError, Mistakes};

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
///
/// # Example: rotation
/// The key keeps its id, owner and scopes, and for a week both secrets are good.
/// ```
/// use std::time::Duration;
/// use tower_parapet::auth::api_key::{ApiKey, MemoryKeys};
///
/// # let store = MemoryKeys::new();
/// # let issued = ApiKey::generate("orders")?;
/// # let now = Duration::from_secs(1_800_000_000);
/// # store.insert(issued.stored().owner("acme").build()?);
/// # let id = issued.id();
/// let next = ApiKey::rotate("orders", id)?;
/// if let Some(stored) = store.get(id) {
///     store.insert(stored.rotated(&next, now + Duration::from_secs(7 * 86_400))?);
/// }
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
    /// The text is `prefix_id_secret`: the id 16 characters of base62, the secret 43 of them, which are 256 bits,
    /// and behind it six that are the CRC-32 of the rest, as in the tokens of GitHub.
    ///
    /// # Errors
    /// When the prefix is not 1 to 32 lower-case letters, digits and single `_` between them, beginning with a
    /// letter, or when the system has no randomness to give.
    pub fn generate(prefix: &str) -> Result<Self, ConfigError> {
        Self::draw("generate", prefix, None, getrandom::fill)
    }

    /// Draws another secret for the key of that id, for [`StoredKey::rotated`].
    ///
    /// # Errors
    /// As for [`generate`](Self::generate), and when the id is not one.
    pub fn rotate(prefix: &str, id: &str) -> Result<Self, ConfigError> {
        Self::draw("rotate", prefix, Some(id), getrandom::fill)
    }

    /// The same key with its hash under a pepper, for a scheme that
    /// [has it](super::ApiKeysBuilder::pepper).
    pub fn peppered(mut self, pepper: &Pepper) -> Self {
        self.hash = KeyHash::keyed(pepper, self.text.expose().as_bytes());
        self
    }

    fn draw<E: fmt::Display>(
        setter: &'static str,
        prefix: &str,
        id: Option<&str>,
        mut random: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        if !is_prefix(prefix) {
            mistakes.push(
                setter,
                prefix,
                "is not a key prefix",
                "write 1 to 32 lower-case letters, digits and single `_`, as in `acme_live`",
            );
        }
        if let Some(id) = id.filter(|id| !is_id(id)) {
            let remedy = "name the id of the key to rotate, 1 to 32 letters and digits";
            mistakes.push(setter, id, "is not a key id", remedy);
        }
        let mut name = String::with_capacity(ID_LEN);
        let drawn = match id {
            Some(id) => {
                name.push_str(id);
                Ok(())
            }
            None => push_base62(&mut name, ID_LEN, &mut random),
        };
        let length = prefix.len() + name.len() + SECRET_LEN + CHECKSUM_LEN + 2;
        let mut text = Zeroizing::new(String::with_capacity(length));
        let drawn = drawn.and_then(|()| {
            [prefix, "_", &name, "_"].into_iter().for_each(|part| text.push_str(part));
            push_base62(&mut text, SECRET_LEN, &mut random)
        });
        if let Err(error) = drawn {
            mistakes.push(
                setter,
                prefix,
                format!("cannot be completed: {error}"),
                "give the process access to the system's random source",
            );
        }
        mistakes.finish()?;
        push_checksum(&mut text);
        let hash = KeyHash::of(text.as_bytes());
        Ok(Self { text: SecretText::new(text), id: name, hash })
    }

    /// The text to show to the key's owner; nobody can show it again.
    pub fn text(&self) -> &SecretText {
        &self.text
    }

    /// The public id, by which a store finds the key and a person names it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is kept of the text.
    pub fn hash(&self) -> &KeyHash {
        &self.hash
    }

    /// Begins what a store keeps of this key.
    pub fn stored(&self) -> StoredKeyBuilder {
        StoredKey::builder(&self.id, self.hash.clone())
    }
}
