//! The sanity of a request before anyone looks at who sent it, and the headers of every response.
//!
//! [`Sanity`] refuses what could be read in two ways, [`Hosts`] what is meant for someone else, and
//! [`SecurityHeaders`] tells browsers what they may not do with the answer. What browsers do on
//! behalf of other origins is the subject of [`cors`] and [`csrf`], and what is asked of the way a
//! request comes, that of [`https`].
//!
//! # Threat
//!
//! A proxy, a router and a handler that read one request differently make the strictest of them
//! worthless: `/a/%2e%2e/b`, two lengths of one body, two hosts. A host the service does not answer
//! for ends up in links, caches and password mails. A response without instructions is sniffed,
//! framed and cached.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | empty or dot segments, encoded slashes, backslashes, control characters, broken escapes, bytes that are not UTF-8 in the path | 400 | `bad-path` |
//! | `*` as the path of anything but `OPTIONS` | 400 | `bad-path` |
//! | a method that is not on the list; `TRACE`, `TRACK` and `CONNECT` are not | 405 | `method-not-allowed` |
//! | `Content-Length` beside `Transfer-Encoding`, twice with different values, or no number; a transfer coding other than `chunked` | 400 | `malformed-request` |
//! | more than 100 header fields, or more than 32 KiB of them | 431 | `headers-too-large` |
//! | no host, two `Host` fields, one that differs from the request target, or one that is no host | 400 | `bad-host` |
//! | a host that is not on the list | 421 | `misdirected-request` |
//!
//! # Example
//!
//! ```
//! use tower_parapet::transport::{Hosts, Sanity, SecurityHeaders};
//!
//! let hosts = Hosts::builder().allow(["api.example.com", "*.tenants.example.com"]).build()?;
//! let sanity = Sanity::default();
//! let headers = SecurityHeaders::builder().set("referrer-policy", "same-origin").build()?;
//! # let _ = (hosts, sanity, headers);
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! The methods `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` and `OPTIONS`; 100 header fields and
//! 32 KiB; the response headers that [`SecurityHeaders`] lists. No list of hosts: it is the
//! application's to name.
//!
//! # What this does not do
//!
//! It does not see what the HTTP server repaired before: hyper takes away a `Content-Length` beside
//! a `Transfer-Encoding`, folds equal lengths into one, and answers some malformed requests by
//! itself. Whether a request came in private is the subject of
//! [`https`]. It does not decode a path twice: `%252e` is a name.

pub mod cors;
pub mod csrf;
mod hosts;
pub mod https;
mod sanity;
mod security_headers;

pub use cors::{Cors, CorsBuilder};
pub use csrf::{Csrf, CsrfBuilder};
pub use hosts::{Hosts, HostsBuilder};
pub use https::{DangerousHttps, Hsts, Https, HttpsBuilder};
pub use sanity::{Sanity, SanityBuilder};
pub use security_headers::{SecurityHeaders, SecurityHeadersBuilder};

pub(crate) use cors::{Preflights, asked_method};
