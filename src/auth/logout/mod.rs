//! Back-channel logout: the identity provider tells the service that a session has ended
//! ([OpenID Connect Back-Channel Logout 1.0][spec]).
//!
//! # Threat
//!
//! A user signs out, or an administrator ends a session, and the access tokens of that session stay
//! good at every API until their `exp`. And the other way round: an endpoint that ends sessions for
//! whoever asks locks users out.
//!
//! # Behaviour
//!
//! The provider posts a `logout_token`, signed like its other tokens. It is verified with the keys of
//! a [`Jwt`], and what it names is [revoked](crate::auth::revocation).
//!
//! | condition | status | reason |
//! |---|---|---|
//! | a good token with `sid` | 200 | – : the session is ended |
//! | a good token with `sub` alone | 200 | – : what was issued for the subject up to its `iat` is revoked |
//! | another method than `POST` | 405 | – |
//! | no form with exactly one `logout_token`, or larger than 16 KiB | 400 | `bad-logout-token` |
//! | signature, key, algorithm or `iss` as no token of the issuer's has them | 400 | `bad-logout-token` |
//! | header `typ` other than `logout+jwt`, `JWT` or none | 400 | `bad-logout-token` |
//! | `aud` names none of the [clients](BackchannelLogoutBuilder::client) | 400 | `bad-logout-token` |
//! | `iat` or `exp` absent, no times, or not now | 400 | `bad-logout-token` |
//! | `events` without `http://schemas.openid.net/event/backchannel-logout` as an object | 400 | `bad-logout-token` |
//! | a `nonce`: an ID token | 400 | `bad-logout-token` |
//! | no `jti`, neither `sub` nor `sid`, or one that is no text | 400 | `bad-logout-token` |
//! | a token that was taken before | 400 | `bad-logout-token` |
//! | keys, list or store that do not answer, or a list that is full | 503 | `unavailable` |
//!
//! Every answer has `Cache-Control: no-store`; a refusal is the JSON of the specification,
//! `{"error":"invalid_request"}`, the same whatever is wrong. Within a stack the record has the rest,
//! and a forged token costs its sender's network what forged credentials cost.
//!
//! What a token names is revoked before it is marked as used: a provider whose call failed can repeat
//! it, and one that repeats a call that worked changes nothing.
//!
//! # Example
//!
//! ```
//! # #[cfg(all(feature = "testing", feature = "axum"))] {
//! use axum::Router;
//! use tower_parapet::{Parapet, auth::revocation::Revocations, testing::TestIssuer};
//!
//! let revocations = Revocations::default();
//! let jwt = TestIssuer::new("https://id.example").jwt().check(revocations.clone()).build()?;
//! let logout = revocations.backchannel_logout(&jwt).client("shop-web").build()?;
//! let parapet = Parapet::builder()
//!     .authenticate(jwt)
//!     .public("POST /backchannel-logout", "the identity provider signs what it posts")
//!     .build()?;
//! let app = parapet.protect(Router::new().merge(logout.router("/backchannel-logout")));
//! # let _ = app; }
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! A service of hyper's calls [`BackchannelLogout::answer`] for that path.
//!
//! # An API without browsers
//!
//! An API sees no sign-in, and so knows of a session only what its tokens say: `sid`, which Keycloak
//! writes into access tokens, and Entra ID where the optional claim is asked for. The URL of this
//! endpoint is registered at the provider as the back-channel logout URL of the client that the tokens
//! are issued to, with *session required*. That client's id is the audience of logout tokens, not
//! this API's: name each one by [`client`](BackchannelLogoutBuilder::client). A client has one such
//! URL; where it has its own, it passes the call on.
//!
//! Where access tokens have no `sid`, a logout by `sid` reaches none of them:
//! [`whole_identity`](BackchannelLogoutBuilder::whole_identity) then revokes by `sub`, in all sessions
//! of the user.
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | clients | none: required |
//! | `typ` | `logout+jwt`, `JWT` or none |
//! | clock skew | that of the verifier |
//! | used tokens remembered | 100,000, in memory |
//! | body | 16 KiB, within 10 s |
//!
//! # What this does not do
//!
//! It decrypts no tokens and knows no front-channel logout. It closes no connection that is open
//! already. An access-token verifier refuses logout tokens, and this refuses access tokens.
//!
//! [spec]: https://openid.net/specs/openid-connect-backchannel-1_0.html
//! [`Jwt`]: crate::auth::jwt::Jwt

mod builder;
mod endpoint;
mod form;
#[cfg(test)]
mod tests;
mod token;

pub use builder::BackchannelLogoutBuilder;
pub use endpoint::BackchannelLogout;

/// Its name in records.
const NAME: &str = "backchannel-logout";
