//! Cross-site request forgery: requests that a browser sends with a user's cookies because a page of
//! somebody else told it to.
//!
//! # Threat
//!
//! A browser attaches cookies by where a request goes, not by who caused it. A form on any page can
//! post to this service in the name of whoever is logged in, and a script on any page can open a
//! WebSocket and read what comes back: the handshake is a GET, CORS does not apply to it, and
//! protections that look at unsafe methods only let it pass.
//!
//! # Behaviour
//!
//! Looked at: requests with a `Cookie`, of an unsafe method (RFC 9110, section 9.2.1) or for an
//! upgrade to WebSocket, by GET or, over HTTP/2, by CONNECT (RFC 8441). Everything else goes on:
//! who authenticates by a header alone is left in peace.
//!
//! | condition, the first that holds | answer |
//! |---|---|
//! | `Origin` is one of the trusted origins | goes on |
//! | `Sec-Fetch-Site` is `same-origin` or `none`; or `same-site`, where that was asked for | goes on |
//! | `Sec-Fetch-Site` is anything else, or there are two | 403 `cross-site` |
//! | `Origin` has the host and port of the request | goes on |
//! | `Origin` is anything else, `null` among it, or there are two | 403 `cross-site` |
//! | neither of the two is there | 403 `cross-site`, unless it was allowed, or there is no cookie |
//!
//! Browsers send `Sec-Fetch-Site` since 2023 at the latest, from pages under HTTPS and of localhost;
//! for all others there is `Origin`, which they send with every unsafe request and every WebSocket.
//!
//! # Example
//!
//! ```
//! use tower_parapet::{Parapet, transport::Csrf};
//!
//! let parapet = Parapet::builder()
//!     .csrf(Csrf::builder().trust(["https://checkout.example.com"]).cookieless())
//!     .public("GET /health", "load balancer")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! A stack has none until it is asked for: a service without cookies needs none. Nobody is trusted,
//! sites beside the origin neither, and what sends cookies without saying where from is refused.
//!
//! # What this does not do
//!
//! It needs no token in forms and makes none. It does not see requests by safe methods, so a GET that
//! changes something stays open (ASVS 3.5.3). Unless
//! [`cookieless`](CsrfBuilder::cookieless) is asked for, it does not look at what carries no cookie:
//! a login, whose user may be logged in as somebody else, and what browsers attach unasked beside
//! cookies, client certificates and remembered Basic passwords.
//!
//! It compares `Origin` with the host as it arrives here. Behind a proxy that writes a `Host` of its
//! own, trust the service's public origin. It leaves the scheme out, as TLS may have ended at that
//! proxy, so a page at `http://` of the very host passes in browsers without `Sec-Fetch-Site`: send
//! `Strict-Transport-Security`. [`same_site`](CsrfBuilder::same_site) is about `Sec-Fetch-Site` and
//! helps nobody who sends `Origin` alone.

mod builder;
mod guard;

pub use builder::{CsrfBuilder, DangerousCsrfBuilder};
pub use guard::Csrf;
