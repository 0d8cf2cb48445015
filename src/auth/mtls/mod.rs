//! Client certificates: as credentials, and as a bond of tokens ([RFC 8705]).
//!
//! [`Mtls`] is a scheme: who the certificate of the connection says is calling. [`CertificateBound`]
//! checks, for a scheme that takes tokens, that a token is used by the owner of the certificate it is
//! bound to. [`ClientCert`] takes the certificate from a header of a trusted proxy that terminates
//! TLS.
//!
//! # Threat
//!
//! A certificate that a client only claims: in a header that nobody strips, or that of the proxy in
//! front taken for its client's. One that was made for something else, by an authority that
//! certifies others too, or whose time is over while its connection stands. A name that two readers
//! read in two ways. A token that was stolen from its owner.
//!
//! # Behaviour
//!
//! Whoever terminates TLS has verified the chain, and that the client holds the key: the listener,
//! or the proxy. Nothing here verifies a signature.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the header of [`ClientCert`] from a peer that is no trusted proxy | – | taken out of the request, logged once |
//! | the same from a trusted proxy, twice or not to be read | 400 | `bad-header` |
//! | `Mtls`: no certificate | as the stack says, 401 | `missing-credentials` |
//! | `Mtls`: no DER; an extension twice; an authority's; `keyUsage` without `digitalSignature`, `extKeyUsage` without `clientAuth`, where they are there | 401 | `invalid-credentials` |
//! | `Mtls`: none, or several, of the name that [counts](By); another trust domain or issuer; not yet valid | 401 | `invalid-credentials` |
//! | `Mtls`: expired | 401 | `expired-credentials` |
//! | a token bound to another certificate, or to one that the client has not shown | 401 | `invalid-credentials`, with `invalid_token` |
//! | a token that is not bound, where that is [required](CertificateBound::required) | 401 | the same |
//!
//! The record says which of these it was; the caller learns no more than the code. A certificate
//! comes with every request of its connection, so it counts as credentials only where the request
//! itself brings none: a token beside it is judged instead, and a bad token is not made good by it.
//!
//! A request that comes through a trusted proxy has the certificate that this proxy hands on, or
//! none: that of the connection is the proxy's own.
//!
//! # Example
//!
//! ```
//! use tower_parapet::{Parapet, Peer, auth::mtls::{By, Mtls}};
//!
//! let parapet = Parapet::builder()
//!     .peer(Peer::Extension)
//!     .authenticate(
//!         Mtls::builder()
//!             .identity(By::Spiffe)
//!             .trust_domain("example.org")
//!             .role("spiffe://example.org/ns/shop/*", "shop"),
//!     )
//!     .build()?;
//! # let _ = parapet;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! The certificate is where the listener puts it: see
//! [`PeerCertificate`](crate::context::PeerCertificate).
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | which name counts | none: required; with [`By::Spiffe`] a trust domain too |
//! | issuer of the principal | `spiffe://` and the trust domain, else the distinguished name of the certificate's issuer |
//! | issuers | any that the listener or the proxy trusts |
//! | scopes, roles | none |
//! | claims | `subject`, `issuer`, `dns`, `uri`, `email`, `ip` |
//! | certificates remembered as read | 10,000, their dates looked at each time |
//! | headers of proxies | none is read |
//! | without a `CertificateBound` | tokens with `cnf`.`x5t#S256` are refused, since nobody would check the bond |
//!
//! # What this does not do
//!
//! It does not verify chains, and knows nothing of revocation lists and OCSP: that is the listener's
//! or the proxy's. A proxy that hands on certificates it has not verified (`ssl_verify_client
//! optional_no_ca` of nginx, passthrough mode of AWS) makes everybody whoever they like. The
//! challenge `ClientCertificate` is not registered; no client has to answer it.
//!
//! [RFC 8705]: https://www.rfc-editor.org/rfc/rfc8705

mod bound;
mod builder;
mod certificate;
mod client_cert;
mod dn;
mod flaw;
mod guard;
mod identity;
mod scheme;
mod spiffe;
#[cfg(test)]
mod tests;

pub use bound::CertificateBound;
pub use builder::MtlsBuilder;
pub use guard::ClientCert;
pub use identity::By;
pub use scheme::Mtls;

/// The name of the scheme in records and principals.
const SCHEME: &str = "mtls";
