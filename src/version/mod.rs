//! Which version of the API is asked for, and how long it will be there.
//!
//! [`Versions`] finds the version in the path, in a header or in `Accept`, tells callers of old ones
//! that their time is running out, and refuses what is over. [`ApiVersion`] is what handlers get.
//!
//! # Threat
//!
//! Versions that nobody remembers stay reachable, without the repairs of those that somebody does
//! (OWASP API9:2023, improper inventory management). A version that each handler reads for itself is
//! read in two ways, and one that is taken away without warning breaks whoever depends on it.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the current version, or a supported one | – | the handler and the record know it |
//! | a deprecated one | – | the same, and the response has `Deprecation: @unix` (RFC 9745), `Sunset` (RFC 8594) and `Link` with `rel="deprecation"`, `"sunset"`, `"successor-version"` |
//! | a deprecated or retired one, from its sunset on | 410 | `retired-version`, with `Sunset` and `Link` |
//! | a version that is not named here | 400 | `unknown-version` |
//! | two headers of a version, or a path and a header that disagree | 400 | `ambiguous-version` |
//! | a path whose version is another one once its escapes are read | 400 | `ambiguous-version` |
//! | none, with versions in the path alone | – | the path has no version; see [`required`](VersionsBuilder::required) |
//! | none, where a header is to name one | 400 | `missing-version`; see [`otherwise`](VersionsBuilder::otherwise) |
//! | a path that is not behind [`under`](VersionsBuilder::under) | – | it has no version, and what its headers say is not read |
//! | a health probe | – | the same |
//!
//! The clock is the stack's. A version is compared letter by letter; a first segment that is shaped
//! like one (`/v9`, `/V2`) and is none is unknown, any other one has no version. Where headers name
//! it, every response says so in `Vary`, refusals too. What a handler says about itself in
//! `Deprecation` or `Sunset` wins, its `Link` stands beside ours.
//!
//! It is judged before anybody is asked for credentials: which versions there are is no secret, and a
//! refusal does not depend on the route.
//!
//! # Example
//!
//! ```
//! use tower_parapet::{Parapet, version::{Deprecation, Versions}};
//!
//! let versions = Versions::by_path()
//!     .current("v3")
//!     .deprecated("v2", Deprecation::since("2026-01-31")
//!         .sunset("2026-12-31")
//!         .link("https://api.example/news/v2-ends"))
//!     .retired("v1", "2025-06-30");
//! let parapet = Parapet::builder()
//!     .versions(versions)
//!     .public("GET /v3/catalogue", "shop window")
//!     .build()?;
//! # let _ = parapet;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | what | default |
//! |---|---|
//! | an unknown version, or several | 400 |
//! | a version that is over | 410 |
//! | none in a header | 400 |
//! | none in a path | no version |
//! | successor | the current version's place in the path |
//!
//! Which versions there are has none: the service has to say.
//!
//! # What this does not do
//!
//! It does not route, and rewrites nothing: `/v2/orders` stays `/v2/orders` for the rules of the
//! policy and for the router. It does not translate between versions, and reads none from `Accept`.
//! Browsers show `Deprecation` and `Sunset` to scripts of other origins only where the policy for
//! those exposes them. A route of a version that is over is refused by its version, and should still
//! be taken out.

mod builder;
mod date;
mod guard;
mod lifecycle;
mod link;
mod source;
#[cfg(test)]
mod tests;

pub use crate::context::ApiVersion;
pub use builder::VersionsBuilder;
pub use date::Date;
pub use guard::Versions;
pub use lifecycle::Deprecation;
