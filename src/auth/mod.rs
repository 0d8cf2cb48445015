//! Who is calling: schemes side by side, and one guard that settles the principal.
//!
//! # Threat
//! A caller who is taken for someone else: no credentials where some were needed, forged ones, old
//! ones, or two of which each part of a service believes another
//! ([OWASP API2:2023][api2]).
//!
//! # Behaviour
//! Every [`Scheme`] looks into its own corner of the request; [`Authenticate`] asks them all.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the route is public | – | admitted, credentials are not looked at |
//! | good credentials of one scheme | – | admitted, the principal is settled |
//! | none, and the route is optional | – | admitted without a principal |
//! | none otherwise | 401 | `missing-credentials`, with every scheme's challenge |
//! | bad ones, on an optional route too | 401 | `invalid-credentials`, `expired-credentials`, `revoked-credentials` |
//! | an `Authorization` that no scheme reads, on an optional route too | 401 | `invalid-credentials` |
//! | credentials in two headers, an `Authorization` that no scheme reads too, or twice in one | 400 | `ambiguous-credentials` |
//! | the certificate of the connection beside credentials in the request | – | what the request itself brings is judged |
//! | a scheme cannot tell, its store being down | 503 | `unavailable` |
//! | too many wrong secrets for one user or key, from whatever networks | 429 | `rate-limited`, by `Guesses` |
//!
//! Schemes that read one header are asked in turn, and the first that finds good credentials settles
//! the principal (several issuers of tokens are cheaper as one scheme, `jwt::Issuers`). What one of
//! them knows as its own and refuses, being expired, revoked, without a good proof or from elsewhere,
//! no other is asked about. Where none finds good ones, a scheme that cannot tell is told before those
//! to which they are invalid.
//!
//! Without credentials a challenge carries no `error` ([RFC 6750, section 3.1][rfc6750]), and each
//! scheme gets a `WWW-Authenticate` line of its own ([RFC 9110, section 11.6.1][rfc9110]); with bad
//! ones the schemes that were not meant are listed too. A refusal
//! is recorded under the name of the scheme that judged, so that missing, forged, expired and revoked
//! credentials are counted apart. Whatever else is wrong with credentials of one kind reads alike to
//! their sender; the record tells it.
//!
//! # Example
//! ```
//! # #[cfg(feature = "api-key")] {
//! use tower_parapet::auth::{Authenticate, api_key::{ApiKeys, MemoryKeys}};
//!
//! let keys = ApiKeys::builder(MemoryKeys::new()).build()?;
//! let guard = Authenticate::with(keys).optional();
//! # let _ = guard; }
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//! Credentials are required wherever no route says otherwise. They stay in the request, so that a
//! handler or an inner layer may use them, marked sensitive, so that printing the headers does not
//! show them.
//!
//! # What this does not do
//! It does not ask what the caller may do; that is [`authorize`](crate::authorize). It reads no
//! credentials from the query, and it opens no session.
//!
//! [api2]: https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/
//! [rfc6750]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
//! [rfc9110]: https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1

#[cfg(any(feature = "api-key", feature = "basic"))]
mod grants;
mod guard;
#[cfg(any(feature = "api-key", feature = "basic"))]
mod guessing;
#[cfg(any(feature = "api-key", feature = "basic"))]
mod networks;
#[cfg(feature = "jwt")]
mod realm;
mod refusal;
#[cfg(feature = "jwt")]
pub mod replay;
mod scheme;
mod settle;
#[cfg(any(feature = "api-key", feature = "basic"))]
mod stored;
#[cfg(feature = "jwt")]
pub mod token;
#[cfg(any(feature = "api-key", feature = "basic"))]
mod watched;

#[cfg(feature = "api-key")]
pub mod api_key;
#[cfg(feature = "basic")]
pub mod basic;
#[cfg(feature = "dpop")]
pub mod dpop;
#[cfg(feature = "introspection")]
pub mod introspection;
#[cfg(feature = "jwt")]
pub mod jwt;
#[cfg(feature = "jwt")]
pub mod logout;
pub mod metadata;
#[cfg(feature = "mtls")]
pub mod mtls;
#[cfg(feature = "jwt")]
pub mod revocation;
#[cfg(feature = "signatures")]
pub mod signature;
#[cfg(feature = "webhooks")]
pub mod webhook;

#[cfg(test)]
mod tests;

pub use crate::answer::StoreError;
pub use guard::Authenticate;
#[cfg(any(feature = "jwt", feature = "api-key"))]
pub(crate) use guard::{admit_alone, scheme_builder, scheme_guard};
#[cfg(any(feature = "api-key", feature = "basic"))]
pub use guessing::Guesses;
pub use scheme::{Attempt, IntoScheme, Pending, Scheme};
