//! What the caller may do: scopes, roles and a strong enough authentication, required of a route or
//! of a whole service.
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
//! | the principal lacks a scope or a role, or somebody acts for it who must not | 403 | `insufficient-scope` |
//! | a token's user authenticated too weakly, or too long ago, and nothing else is lacking but scopes | 401 | `insufficient-authentication` |
//! | the same of a caller without a token | 403 | `forbidden` |
//!
//! A caller with a bearer token gets `WWW-Authenticate: Bearer error="insufficient_scope"`, with
//! the `scope` that would do where scopes alone would ([RFC 6750, section 3.1][rfc6750]). Which
//! roles would do is told to observers only, as is what the caller holds.
//!
//! Where a new authentication of the user would do, it gets
//! `Bearer error="insufficient_user_authentication"` instead, with the `acr_values` and `max_age`
//! that are required, and with `scope` where scopes are lacking too ([RFC 9470, section
//! 3][rfc9470]). Nobody is sent to authenticate again for the want of a role.
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
//! A route that asks for a second factor, within five minutes, of the user in person:
//! ```
//! use std::time::Duration;
//!
//! use tower_parapet::{Policy, authorize::{acr, all, max_age, not_delegated, scope}};
//!
//! let five_minutes = max_age(Duration::from_secs(300));
//! let transfers = Policy::require(all([
//!     scope("transfers:write"),
//!     acr(["urn:example:mfa"]),
//!     five_minutes,
//!     not_delegated(),
//! ]));
//! # let _ = transfers;
//! ```
//!
//! # Defaults
//! None: a requirement is what it says. A list of nothing admits nobody, be it read as *any* or as
//! *all*. Names are compared letter by letter; there are no wildcards and no hierarchy.
//!
//! # What this does not do
//! It does not look at the object or at the body, it does not order classes of authentication by
//! their strength, which only the issuer could, and it never opens what
//! another guard closed.
//!
//! [api5]: https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/
//! [rfc6750]: https://www.rfc-editor.org/rfc/rfc6750#section-3.1
//! [rfc9470]: https://www.rfc-editor.org/rfc/rfc9470#section-3

mod guard;
mod login;
mod refusal;
mod requirement;

#[cfg(test)]
mod tests;

mod policy;

pub use guard::Authorize;
pub use login::{acr, amr, delegated, max_age, not_delegated};
pub use requirement::{Requirement, all, any, role, scope};
