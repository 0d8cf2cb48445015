//! What a request may contain: media types, JSON limits, JSON Schema.
//!
//! All of it runs in the last phase, [`Content`](crate::Phase::Content): no byte of a body is read
//! for a caller who has not been authenticated and authorized.
//!
//! # Threat
//!
//! A body is the largest thing a stranger can send. It can be too large, too deep, written for
//! one parser and read by another, or simply other than the handler expects.
//!
//! # Behaviour
//!
//! | guard | judges | reads the body |
//! |---|---|---|
//! | [`MediaTypes`] | that the body is of a kind the route takes | no |
//! | [`JsonLimits`] | that JSON is well-formed and within limits, before anything is built | whole |
//! | [`JsonSchema`] | all of that for a route, then the schema | whole |
//!
//! | condition | status | reason |
//! |---|---|---|
//! | what cannot be read as JSON | 400 | `json-malformed` |
//! | JSON beyond a limit, a name given twice | 400 | `json-limit` |
//! | a `Content-Type` that cannot be read, or two of them | 400 | `bad-header` |
//! | a body that does not arrive in time | 408 | `body-timeout` |
//! | a body that is too large | 413 | `body-too-large` |
//! | a media type, charset or coding that is not taken | 415 | `unsupported-media-type` |
//! | JSON that breaks the schema | 422 | `schema-violation` |
//!
//! A problem says where with JSON pointers (RFC 6901), in the extension member `errors`; it never
//! repeats a value. The handler gets the very bytes that were judged: nothing is rewritten.
//!
//! # Example
//!
//! ```
//! use tower_parapet::validate::{JsonLimits, JsonSchema, MediaTypes};
//!
//! let types = MediaTypes::builder().allow_json().allow("text/csv").build()?;
//! let limits = JsonLimits::builder().depth(8).build()?;
//! let orders = JsonSchema::for_route("POST /orders", r#"{"type": "object"}"#)
//!     .limits(limits.clone())
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! Those of each guard: [`JsonLimits`], [`JsonSchema`], [`MediaTypes`]. The size of a body (1 MiB)
//! and the time it may take (30 s) are the stack's; where a guard has a limit of its own, the
//! smaller one counts.
//!
//! # What this does not do
//!
//! It does not judge responses, queries or headers, and not bodies that a handler must stream. A
//! body under a content coding is refused where JSON is judged, not decoded.

pub mod limits;
pub mod media_type;
pub mod schema;

pub use limits::{JsonFault, JsonFaultKind, JsonLimits, JsonLimitsBuilder};
pub use media_type::{MediaTypes, MediaTypesBuilder};
pub use schema::{DangerousJsonSchema, Draft, JsonSchema, JsonSchemaBuilder};
