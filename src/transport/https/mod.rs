//! What is asked of the way a request comes: credentials in private only, HTTPS where it is required,
//! and browsers that remember it.
//!
//! [`Https`] settles whether a request came in a [secure context](crate::context::Secure). It is part
//! of every stack; [`ParapetBuilder::https`](crate::ParapetBuilder::https) puts another one in its
//! place.
//!
//! # Threat
//!
//! A token that crosses a network in the clear is anybody's, and a service that takes it all the same
//! never notices: the client with `http://` in its configuration works for years. The same goes for
//! the redirect that sends such a client on to HTTPS, after the damage. Behind a proxy the service
//! sees plain connections only, so what counts is what the proxy says, and a client must not be able
//! to say it in the proxy's place.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | this connection is TLS ([`Tls`](crate::context::Tls)); a trusted proxy was called by `https`; peer and client are on this machine; a declared [mesh](crate::address::Mesh) peer | – | a secure context |
//! | a trusted proxy was called by `http`, says nothing, several things or what is no scheme; any other peer | – | no secure context |
//! | `Authorization`, `Proxy-Authorization`, the header of a scheme or of [`credential`](HttpsBuilder::credential) outside of a secure context | 403 | `insecure-credentials`; the record has the note `leaked-credential` |
//! | the same where `.peer(…)` is set and the server does not say who the peer is | 503 | `address-unknown` |
//! | outside of a secure context where HTTPS is [required](HttpsBuilder::required) | 403 | `https-required` |
//! | the same, a `GET` or `HEAD` of a route for [browsers](crate::Policy::browser), or with [`redirect`](HttpsBuilder::redirect) of any route; the host is on the list of `.hosts(…)` | 308 | to the same target by `https` |
//! | TLS here or at a trusted proxy, and the host is a name other than `localhost` | – | `Strict-Transport-Security` on the response |
//!
//! Credentials that are refused are not looked at: nobody learns whether they were good. A refusal
//! does not undo the leak, so it asks the caller to replace them.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_parapet::{Parapet, Peer, Policy, transport::{Hsts, Https}};
//!
//! let parapet = Parapet::builder()
//!     .peer(Peer::Extension)
//!     .trusted_proxies(["10.0.3.7"])
//!     .hosts(["shop.example"])
//!     .https(Https::required().hsts(Hsts::new().max_age(Duration::from_secs(2 * 31_536_000)).preload()))
//!     .public("GET /health", "load balancer")
//!     .route("GET /account", Policy::optional().browser())
//!     .build()?;
//! # let _ = parapet;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! Credentials are refused outside of a secure context as soon as the stack can tell, that is with
//! `.peer(…)` set; without it they are let through, and the self-audit says so. A loopback peer is
//! secure, so nothing changes in development. HTTPS is not required. `Strict-Transport-Security` for
//! one year, with subdomains, without `preload`. Cookies are no credentials unless they are named.
//!
//! # What this does not do
//!
//! It does not terminate TLS, and does not see how: versions and ciphers are the listener's or the
//! proxy's. It cannot keep a client from sending credentials in the clear, it only makes sure that
//! this never works. It believes a trusted proxy that passes on what its clients claim: let it
//! replace `X-Forwarded-Proto`. A proxy on this machine that is not named among the trusted ones is
//! taken for a client on this machine. `CF-Visitor`, `X-Forwarded-Ssl`, `Front-End-Https` and their
//! like are not read.

mod builder;
mod guard;
mod hsts;
mod policy;
mod redirect;

pub use builder::{DangerousHttps, HttpsBuilder};
pub use guard::Https;
pub use hsts::Hsts;
