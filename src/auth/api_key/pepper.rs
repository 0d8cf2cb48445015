//! A secret of the service that goes into the hash of every key.

use std::{fmt, sync::Arc};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{ConfigError, Mistakes};

/// The fewest bytes of a pepper: the output of the hash (RFC 2104, section 3).
const SECRET_MIN: usize = 32;
const ID_MAX: usize = 16;

/// A secret that the service has and the store of keys has not, with the id that hashes name it by.
///
/// Hashes made [with it](super::KeyHash::keyed) are of no use to whoever has a copy of the store, and nobody who
/// can write to the store alone can plant a key. To change it, add the new one beside the old one
/// ([`ApiKeysBuilder::pepper`](super::ApiKeysBuilder::pepper)), issue and rotate keys with the new one, and take
/// the old one out once no hash names it any more.
///
/// It is wiped from memory when dropped, and `Debug` shows the id alone.
///
/// # Example
/// ```
/// use tower_parapet::auth::api_key::{ApiKey, ApiKeys, MemoryKeys, Pepper};
///
/// # fn secret() -> Vec<u8> { (0..32).collect() }
/// let pepper = Pepper::new("2026", secret())?;
/// let issued = ApiKey::generate("orders")?.peppered(&pepper);
/// let store = MemoryKeys::from_iter([issued.stored().build()?]);
/// let keys = ApiKeys::builder(store).pepper(pepper).build()?;
/// # let _ = keys;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Pepper {
    id: Arc<str>,
    mac: Hmac<Sha256>,
}

impl Pepper {
    /// A pepper of at least 32 random bytes, from a secret store or a file of its own.
    ///
    /// # Errors
    /// When the id is not 1 to 16 lower-case letters, digits and `-`, or the secret is shorter than 32 bytes or
    /// one byte over and over.
    pub fn new(id: impl Into<String>, secret: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let (id, secret) = (id.into(), Zeroizing::new(secret.into()));
        let mut mistakes = Mistakes::default();
        if !is_pepper_id(&id) {
            let remedy = "write 1 to 16 lower-case letters, digits and `-`, as in `2026`";
            mistakes.push("pepper", &*id, "is not the id of a pepper", remedy);
        }
        let is_short = secret.len() < SECRET_MIN;
        if is_short || secret.iter().all(|byte| Some(byte) == secret.first()) {
            let problem =
                if is_short { "is shorter than 32 bytes" } else { "is one byte repeated" };
            let remedy = "draw 32 bytes at random, with `openssl rand 32` say";
            mistakes.push("pepper", "", format!("the secret {problem}"), remedy);
        }
        let mac = Hmac::new_from_slice(&secret).ok();
        let mac = mistakes.finish_with(mac)?;
        Ok(Self { id: Arc::from(id), mac })
    }

    #[cfg(test)]
    pub(super) fn unchecked(id: &str, secret: &[u8]) -> Self {
        Self { id: Arc::from(id), mac: Hmac::new_from_slice(secret).unwrap() }
    }

    /// The id that hashes name it by.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        self.id.clone()
    }

    pub(super) fn mac(&self, key: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.clone();
        mac.update(key);
        mac.finalize().into_bytes().into()
    }
}

pub(super) fn is_pepper_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pepper").field("id", &self.id).finish_non_exhaustive()
    }
}
