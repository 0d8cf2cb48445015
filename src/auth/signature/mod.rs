//! HTTP message signatures: a request signed by its caller, verified part by part ([RFC 9421]), with
//! a digest of its content ([RFC 9530]).
//!
//! # Threat
//! A token can be read on its way and used again, for another request, by whoever holds it. A
//! signature over the request itself cannot: it is good for this method, host, path, query and body,
//! for some minutes, and once where it has a nonce. What it does not cover can be changed, so what it
//! has to cover is asked for here; and what two readers could read differently, two members of one
//! name say, is refused.
//!
//! # Behaviour
//! | condition | status | reason |
//! |---|---|---|
//! | a known key signed what has to be covered, in time, and the content is that of its digest | – | admitted |
//! | no `Signature-Input` and no `Signature`, or none with the label or tag that is asked for | 401 | `missing-credentials` (admitted on optional routes) |
//! | either field unreadable, too large, or with one name twice | 401 | `invalid-credentials` |
//! | several signatures that could be meant | 400 | `ambiguous-credentials` |
//! | a component that is unknown, covered twice, or not in the request | 401 | `invalid-credentials` |
//! | a required component that is not covered; no `created`, no `keyid`, no `nonce` where it is required | 401 | `invalid-credentials` |
//! | an unknown key, another `alg` than the key's, a signature of someone else | 401 | `invalid-credentials` |
//! | made more than the skew ahead of our clock | 401 | `invalid-credentials` |
//! | genuine, but older than allowed, past its `expires`, or by a caller whose time is over | 401 | `expired-credentials` |
//! | content that is not that of its digest, or that nothing covers | 401 | `invalid-credentials` |
//! | a nonce that was used before | 401 | `invalid-credentials` |
//! | the store of keys or of nonces fails | 503 | `unavailable`, with `Retry-After: 5` |
//!
//! The signature is judged with the head. Where content could follow, the principal is a claim until
//! the body has been read: guards judge by it, the handler never runs on it, and the record of a
//! request that is refused by then has it as the note `claimed-principal` and names no caller.
//! The nonce is used up last of all.
//!
//! RFC 9421 names no authentication scheme, and a 401 needs a challenge, so refusals say
//! `WWW-Authenticate: Signature header="Signature-Input"`: the name that the drafts before it had,
//! without the `headers` by which their clients would take it for theirs. What is to be signed
//! stands in `Accept-Signature` (RFC 9421, section 5), the digests in `Want-Content-Digest`.
//!
//! # Example
//! ```
//! use tower_parapet::{Principal, auth::signature::{
//!     MemorySignatureKeys, MessageSignatures, SignatureAlgorithm, SignatureKey,
//! }};
//!
//! let keys = MemorySignatureKeys::new();
//! let robot = SignatureKey::pem(
//!     SignatureAlgorithm::Ed25519,
//!     "-----BEGIN PUBLIC KEY-----\n\
//!      MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n\
//!      -----END PUBLIC KEY-----",
//! )?;
//! keys.insert("robot-1", robot, Principal::builder("partners", "acme").scheme("signature").build());
//! let signatures = MessageSignatures::builder(keys).cover("content-type").build()?;
//! # let _ = signatures;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//! The other side signs with a [`Signer`], by itself or as a layer of a client.
//!
//! # Defaults
//! | setter | default |
//! |---|---|
//! | [`require`](MessageSignaturesBuilder::require) | `@method`, `@authority`, `@path`, `@query` where there is one, `content-digest` where there is content |
//! | [`cover`](MessageSignaturesBuilder::cover) | no other field, though a signer here covers `content-type` where there is one |
//! | [`max_age`](MessageSignaturesBuilder::max_age) | 300 s after `created`, which is required |
//! | [`clock_skew`](MessageSignaturesBuilder::clock_skew) | 30 s ahead |
//! | [`require_nonce`](MessageSignaturesBuilder::require_nonce) | optional; used up where there is one |
//! | [`with_replays`](MessageSignaturesBuilder::with_replays) | this process, 100,000 nonces |
//! | [`label`](MessageSignaturesBuilder::label), [`tag`](MessageSignaturesBuilder::tag) | the one signature there is |
//! | [`origin`](MessageSignaturesBuilder::origin) | what the request says |
//! | bounds | 8 KiB a field, 8 signatures, 64 components, 1 KiB a signature, 256 characters a key's id |
//!
//! Of digests `sha-256` and `sha-512` count: one has to be there, and all that are there have to
//! match. Others are passed over. The content is what was sent, before any decoding.
//!
//! # What this does not do
//! It verifies requests; [`Signatures`] and [`Message`] verify responses, for a client. A signature
//! beside another credential is two credentials, which are refused, unless a label or tag says
//! that it is not ours. Trailers (`tr`) are not covered, since they come after the decision;
//! `sf` is known for the structured fields of the IANA registry. `Repr-Digest` is a field like any
//! other, [`Digests`] reads it, and no digest of a representation is computed. The body of a gRPC call is a
//! stream that is not read whole, so such calls are refused with 415 unless
//! [`unsigned_content`](DangerousMessageSignatures::unsigned_content) is chosen. Whoever holds a head
//! that was signed, and not yet seen here, can spend limits that are kept by principal until the body
//! is found wrong. The name of a key is no secret: an unknown one is refused sooner than a forged
//! signature.
//!
//! [RFC 9421]: https://www.rfc-editor.org/rfc/rfc9421
//! [RFC 9530]: https://www.rfc-editor.org/rfc/rfc9530

mod algorithm;
mod builder;
mod component;
mod demand;
mod digest;
mod fault;
mod key;
mod keys;
mod message;
mod origin;
mod query;
mod scheme;
mod signed;
mod signer;
mod strict;

#[cfg(test)]
mod tests;

pub use algorithm::SignatureAlgorithm;
pub use builder::{DangerousMessageSignatures, MessageSignaturesBuilder};
pub use component::Component;
pub use digest::Digests;
pub use fault::SignatureFault;
pub use key::SignatureKey;
pub use keys::{KnownKey, MemorySignatureKeys, SignatureKeys};
pub use message::Message;
pub use scheme::MessageSignatures;
pub use signed::{Signatures, Signed};
pub use signer::{Signer, SignerBuilder, Signing, SigningKey};

/// The scheme's name, in records and in principals.
const SCHEME: &str = "signature";
