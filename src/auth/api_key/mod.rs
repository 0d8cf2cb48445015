//! API keys: a secret in a header, kept as a hash, compared in constant time.
//!
//! # Threat
//! Keys leak: through a copy of the database, a log, a URL, a repository; and they are guessed,
//! byte by byte where a comparison stops early. So the store holds hashes only, a key has 256 random
//! bits and a prefix that scanners find, the text is never printed and never read from the query,
//! and the comparison takes the same time for a near miss, a far one and an unknown id. A key that
//! leaked all the same is of less use where it is bound to networks, and it is replaced without an
//! outage, since two secrets of one key may be live at a time. Whoever can write to the store plants
//! no key where hashes have a [pepper](Pepper).
//!
//! # Behaviour
//! A key reads `prefix_id_secret`: a public prefix that names the service, a public id that the
//! store finds it by, and the secret, which ends in a checksum.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the key is known, its secret right, its time not over, the client in its networks | – | admitted |
//! | no header of that name | 401 | `missing-credentials` (admitted on optional routes) |
//! | the header twice, or credentials of another scheme too | 400 | `ambiguous-credentials` |
//! | text that is not a key, or with a wrong checksum: the store is not asked | 401 | `invalid-credentials` |
//! | an unknown id, a wrong secret | 401 | `invalid-credentials` |
//! | the secret is right and the key's time is over, or that of the former secret | 401 | `expired-credentials` |
//! | the secret is right and the client is not in the key's networks | 403 | `address-denied` |
//! | the key is bound to networks and the client is not known | 503 | `address-unknown` |
//! | too many wrong secrets for that id, from whatever networks, and this one was never found good | 429 | `rate-limited`, with `Retry-After` |
//! | the store fails, or the hash names a pepper that is not here | 503 | `unavailable`, with `Retry-After: 5` |
//!
//! Each 401 carries `WWW-Authenticate: ApiKey header="X-Api-Key"`. The answer is the same for an
//! unknown id and for a wrong secret; the record tells them apart, and names the id. A request that
//! was admitted by the secret before the last rotation has the note `api-key-secret` in its record.
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
//! # Stores
//! | store | where the keys are | how long a revoked key is good |
//! |---|---|---|
//! | [`MemoryKeys`] | in memory | not at all |
//! | [`FileKeys`] | in a JSON file, read again when it changes | two seconds |
//! | [`CachedKeys`] | wherever a look-up finds them, remembered for a while | a minute, or until it is forgotten |
//! | [`KeyStore`] | as you say | as you say |
//!
//! # Defaults
//! | setter | default |
//! |---|---|
//! | [`header`](ApiKeysBuilder::header) | `X-Api-Key` |
//! | [`pepper`](ApiKeysBuilder::pepper) | none: SHA-256; with one, plain hashes are refused |
//! | [`guesses`](ApiKeysBuilder::guesses) | 100 wrong secrets for one id at once, and then one every six seconds |
//! | [`owner`](StoredKeyBuilder::owner) | the key itself, by its id |
//! | [`issuer`](StoredKeyBuilder::issuer) | `api-key` |
//! | [`scope`](StoredKeyBuilder::scope), [`role`](StoredKeyBuilder::role), [`tenant`](StoredKeyBuilder::tenant) | none |
//! | [`address`](StoredKeyBuilder::address) | from anywhere |
//! | [`expires_at`](StoredKeyBuilder::expires_at) | no end |
//! | [`look_every`](FileKeysBuilder::look_every) | two seconds |
//! | [`ttl`](CachedKeysBuilder::ttl), [`unknown_ttl`](CachedKeysBuilder::unknown_ttl) | one minute, five seconds |
//! | [`stale`](CachedKeysBuilder::stale) | not at all |
//! | [`timeout`](CachedKeysBuilder::timeout), [`parallel`](CachedKeysBuilder::parallel), [`capacity`](CachedKeysBuilder::capacity) | five seconds, 64, 10 000 |
//!
//! # Guessing
//! With 256 bits there is nothing to find. All the same the wrong secrets for one id are counted, in a
//! table of fixed size, and beyond the limit none is compared any more. A secret that was found good
//! before, since the process started, is compared as ever, so that nobody keeps the owner out by
//! guessing; an owner whose first request after a start falls into an attack waits for a turn,
//! of which there is one every six seconds.
//!
//! # What this does not do
//! It reads no key from the query, a cookie or a body. It does not tell anybody when a key was last
//! used; an [`Observer`](crate::Observer) can, who is told of every request. Made-up keys with right
//! checksums, each with an id of its own, cost a look-up each: a throttle that counts forged credentials
//! stops the network they come from. Counts of guesses and what
//! [`CachedKeys`] remembers are each process's own.

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
