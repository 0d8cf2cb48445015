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
//! upgrade to WebSocket. Everything else goes on.
//!
//! | condition, the first that holds | answer |
//! |---|---|
//! | `Origin` is one of the trusted origins | goes on |
//! | `Sec-Fetch-Site` is `same-origin` or `none`; or `same-site`, where that was asked for | goes on |
//! | `Sec-Fetch-Site` is anything else, or there are two | 403 `cross-site` |
//! | `Origin` has the host and port of the request | goes on |
//! | `Origin` is anything else, `null` among it, or there are two | 403 `cross-site` |
//! | neither of the two is there | 403 `cross-site`, unless it was allowed |
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
//!     .csrf(Csrf::builder().trust(["https://checkout.example.com"]))
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
//! changes something stays open (ASVS 3.5.3). It does not protect a user's login itself, which
//! carries no cookie yet: trust nothing there that a form can send.

mod builder;
mod guard;

pub use builder::{CsrfBuilder, DangerousCsrfBuilder};
pub use guard::Csrf;
