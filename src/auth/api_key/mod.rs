//! API keys: a secret in a header, kept as a hash, compared in constant time.
//!
//! # Threat
//! Keys leak: through a copy of the database, a log, a URL, a repository; and they are guessed,
//! byte by byte where a comparison stops early. So the store holds hashes only, a key has 256 random
//! bits and a prefix that scanners find, the text is never printed and never read from the query,
//! and the comparison takes the same time for a near miss, a far one and an unknown id.
//!
//! # Behaviour
//! A key reads `prefix_id_secret`: a public prefix that names the service, a public id that the
//! store finds it by, and the secret.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the key is known, its secret right, its time not over | – | admitted |
//! | no header of that name | 401 | `missing-credentials` (admitted on optional routes) |
//! | the header twice, or credentials of another scheme too | 400 | `ambiguous-credentials` |
//! | text that is not a key, an unknown id, a wrong secret | 401 | `invalid-credentials` |
//! | the secret is right and the key's time is over | 401 | `expired-credentials` |
//! | the store fails | 503 | `unavailable`, with `Retry-After: 5` |
//!
//! Each 401 carries `WWW-Authenticate: ApiKey header="X-Api-Key"`. The answer is the same for an
//! unknown id and for a wrong secret; the record tells them apart, and names the id.
//!
//! # Example
//! ```
//! use tower_parapet::auth::api_key::{ApiKey, ApiKeys, MemoryKeys};
//!
//! let store = MemoryKeys::new();
//! let issued = ApiKey::generate("orders")?;
//! store.insert(issued.stored().owner("acme").scope("orders:read").build()?);
//! println!("your key, shown this once: {}", issued.text().expose());
//!
//! let keys = ApiKeys::builder(store.clone()).build()?;
//! store.revoke(issued.id());
//! # let _ = keys;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//! | setter | default |
//! |---|---|
//! | [`header`](ApiKeysBuilder::header) | `X-Api-Key` |
//! | [`owner`](StoredKeyBuilder::owner) | the key itself, by its id |
//! | [`issuer`](StoredKeyBuilder::issuer) | `api-key` |
//! | [`scope`](StoredKeyBuilder::scope), [`role`](StoredKeyBuilder::role) | none |
//! | [`expires_at`](StoredKeyBuilder::expires_at) | no end |
//!
//! # What this does not do
//! It reads no key from the query, a cookie or a body. It does not slow down guessing by itself;
//! with 256 bits there is nothing to find, and a throttle charges for trying. It waits for no
//! database: a [`KeyStore`] answers from memory.

mod builder;
mod cached;
mod checksum;
mod familiar;
mod file;
mod guard;
mod hash;
mod key;
mod pepper;
mod record;
mod secret;
mod store;
mod stored;
mod text;
mod verdict;

#[cfg(test)]
mod tests;

pub use builder::{ApiKeysBuilder, DangerousApiKeys};
pub use cached::{CachedKeys, CachedKeysBuilder, KeyLookup};
pub use file::{FileKeys, FileKeysBuilder};
pub use guard::ApiKeys;
pub use hash::{KeyHash, NotAHash};
pub use key::ApiKey;
pub use pepper::Pepper;
pub use secret::SecretText;
pub use store::{KeyStore, MemoryKeys};
pub use stored::{StoredKey, StoredKeyBuilder};

pub use super::StoreError;

/// The scheme's name, in records and in principals.
const SCHEME: &str = "api-key";
