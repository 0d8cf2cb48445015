//! User names and passwords (RFC 7617), hashed by Argon2id.
//!
//! For people with `curl`, for machines that can do nothing else, and for the way from one of them to
//! something better. [API keys](super::api_key) and [tokens](super::jwt) are better: a password is
//! guessed, is used elsewhere too, and costs tens of milliseconds to verify.
//!
//! # Threat
//! Passwords are guessed, at one name from a thousand networks or at a thousand names from one; stores of
//! them are stolen; and the very hash that makes a stolen store useless lets anybody use up the
//! service, at 19 MiB and 50 ms a guess. So hashes are of Argon2id, within bounds, computed off the threads
//! that serve requests, a few at a time, after a bounded wait; wrong passwords for a name are counted before
//! they are tried; and a name that nobody has costs the same as one that somebody has.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the user is known, the password right, the client in the user's networks | – | admitted |
//! | no `Authorization` | 401 | `missing-credentials` (admitted on optional routes) |
//! | not base64 (RFC 4648, with padding), not UTF-8, no colon, control characters; an empty name or password, or one longer than 255 or 1024 bytes | 401 | `invalid-credentials` |
//! | an unknown user, a wrong password | 401 | `invalid-credentials` |
//! | the password is right and the client is not in the user's networks | 403 | `address-denied` |
//! | the user is bound to networks and the client is not known | 503 | `address-unknown` |
//! | too many wrong passwords for that name, from whatever networks, and this one was not found good within a day: nothing is computed | 429 | `rate-limited`, with `Retry-After` |
//! | no room to hash it in time | 503 | `unavailable`, with `Retry-After: 1` |
//! | the store fails | 503 | `unavailable`, with `Retry-After: 5` |
//!
//! Each 401 carries `WWW-Authenticate: Basic realm="api", charset="UTF-8"`. The record names the user; of a
//! name that nobody has it shows two letters and the length, since it may be a password in the wrong
//! place. Credentials outside of a [secure context](crate::transport::https) are refused unseen, as all are.
//!
//! # Example
//! ```
//! use tower_parapet::{Parapet, Peer, auth::basic::{Basic, MemoryUsers, StoredUser}};
//!
//! // Once, when the user is made; what is kept is the hash.
//! let hash = Basic::hash("correct horse battery staple")?;
//!
//! let users = MemoryUsers::new();
//! users.insert(StoredUser::builder("alice", hash).scope("orders:read").build()?);
//! let parapet = Parapet::builder()
//!     .peer(Peer::ConnectInfo)
//!     .authenticate(Basic::builder(users).realm("orders"))
//!     .build()?;
//! # let _ = parapet;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//! | setter | default |
//! |---|---|
//! | [`realm`](BasicBuilder::realm) | `api` |
//! | [`parallel`](BasicBuilder::parallel) | one hash for each core, and as many for users who were here before |
//! | [`wait`](BasicBuilder::wait) | one second |
//! | [`remember`](BasicBuilder::remember) | a good password is not hashed again for one minute |
//! | [`capacity`](BasicBuilder::capacity) | 10 000 good passwords |
//! | [`guesses`](BasicBuilder::guesses) | ten wrong passwords for one name at once, and then one every three minutes |
//! | [`Basic::hash`] | 19 MiB, two passes, one lane ([OWASP][owasp]) |
//! | hashes in a store | at most 64 MiB, ten passes, 16 lanes |
//! | [`look_every`](FileUsersBuilder::look_every) | two seconds |
//!
//! # Guessing
//! Wrong passwords are counted by name, in a table of fixed size that a million names do not make
//! larger, for unknown names too. Beyond the limit none is tried, and the answer says when the next one
//! will be, three minutes later at most. Whoever guesses could so keep a user out: therefore a
//! password that was found good within the last day is tried as ever, with room of its own. A user
//! who was not here for a day, or since the process started, may have to wait.
//!
//! # What is remembered
//! Of a good password an HMAC-SHA-256 stays in memory, for up to a day, under a key that is drawn at
//! the start and never leaves the process; for a minute it stands for the password itself. Name and stored
//! hash go into it, so that it is void once either changes; scopes and roles are the store's of the moment.
//! With [`remember`](BasicBuilder::remember) zero nothing is kept, and nobody is known from before.
//!
//! # What this does not do
//! It does not ask how good a password is, or whether it is on a list of leaked ones. It does not hash
//! anew what was hashed with less work, but reports it. Where users' hashes differ in work, the time an
//! answer takes tells those from the others: an unknown user costs what the last known one did. Names and passwords are compared byte for byte;
//! clients that write `é` in two ways are two clients (RFC 7617 leaves normalisation, NFC, to them). It reads
//! no other kind of hash. The charset is UTF-8: clients that send Latin-1 regardless of the challenge are
//! refused wherever the two differ. Counts of guesses are each process's own.
//!
//! [owasp]: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html

mod builder;
mod credentials;
mod file;
mod gate;
mod guard;
mod phc;
mod recall;
mod record;
mod store;
mod user;
mod verify;

#[cfg(test)]
mod tests;

pub use builder::BasicBuilder;
pub use file::{FileUsers, FileUsersBuilder};
pub use guard::Basic;
pub use store::{MemoryUsers, UserStore};
pub use user::{StoredUser, StoredUserBuilder};

pub use super::StoreError;

/// The scheme's name, in records and in principals.
const SCHEME: &str = "basic";
