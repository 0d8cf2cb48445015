//! Cross-origin resource sharing: which other origins may read what a browser fetches for them.
//!
//! # Threat
//!
//! A browser lets a page of one origin send requests to another, and keeps the answer from it unless
//! that other origin says otherwise. A policy that says it too readily (any origin that asks, a
//! suffix that `evilexample.com` has as well, `null`) hands a user's data to whoever gets the user
//! to open a page. One that is put behind authentication or a limit breaks the front end: preflights
//! carry no credentials, and a 401 or 429 without these headers reads as "network error".
//!
//! # Behaviour
//!
//! By the [Fetch standard](https://fetch.spec.whatwg.org/#http-cors-protocol).
//!
//! | request | answer |
//! |---|---|
//! | preflight (`OPTIONS` with `Origin` and `Access-Control-Request-Method`) of an allowed origin | 204 with what is allowed, before limits and authentication |
//! | preflight of another origin | 204 without any of it: the browser refuses |
//! | any other request of an allowed origin | goes on; whatever answers, a refusal too, carries the headers |
//! | any other request of another origin, or of none | goes on; the answer carries none of them |
//! | `Origin` twice | as of another origin |
//!
//! `Vary: Origin` stands on every answer of a policy that names origins, and on preflights what they
//! asked for as well; what the handler's own answer depends on stays beside it. A preflight is judged
//! by the route of the method that it asks for; a route without a policy of its own has the stack's,
//! and so have a path that no route names and `OPTIONS *`.
//!
//! Where a policy applies, it alone speaks: what a handler or an inner layer says in
//! `Access-Control-*` is taken out of the answer to a request with an `Origin`. Inner layers may
//! tighten, and not allow more than the one table.
//!
//! Only rules by address, [`Hosts`](super::Hosts) and [`Sanity`](super::Sanity) may refuse a
//! preflight, and the refusal carries the headers. A method in small letters, `patch` say, a `*` among names, and a star below a name where
//! anybody may have one are mistakes of the configuration.
//!
//! # Example
//!
//! ```
//! use tower_parapet::{Parapet, Policy, transport::Cors};
//!
//! let app = Cors::builder()
//!     .origins(["https://app.example.com"])
//!     .methods(["DELETE"])
//!     .headers(["authorization", "content-type"]);
//! let parapet = Parapet::builder()
//!     .cors(app)
//!     .public("GET /health", "load balancer")
//!     .route("GET /prices", Policy::optional().cors(Cors::builder().any_origin()))
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! No policy: a browser keeps every answer from other origins. A policy allows what it names:
//! without `methods` and `headers` only requests that need no preflight, without `credentials` no
//! cookies, without `max_age` five seconds. Never credentials together with any origin, method,
//! header or exposed header. The star of a pattern is one label; `null` is nobody's origin, for a
//! closure too, unless [`dangerous`](CorsBuilder::dangerous) says so.
//!
//! # What this does not do
//!
//! It is no authorization: a request of another origin runs, and only its answer is kept from the
//! page. Against requests that act on their own there is [`Csrf`](super::Csrf), which has to trust
//! the same origins where they send cookies. It never echoes the methods and headers that are asked
//! for. It does not have the whole public suffix list: a star below a name that strangers share is
//! refused as far as a short list goes. A browser asks for `Access-Control-Allow-Private-Network`
//! before it lets a page of the internet into a private network; to say it does not make the network
//! any safer.

mod builder;
mod guard;
mod origin;
mod policy;
mod preflight;
mod suffix;

pub use builder::{CorsBuilder, DangerousCorsBuilder};
pub use guard::Cors;

pub(crate) use preflight::{Preflights, asked_method};

pub(in crate::transport) use origin::{Origin, Origins};
