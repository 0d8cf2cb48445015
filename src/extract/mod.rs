//! Extractors for axum: what the guards found out, in a handler's arguments.
//!
//! # Threat
//! A handler that trusts an identity, an address or an object number because it stands in the
//! request. What these extractors give was settled by a guard; [`Owned`] is the one for objects,
//! against broken object level authorization ([OWASP API1:2023][api1]).
//!
//! # Behaviour
//! | extractor | condition | status | reason |
//! |---|---|---|---|
//! | [`Principal`] | nobody was authenticated | 401 | `missing-credentials` |
//! | `Option<Principal>` | nobody was authenticated | – | `None` |
//! | [`Claims<T>`] | nobody was authenticated | 401 | `missing-credentials` |
//! | | the principal has no claims, or not those of `T` | 403 | `forbidden` |
//! | [`ClientAddr`] | the address is not known | 503 | `address-unknown` |
//! | [`ApiVersion`] | no version was asked for, and none stands in | 400 | `missing-version` |
//! | `Option<ApiVersion>` | the same | – | `None` |
//! | [`Lease`] | – | – | never refused within a stack |
//! | [`Owned<T>`] | nobody was authenticated | 401 | `missing-credentials` |
//! | | no such object, or someone else's | 404 | `not-found` |
//! | | the object cannot be loaded | 503 | `unavailable`, with `Retry-After: 5` |
//! | [`RequestId`] | the stack keeps no records, and was not asked for ids | 500 | `misconfigured` |
//! | any | the router stands outside of every stack | 500 | `misconfigured` |
//!
//! The refusals are [`Rejection`]s, which the outermost stack renders and records like its own.
//!
//! # Example
//! ```
//! use axum::{Router, routing::get};
//! use tower_parapet::{ClientAddr, Principal};
//!
//! async fn greet(caller: Principal, client: ClientAddr) -> String {
//!     format!("hello {} at {client}", caller.subject())
//! }
//!
//! let router: Router = Router::new().route("/", get(greet));
//! # let _ = router;
//! ```
//!
//! # Defaults
//! None; there is nothing to set.
//!
//! # What this does not do
//! It verifies no credentials: that was done before the handler. It gives no object to anybody
//! whom the object itself does not admit.
//!
//! [`Lease`]: crate::Lease
//! [`Principal`]: crate::Principal
//! [`ClientAddr`]: crate::ClientAddr
//! [`RequestId`]: crate::RequestId
//! [`ApiVersion`]: crate::ApiVersion
//! [`Rejection`]: crate::Rejection
//! [api1]: https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/

mod claims;
mod known;
mod load;
mod owned;

#[cfg(test)]
mod tests;

pub use claims::Claims;
pub use load::{LoadError, Ownable, Owner};
pub use owned::Owned;
