//! What clients need to know to get a token for this service: OAuth 2.0 Protected Resource Metadata
//! ([RFC 9728]).
//!
//! # Threat
//!
//! A client that does not know who issues tokens for an API asks whoever tells it to, and hands its
//! user's password, or a token for another service, to the wrong one. Here the API itself says it, in
//! a document under its own name, and every refusal points there. Clients of the Model Context Protocol
//! rely on it: without it they cannot sign in.
//!
//! # Behaviour
//!
//! With [`protected_resource`] a stack answers for the document itself, and there is no route to
//! mount. It is a public route of the table, which the manifest and
//! [`assert_covers`](crate::Parapet::assert_covers) know; limits by network hold for it too.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | `GET`, `HEAD` of the document | 200 | – |
//! | its preflight from any origin | 204 | – |
//! | any other method there | as of a route that nobody named, 401 | `missing-credentials` |
//! | a refusal with a challenge for `Bearer` or `DPoP` | as ever, 401, 403 | the challenge gains `resource_metadata="…"` |
//!
//! What the stack knows does not have to be said twice: where nothing was set, the authorization
//! servers are the issuers of its schemes, as far as they are URLs; the algorithms of proofs are those
//! of its DPoP challenge; and tokens bound to certificates are announced where a scheme checks them.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! use tower_parapet::{Parapet, auth::metadata::ProtectedResource, testing::TestIssuer};
//!
//! let issuer = TestIssuer::new("https://id.example");
//! let parapet = Parapet::builder()
//!     .authenticate(issuer.jwt())
//!     .protected_resource(
//!         ProtectedResource::builder("https://api.example/orders")
//!             .scopes(["orders:read", "orders:write"])
//!             .name("Orders"),
//!     )
//!     .build()?;
//! let manifest = parapet.manifest().to_string();
//! assert!(manifest.contains("/.well-known/oauth-protected-resource/orders"));
//! # }
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! A script in a browser reads the challenge only where the policy for other origins exposes it:
//! `Cors::builder().origins([…]).expose(["www-authenticate"])`.
//!
//! The document stands under the host of the resource, with the resource's path behind the well-known
//! one. A stack that is nested below a prefix never sees that path: there
//! [`ProtectedResource::router`] is mounted at the root, or [`ProtectedResource::answer`] is called by
//! a service of hyper's, and the stack is told by [`resource_metadata`] where it is. A gateway that
//! strips a prefix has to pass the well-known path on as it is.
//!
//! # Defaults
//!
//! | member | default |
//! |---|---|
//! | `resource` | none: required |
//! | `bearer_methods_supported` | `["header"]`, the one place tokens are taken from |
//! | all others | left out |
//! | `Cache-Control` | `public, max-age=3600` |
//! | `Access-Control-Allow-Origin` | `*` |
//!
//! # What this does not do
//!
//! It signs no metadata of its own; a finished `signed_metadata` can be set by
//! [`member`](ProtectedResourceBuilder::member). It fetches nothing. A resource identifier with a query
//! is refused, since routes are told apart by path.
//!
//! [RFC 9728]: https://www.rfc-editor.org/rfc/rfc9728
//! [`protected_resource`]: crate::ParapetBuilder::protected_resource
//! [`resource_metadata`]: crate::ParapetBuilder::resource_metadata

mod builder;
mod document;
mod facts;
mod guard;
#[cfg(test)]
mod tests;
mod url;

pub use builder::ProtectedResourceBuilder;
pub use document::ProtectedResource;
pub use facts::ResourceFacts;
pub(crate) use guard::Answers;
pub(crate) use url::check_link;
