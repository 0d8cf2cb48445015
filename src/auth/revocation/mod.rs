//! Tokens that count no longer before their time is over: a bounded deny list, asked about every token
//! that was verified, also one that is remembered as verified.
//!
//! # Threat
//!
//! A token that is verified in process is good until its `exp`, whatever happened meanwhile: a user who
//! signed out, a laptop that was stolen, an employee who left, a key of the issuer in the wrong hands.
//!
//! # Behaviour
//!
//! [`Revocations`] is a [`TokenCheck`](crate::auth::token::TokenCheck): give it to each scheme that
//! takes the issuer's tokens, with `check`, and keep a clone to revoke by. An entry is about
//!
//! | entry | by | refuses |
//! |---|---|---|
//! | one token | `iss`, `jti` | it |
//! | a session | `iss`, `sid` | whatever was and will be issued in it |
//! | an identity | `iss`, `sub` | what was issued up to a time |
//! | an issuer | `iss` | everything it issued up to a time |
//!
//! | condition | status | reason |
//! |---|---|---|
//! | an entry is about the token | 401 | `revoked-credentials` |
//! | the token is good for longer than `longest_lifetime`, or has `exp` and no `iat` | 401 | `invalid-credentials` |
//! | a store does not answer, and the list fails closed | 503 | `unavailable` |
//!
//! A time is a whole second: a token that was issued in the very second up to which is revoked is
//! refused. A revoked token was genuine, so it does not count as a forged one, and costs its client's
//! network nothing.
//!
//! An entry ends when no token that it is about can be good any longer: with the token itself, or after
//! `longest_lifetime`, and twice the clock skew. Until then nothing drops it. **When the list in memory
//! is full** of entries that are still needed, revoking fails with [`RevokeError::Full`], and the
//! self-audit has a finding; what is in the list stays in force, and
//! [`revoke_issued_before`](Revocations::revoke_issued_before), the coarse way out, still has room.
//!
//! Of what is revoked only a hash is kept, about 100 bytes an entry. A token's ids are hashed once and
//! kept beside it in the cache of verified tokens, with the state of the list under which it was found
//! good: until the list gains an entry, a request costs the comparison of two numbers.
//!
//! # Example
//!
//! ```
//! # #[cfg(all(feature = "testing", feature = "axum"))] {
//! use axum::{Router, extract::State, http::StatusCode, routing::post};
//! use tower_parapet::{Parapet, Principal, auth::revocation::Revocations, testing::TestIssuer};
//!
//! async fn sign_out(State(list): State<Revocations>, caller: Principal) -> StatusCode {
//!     match list.revoke_token(&caller).await {
//!         Ok(()) => StatusCode::NO_CONTENT,
//!         Err(_) => StatusCode::SERVICE_UNAVAILABLE,
//!     }
//! }
//!
//! let issuer = TestIssuer::default();
//! let revocations = Revocations::default();
//! let parapet = Parapet::builder().authenticate(issuer.jwt().check(revocations.clone())).build()?;
//! let app = parapet.protect(Router::new().route("/sign-out", post(sign_out)).with_state(revocations));
//! # let _ = app; }
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! An identity provider that ends sessions tells the service by
//! [back-channel logout](crate::auth::logout).
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | where | in the memory of the process |
//! | capacity | 100,000 entries, and 1,000 issuers |
//! | longest lifetime of a token | 24 h |
//! | clock skew | 60 s, as of the schemes |
//! | store that fails | none: required with a store |
//! | store's deadline | 1 s |
//! | store's word about a token | not remembered: asked with every request |
//!
//! # What this does not do
//!
//! A list in memory is that process's own, and empty when it starts: several processes share a
//! [`RevocationStore`], and one that is restarted writes down its
//! [`entries`](Revocations::entries) and [restores](Revocations::restore) them. It does not ask the
//! issuer; that is introspection. It ends no connection that is open already: see
//! [`Lease`](crate::Lease). Refresh tokens are the issuer's to revoke.

mod builder;
mod check;
mod error;
mod key;
mod list;
mod marks;
mod memory;
mod store;
#[cfg(test)]
mod tests;

pub use builder::{DangerousRevocations, RevocationsBuilder};
pub use error::RevokeError;
pub use key::{Revocation, RevocationKey, RevocationKind};
pub use list::Revocations;
pub use store::RevocationStore;
