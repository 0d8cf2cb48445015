//! Tokens that only the holder of a key may use: proofs of possession (DPoP, [RFC 9449]).
//!
//! A token is bound to a client's key by `cnf`.`jkt` and comes as `Authorization: DPoP`, and with
//! every request comes a proof in the header `DPoP`: a small JWT, signed by that key, for this
//! method, this URI, this token and this moment. [`Dpop`] checks it, for a scheme that takes tokens.
//!
//! # Threat
//!
//! A bearer token is anybody's who gets hold of it: from a log, a browser's storage, a service that
//! passes it on. A bound one is worth nothing without its key. What remains is the proof itself:
//! taken from one request and sent with another, sent twice, made in advance by somebody who had the
//! key for a moment, or used up by an attacker before its owner can.
//!
//! # Behaviour
//!
//! The token is verified first. What costs a signature comes after what costs none, and the proof is
//! used up last of all, so that a proof that is refused is not spent.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | a bound token as `Bearer`; an unbound one as `DPoP`; an unbound one where proofs are [required](Dpop::required) | 401 | `invalid-credentials` |
//! | the proof is by another key than the token's | 401 | `invalid-credentials` |
//! | no `DPoP` header, or several | 401 | `invalid-proof` |
//! | longer than 8 KiB; not three base64url parts; a name that occurs twice; `crit`; `typ` other than `dpop+jwt` | 401 | `invalid-proof` |
//! | `alg` symmetric, `none` or not allowed; no `jwk`, one that is private, weak or does not fit `alg` | 401 | `invalid-proof` |
//! | signature wrong | 401 | `invalid-proof` |
//! | `htm` not the method, letter by letter; `htu` not the URI | 401 | `invalid-proof` |
//! | `iat` more than 5 min past or 30 s ahead; `exp` over or `nbf` to come, where they are there | 401 | `invalid-proof` |
//! | `ath` not the SHA-256 of the token | 401 | `invalid-proof` |
//! | no `nonce`, or one that is not ours or no longer, where one is [required](DpopBuilder::require_nonce) | 401 | `nonce-required`, with `DPoP-Nonce` |
//! | `jti` absent, longer than 256 bytes, or used before by this key | 401 | `invalid-proof` |
//! | the store of used proofs is full or cannot tell | 503 | `unavailable` |
//!
//! A 401 carries the challenge of RFC 9449, `DPoP algs="…"` with `error="invalid_dpop_proof"`,
//! `invalid_token` or `use_dpop_nonce`, and says no more. The record says which of these it was, in
//! `expected`, `found` and `cause`, and in a word under the note `proof`: `missing`, `replayed`,
//! `other-key`, `other-uri`, `old` and so on. Forged proofs are counted as forged credentials;
//! a missing nonce is not.
//!
//! Two URIs are the same when they are after [RFC 3986, section 6.2][rfc3986]: case of scheme and
//! host, default port, percent escapes and dot segments do not matter, query and fragment are left
//! out. A slash at the end does matter. The URI of the request is the path as it was sent, with the
//! host that the request names and `https` where it [came so](crate::Exchange::secure); where that is
//! not known, on loopback or in a mesh, either scheme will do. Behind a proxy that changes host or path, or where the stack's
//! [hosts](crate::ParapetBuilder::hosts) are not named, say by [`origin`](DpopBuilder::origin) what
//! clients call.
//!
//! # Example
//!
//! ```
//! use tower_parapet::auth::{dpop::Dpop, jwt::Jwt};
//!
//! let jwt = Jwt::builder()
//!     .issuer("https://id.example")
//!     .audience("orders")
//!     .jwks(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
//!         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)
//!     .sender_constrained(
//!         Dpop::optional().origin("https://api.example").require_nonce(),
//!     )
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | without a `Dpop` | tokens with `cnf`.`jkt` are refused, since nobody would check the proof |
//! | [`Dpop::optional`] | bound tokens with their proof, others as `Bearer` |
//! | [`Dpop::required`] | bound tokens with their proof, no others |
//! | origin | what the request says |
//! | algorithms | every asymmetric one |
//! | age of a proof | at most 5 min, and 30 s ahead |
//! | nonce | not asked for; else an HMAC of the time, handed out for 5 min and taken for 10 |
//! | used proofs | 1,000,000 in memory, hashed, each until its time is over: 3,000 requests a second |
//!
//! With several processes behind one name, give them one [store](DpopBuilder::with_store) and one
//! [nonce secret](DpopBuilder::nonce_secret). A browser's page reads `DPoP-Nonce` and
//! `WWW-Authenticate` of another origin only where CORS exposes them.
//!
//! # What this does not do
//!
//! It does not bind tokens; their issuer does. It does not look at a proof beside an unbound token.
//! A token among the subprotocols of a WebSocket cannot have a proof, so a bound one is refused
//! there. It knows nothing of `X-Forwarded-Host`. The same proof judged twice, by an outer and an
//! inner stack with one store, is a replay to the second: let one of them ask for it.
//!
//! [RFC 9449]: https://www.rfc-editor.org/rfc/rfc9449
//! [rfc3986]: https://www.rfc-editor.org/rfc/rfc3986#section-6.2

mod builder;
mod check;
mod demand;
mod flaw;
mod nonce;
mod proof;
mod refusal;
#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
mod uri;

pub use builder::DpopBuilder;
pub use check::Dpop;
