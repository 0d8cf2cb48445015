//! Opaque tokens, about which their issuer is asked (RFC 7662), with a short memory.
//!
//! # Threat
//! A token that says nothing by itself is as good as the answer about it. Whoever can answer in the
//! provider's place makes every token good; a provider that is down, slow or flooded through this
//! service takes the service down with it; an answer that is remembered for long keeps a revoked token
//! alive.
//!
//! # Behaviour
//! The token is read from `Authorization: Bearer`, and from `DPoP` where a
//! [check](IntrospectionBuilder::check) takes that.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the provider says it is active, and everything below is right | – | admitted; remembered for 30 s |
//! | remembered as good, `exp` not reached | – | admitted without waiting for anything |
//! | no token | as the stack says, 401 | `missing-credentials` |
//! | longer than 8 KiB, or of characters no token has | 401 | `invalid-credentials`, without a call |
//! | a JWT, unless [`also_jwts`](IntrospectionBuilder::also_jwts) | 401 | `invalid-credentials`, without a call; a [`Jwt`](crate::Jwt) beside this decides |
//! | not active | 401 | `invalid-credentials`; remembered for 5 s |
//! | `iss`, where there is one, another; `aud` none of the [audiences](IntrospectionBuilder::audience) | 401 | `invalid-credentials` |
//! | `sub` missing or empty; a time, scope or `token_type` of another shape; marks of a refresh, ID or logout token | 401 | `invalid-credentials` |
//! | bound to a key or certificate (`cnf`) that no check confirms; `DPoP` without a key | 401 | `invalid-credentials` |
//! | `nbf` or `iat` still to come | 401 | `invalid-credentials` |
//! | it was good, and its `exp` is over | 401 | `expired-credentials` |
//! | the provider cannot be reached, answers late, with an error, or with what is no answer (RFC 7662) | 503 | `unavailable`, with `Retry-After` |
//! | it failed five times in a row | 503 | `unavailable` at once, for 1 s, then 2, 4, up to 30 s; one probe ends each |
//! | it refuses this service's own credentials | 503 | `unavailable`; the record says so |
//! | more tokens wait to be asked about than are let | 503 | `unavailable`, with `Retry-After: 1` |
//!
//! Requests with one token at one time make one call. Good tokens are remembered apart from others,
//! so that made-up ones push none of them out; a token is remembered by its SHA-256. While the
//! provider is down, remembered tokens are taken for as long as they are remembered, and no longer.
//!
//! Somebody who makes up tokens costs a call for each: as many at a time as
//! [`concurrency`](IntrospectionBuilder::concurrency) says, then they and others whose token is not
//! remembered get 503. They are refused as `invalid-credentials`, so that a throttle
//! [counting forged credentials](crate::throttle::Count::ForgedCredentials) stops their network before
//! that.
//!
//! A 401 carries the challenge of RFC 6750. What was expected and found goes to the record only, and
//! the token goes nowhere but to the provider.
//!
//! # Example: opaque tokens beside JWTs of the same issuer
//! ```
//! use tower_parapet::{Introspection, Jwt, auth::Authenticate, oauth::PrivateKey};
//!
//! # fn schemes(pem: String, keys: String) -> Result<(), tower_parapet::ConfigError> {
//! let opaque = Introspection::builder()
//!     .issuer("https://id.example")
//!     .client_id("orders")
//!     .private_key_jwt(PrivateKey::pem(pem).id("2026-01"))
//!     .audience("orders")
//!     .build()?;
//! let signed = Jwt::builder().issuer("https://id.example").audience("orders").jwks(keys).build()?;
//! let guard = Authenticate::with(opaque).or(signed);
//! # let _ = guard; Ok(()) }
//! ```
//! The first is asked first: opaque tokens are then found without a look at keys, and JWTs pass it by.
//!
//! # Defaults
//! | setting | default |
//! |---|---|
//! | issuer, client, a way to authenticate, audience | none: required |
//! | endpoint | what the issuer's metadata says |
//! | a token that counts, that does not count | remembered 30 s and never past `exp`; 5 s |
//! | tokens remembered | 10,000, and 10,000 that do not count |
//! | clock skew | 60 s |
//! | calls at a time, waiting for their turn | 64, 1024 for 5 s |
//! | call | 5 s, 1 MiB |
//! | JWTs | not asked about |
//!
//! The identity is the pair of issuer and subject. The whole answer is the principal's
//! [`claims`](crate::Principal::claims), `username` among them.
//!
//! # What this does not do
//! It reads no token among the subprotocols of a WebSocket, and no signed answers (RFC 9701); it learns of a revocation when it asks next, not
//! before. It cannot tell a refresh token whose answer looks like that of an access token: see
//! [`claim_map`](IntrospectionBuilder::claim_map).

mod builder;
mod fault;
mod memory;
mod provider;
mod rules;
mod scheme;
#[cfg(test)]
mod tests;

pub use builder::{DangerousIntrospectionBuilder, IntrospectionBuilder};
pub use scheme::Introspection;

/// The name of the scheme in records and principals.
const SCHEME: &str = "introspection";
