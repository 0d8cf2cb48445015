//! What the caller may do: scopes and roles, required of a route or of a whole service.
//!
//! # Threat
//! A caller who is known, and reaches a function that was meant for others: broken function level
//! authorization ([OWASP API5:2023][api5]). Whose *object* a request touches is another question,
//! which [`Owned`](crate::extract::Owned) answers.
//!
//! # Behaviour
//! | condition | status | reason |
//! |---|---|---|
//! | the principal holds what is required | – | admitted |
//! | no principal, on whatever route | 401 | `missing-credentials`, with every scheme's challenge |
//! | the principal lacks a scope or a role | 403 | `insufficient-scope` |
//!
//! A caller with a bearer token gets `WWW-Authenticate: Bearer error="insufficient_scope"`, with
//! the `scope` that would do where scopes alone would ([RFC 6750, section 3.1][rfc6750]). Which
//! roles would do is told to observers only, as is what the caller holds.
//!
//! # Example
//! ```
//! use tower_parapet::{Principal, authorize::{all, any, role, scope}};
//!
//! let requirement = all([scope("orders:write"), any([role("clerk"), role("admin")])]);
//! let clerk = Principal::builder("https://id.example", "alice")
//!     .scope("orders:write")
//!     .role("clerk")
//!     .build();
//! assert!(requirement.is_met(&clerk));
//! ```
//!
//! # Defaults
//! None: a requirement is what it says. A list of nothing admits nobody, be it read as *any* or as
//! *all*. Names are compared letter by letter; there are no wildcards and no hierarchy.
//!
//! # What this does not do
//! It does not look at the object, at the body or at the time of day, and it never opens what
//! another guard closed.
//!
//! [api5]: https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/
//! [rfc6750]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1

mod guard;
mod requirement;

#[cfg(test)]
mod tests;

mod policy;

pub use guard::Authorize;
pub use requirement::{Requirement, all, any, role, scope};
