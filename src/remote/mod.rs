//! The HTTP client behind everything that asks another server: key sets, discovery, introspection,
//! tokens for calls to other services.
//!
//! # Threat
//!
//! A service that fetches what a document names can be sent anywhere: to the metadata address of
//! its cloud, which hands out credentials, to a neighbour behind the firewall, to a body without
//! an end. And who can answer in the provider's place makes every token good.
//!
//! # Behaviour
//!
//! | condition | what happens |
//! |---|---|
//! | a URL that is not `https`, or `http` to another host than this one; user info; a fragment | refused before anything is sent |
//! | an address that is link-local, of a cloud's metadata, unspecified, multicast or reserved | never connected to, whoever named it; judged after the name was resolved |
//! | a private or loopback address (RFC 1918, RFC 6598, RFC 4193) of a host the operator named | allowed |
//! | the same of a host that a fetched document named (`jwks_uri`, endpoints) | allowed where it is the operator's own host, or the operator's host is at a private address too |
//! | plain `http` | only to loopback, also after the name was resolved; never by a proxy |
//! | a redirect to the same scheme, host and port | followed, at most 3 times, a form only if the method stays (307, 308) |
//! | any other redirect | an error: it names who answers, and only the operator does that |
//! | a certificate that does not lead to a root, or is for another name | an error |
//! | a body beyond the limit, or an answer that is not whole in time | an error, as soon as it is known |
//!
//! Through a proxy it is the proxy that resolves names: only an address written in the URL can be
//! judged then.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_parapet::remote::Remote;
//!
//! let remote = Remote::builder()
//!     .timeout(Duration::from_secs(2))
//!     .proxy("http://proxy.internal:3128")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | timeout, body included | 5 s |
//! | body | 1 MiB |
//! | proxy | `HTTPS_PROXY`, else `ALL_PROXY`, unless `NO_PROXY` names the host |
//! | roots of trust | those of Mozilla, as compiled in (`webpki-roots`) |
//! | client certificate | none |
//! | TLS | 1.2 and 1.3, by rustls on aws-lc |
//! | protocol | HTTP/1.1, connections kept 30 s |
//!
//! # What this does not do
//!
//! It has no retries (its users have, with their own pauses), no cookies, no HTTP/2, no SOCKS, and
//! does not read the trust store of the operating system.

#![cfg_attr(
    not(feature = "full"),
    allow(dead_code, reason = "each of those that ask needs a part of it")
)]

mod address;
mod builder;
mod connect;
mod error;
#[cfg(feature = "jwt")]
mod metadata;
mod proxy;
mod resolve;
mod send;
mod url;

#[cfg(test)]
mod tests;

pub use builder::RemoteBuilder;
pub use error::RemoteError;
#[cfg(feature = "jwt")]
#[cfg_attr(not(feature = "full"), allow(unused_imports, reason = "for those that ask"))]
pub(crate) use metadata::{Discovery, Metadata, MetadataError};
#[cfg_attr(not(feature = "full"), allow(unused_imports, reason = "for those that ask"))]
pub(crate) use send::Answered;
pub use send::Remote;
#[cfg_attr(not(feature = "full"), allow(unused_imports, reason = "for those that ask"))]
pub(crate) use url::{BadUrl, RemoteUrl};
