//! Bearer tokens: JSON Web Tokens (RFC 7519) of one issuer or several, verified in process.
//!
//! # Threat
//!
//! Whoever can make a token this service takes is whoever they like. The known ways: a token that
//! is not signed or signed with a key of the attacker's choice; a public key used as a secret; an
//! ID token, a logout token or a token for another service of the same issuer; one that is too old
//! or has no end; two parsers that read one token differently. [RFC 8725] lists them, and this
//! follows it.
//!
//! # Behaviour
//!
//! The token is read from `Authorization: Bearer` and from nowhere else, unless a
//! [`subprotocol`](JwtBuilder::subprotocol) was asked for, for the WebSockets of browsers. Its
//! signature is checked before a claim is looked at, and its time last, so that "expired" means
//! genuine.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | no `Authorization: Bearer` | as the stack says, 401 | `missing-credentials` |
//! | more than one `Authorization` header | 400 | `ambiguous-credentials` |
//! | a token among the subprotocols beside any `Authorization`, or two of them | 400 | `ambiguous-credentials` |
//! | a good token among the subprotocols, and no other subprotocol to choose | 400 | `bad-header` |
//! | longer than 8 KiB; not three base64url parts; a name that occurs twice; `crit` | 401 | `invalid-credentials` |
//! | `typ` other than `JWT` or `at+jwt` | 401 | `invalid-credentials` |
//! | `alg` is `none`, not allowed, or not the key's; no key for `kid` | 401 | `invalid-credentials` |
//! | signature wrong | 401 | `invalid-credentials` |
//! | `iss` not the issuer; `aud` not a string or strings with one of the audiences | 401 | `invalid-credentials` |
//! | the [client](JwtBuilder::client) not one of those that are named | 401 | `invalid-credentials` |
//! | a claim that the [map](ClaimMap) requires is not there, or one that it refuses is | 401 | `invalid-credentials` |
//! | a claim that is [required](JwtBuilder::require_claim) has another value, or is not there | 401 | `invalid-credentials` |
//! | `exp` absent or not a time; `nbf` or `iat` not a time, or still to come | 401 | `invalid-credentials` |
//! | given a longer life than [`max_lifetime`](JwtBuilder::max_lifetime) | 401 | `invalid-credentials` |
//! | `sub` absent or empty; scopes of another shape than strings | 401 | `invalid-credentials` |
//! | an ID, refresh or logout token; bound to a key or certificate (`cnf`) that [nobody checks](JwtBuilder::sender_constrained) | 401 | `invalid-credentials` |
//! | `act` that cannot be read, or names more than 8 actors | 401 | `invalid-credentials` |
//! | the keys of its issuer are not there, or too old; its key may be newer than the set | 503 | `unavailable`, with `Retry-After` |
//! | all of this is good, and `exp` is over, or [`max_token_age`](JwtBuilder::max_token_age) | 401 | `expired-credentials` |
//!
//! A 401 carries the challenge of RFC 6750: `error="invalid_token"` with a fixed description where
//! there was a token, no `error` where there was none. There are two descriptions, one for expired
//! tokens and one for whatever else is wrong. What was expected and found goes to the record only, and
//! the token goes nowhere.
//!
//! An ID token is told by `at_hash`, `c_hash` or `s_hash`; by the claim `typ` of Keycloak or
//! `token_use` of Cognito; or by `nonce`, unless a scope or a type says that it is an access token.
//! A logout or security event token is told by `events`. An ID token of a provider that writes none
//! of these is only told by its audience: give the API an audience of its own, not a client's id.
//!
//! # Several issuers
//!
//! [`Issuers`] joins several of these to one scheme. The `iss` that a token claims chooses who
//! judges it; a token that claims another one is refused without a look at its signature. Keys,
//! audiences, claims and memory are each issuer's own.
//!
//! # Fetched keys
//!
//! With the feature `jwks`, keys come from a [URL](JwtBuilder::jwks_url) or by
//! [discovery](JwtBuilder::discover), which a preset does by itself where no keys are given. Nothing is
//! fetched for a request whose key is known: a set is replaced in the background, by one fetch at a
//! time, and read without a lock.
//!
//! | when | what happens |
//! |---|---|
//! | the set grows old: after 10 min, or the `max-age` it came with, less up to a tenth | it is fetched anew, and used meanwhile |
//! | a token of the issuer names a key that is not in it | one fetch for all who ask; they wait for it, 1,024 at most |
//! | the same within 30 s of a fetch | 503 where the token is younger than the set, give or take 30 s, so that its key may be too; else 401 |
//! | the fetch did not bring the key | 401, and no more fetches for that name for 5 min, 128 names, or until the set changes; but for tokens issued since |
//! | a token of another issuer, or one that has expired | 401; nobody is asked |
//! | the provider is down, hangs, or gives a set that is none, is empty, or has a private key in it | the last good set is used, for 24 h at most; then 503 |
//! | there were no keys yet | the service starts; 503, and a fetch after 1 s, 2 s, and so on to 30 s |
//! | a key is no longer in the set | every token it has verified is forgotten |
//! | a key is of an unknown kind | it is left out, with a finding |
//!
//! A provider that publishes a key 30 s before it signs with it loses no request; one that does not
//! costs its clients 503 for 30 s at most. (Without `iat` in its tokens, a stranger who guesses the name
//! of the next key can have them refused for 5 min.) [`Jwt::keys`] tells how the keys are;
//! the stack's `ready` waits for the first set; changes and failures are events of `tracing`, target
//! `tower_parapet::keys`. The fetches end when the last clone of the scheme is dropped. Where they may
//! go is told by [`remote`](crate::remote).
//!
//! Kubernetes: the API server shows its keys to whom `system:service-account-issuer-discovery` is bound,
//! and this sends no token; bind it to `system:unauthenticated`, give the cluster's root by
//! [`with_remote`](JwtBuilder::with_remote), or use the public issuer of the managed cluster.
//!
//! # Who acts, and how the user authenticated
//!
//! A token that was exchanged says in `act` who acts for its subject (RFC 8693):
//! [`Principal::actor`](crate::Principal::actor) tells it, the record has it as the note `actor`, and
//! [`not_delegated`](crate::authorize::not_delegated) keeps such tokens from a route. `acr`, `amr`
//! and `auth_time` are the principal's too; [`acr`](crate::authorize::acr),
//! [`amr`](crate::authorize::amr) and [`max_age`](crate::authorize::max_age) require them of a route.
//!
//! # Providers
//!
//! A preset sets the issuer, and a [`ClaimMap`] that says which claims hold what and what the
//! provider's access tokens have that its other tokens have not. The audience remains to be given, and
//! the keys are discovered with the feature `jwks`, else given. Where a genuine token is refused for a typical reason, the cause in the record ends with
//! the provider's setting that is behind it; the caller is told nothing of it.
//!
//! | preset | scopes | roles | tenant | client | an access token has |
//! |---|---|---|---|---|---|
//! | [`Jwt::keycloak`] | `scope` | `realm_access.roles` | `organization` | `azp`, `client_id` | `typ`: `Bearer` or `DPoP` |
//! | [`Jwt::auth0`] | `scope` | `permissions` | `org_id` | `azp`, `client_id` | a client |
//! | [`Jwt::entra`] | `scp` | `roles` | `tid` | `azp` | `ver`: `2.0`, a client |
//! | [`Jwt::entra_v1`] | `scp` | `roles` | `tid` | `appid` | `ver`: `1.0`, a client |
//! | [`Jwt::cognito`] | `scope` | `cognito:groups` | | `client_id` | `token_use`: `access`; a client that was named stands in for `aud` |
//! | [`Jwt::okta`] | `scp` | `groups` | | `cid` | a client |
//! | [`Jwt::google`] | | | | `email` | ID tokens of service accounts: `email` verified, under `gserviceaccount.com`, and named |
//! | [`Jwt::kubernetes`] | | | namespace | `sub` | `sub`: `system:serviceaccount:…`, `kubernetes.io` |
//!
//! # Example
//!
//! ```
//! use tower_parapet::auth::jwt::{Algorithm, Jwt};
//!
//! let jwt = Jwt::builder()
//!     .issuer("https://id.example")
//!     .audience("orders")
//!     .jwks(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"2026",
//!         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)
//!     .algorithms([Algorithm::EdDsa])
//!     .roles_claim("/realm_access/roles")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | issuer, audience, keys | none: required |
//! | algorithms | the asymmetric ones: RSA (PKCS#1 and PSS), ECDSA on P-256, P-384 and P-521, Ed25519 |
//! | clock skew | 60 s |
//! | token type | absent, `JWT` or `at+jwt` |
//! | scopes, roles | `scope`, else `scp`; `roles` |
//! | client, tenant | `client_id`, else `azp`; none |
//! | clients whose tokens are taken | all that the issuer gives tokens for the audience |
//! | keys tried for one token | 4 |
//! | RSA keys | 2048 to 8192 bits |
//! | required claims, greatest lifetime and age | none beyond `exp` |
//! | verified tokens remembered | 10,000 |
//! | keys renewed | every 10 min |
//! | pause after a fetch | 30 s |
//! | keys used while they cannot be renewed | 24 h |
//!
//! The identity is the pair of issuer and subject. All claims are the principal's
//! [`claims`](crate::Principal::claims).
//!
//! # What this does not do
//!
//! It does not follow `jku`, `x5u` or `jwk` in a header, or decrypt tokens. Whether one was revoked
//! before its `exp`, and whether its sender may use it, is for [checks](JwtBuilder::check):
//! [`Revocations`](crate::auth::revocation::Revocations) say. secp256k1 and Ed448 are not supported.
//! It never reads a token from the query or a cookie.
//!
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725

mod algorithm;
mod builder;
mod cache;
mod claim_map;
mod claims;
mod concession;
mod delegation;
mod demand;
#[cfg_attr(not(feature = "jwks"), allow(dead_code, reason = "only keys that are fetched change"))]
mod fault;
#[cfg_attr(not(feature = "jwks"), path = "fetch/absent.rs")]
mod fetch;
mod health;
mod hint;
mod issuers;
mod issuers_builder;
#[cfg(feature = "dpop")]
pub(in crate::auth) mod jose;
mod jwk;
mod jws;
#[cfg_attr(not(feature = "jwks"), allow(dead_code, reason = "only keys that are fetched change"))]
mod key;
#[cfg_attr(not(feature = "jwks"), allow(dead_code, reason = "only keys that are fetched change"))]
mod keyring;
mod lifetime;
mod login;
mod pem;
mod preset;
mod provider;
#[cfg(feature = "introspection")]
mod reading;
mod required;
mod routing;
mod scheme;
mod sender_constrained;
mod settings;
mod signed;
mod skew;
mod source;
mod subprotocol;
mod token;
#[cfg_attr(not(feature = "jwks"), allow(dead_code, reason = "only keys that are fetched change"))]
mod undecided;
mod verifier;
mod waiting;

#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;

#[cfg(feature = "introspection")]
pub(in crate::auth) use reading::{Unacceptable, check_map, describe};

use crate::context::claim_path;

pub use algorithm::Algorithm;
pub use builder::{DangerousJwtBuilder, JwtBuilder};
pub use claim_map::ClaimMap;
pub use health::{KeyHealth, KeyState};
pub use issuers::Issuers;
pub use issuers_builder::IssuersBuilder;
pub use jws::{Jws, JwsBuilder, JwsError};
pub use required::ClaimValue;
pub use scheme::Jwt;
pub use signed::Signers;

/// The name of the scheme in records and principals.
const SCHEME: &str = "jwt";
