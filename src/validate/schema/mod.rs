//! JSON Schema for request bodies.
//!
//! # Threat
//!
//! A handler that takes more members than it knows of lets callers write what they must not
//! (mass assignment); one that takes any length, number or shape finds out in the database. And a
//! validator is itself a target: a pattern that backtracks, a `$ref` that opens a connection, a
//! message that repeats a password to the log.
//!
//! # Behaviour
//!
//! The body is read whole, judged by the [JSON limits](crate::validate::JsonLimits) before
//! anything is built, then by the schema. The handler gets the very bytes that were judged.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | no body, or an empty one | 400 | `json-malformed` |
//! | not JSON | 400 | `json-malformed` |
//! | beyond the JSON limits, a name given twice, a number beyond an `f64` | 400 | `json-limit` |
//! | a `Content-Type` that cannot be read, or two of them | 400 | `bad-header` |
//! | more bytes than the limits allow | 413 | `body-too-large` |
//! | no `Content-Type`, one that is not on the list, a charset other than UTF-8, a content coding | 415 | `unsupported-media-type` |
//! | the schema is violated | 422 | `schema-violation` |
//!
//! An absent body is a 400 because an empty text is not JSON (RFC 8259, section 2): there is no
//! value that could break the schema. [`optional`](JsonSchemaBuilder::optional) admits it.
//!
//! The 422 lists at most 16 violations, each a JSON pointer (RFC 6901) and a sentence made from
//! the schema; of alternatives (`anyOf`, `oneOf`) it says that none matched, not why each did not,
//! because collecting that can take exponential time. A pointer carries the member names that were sent, cut and cleaned as
//! [`JsonFault`](crate::validate::JsonFault) says; values are never repeated. A body of more than 64 KiB is told its first
//! violation only, because collecting all of them costs far more than finding one.
//!
//! # Example
//!
//! ```
//! use tower_parapet::validate::JsonSchema;
//!
//! let schema = JsonSchema::for_route(
//!     "POST /orders",
//!     r#"{
//!         "type": "object",
//!         "properties": {"item": {"type": "string", "maxLength": 40}, "count": {"type": "integer", "minimum": 1}},
//!         "required": ["item"],
//!         "additionalProperties": false
//!     }"#,
//! )
//! .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! The draft is what `$schema` names, else 2020-12. `format` is an assertion, and an unknown one is
//! a configuration mistake. Patterns run on an engine of linear time, so look-around and
//! back-references are mistakes too. A `$ref` leads into the schema itself, to the drafts'
//! meta-schemas, or to a text given to [`remote`](JsonSchemaBuilder::remote); never to the
//! network, never to a file. Media types: `application/json` and `application/*+json`. Limits:
//! those of [`JsonLimits`].
//!
//! # What this does not do
//!
//! The schema sees numbers as `i64`, `u64` or `f64`, which is how serde_json hands them to a
//! handler: of an integer beyond 64 bits it sees the nearest `f64`, and a handler that keeps more
//! digits sees more. Bound such members in the schema. A schema whose alternatives recurse
//! into each other can be costly to judge; the depth limit bounds the recursion, not its branching.
//! Bodies that stream are not for it: it reads the whole first. Defaults are not filled in.

mod builder;
mod detail;
mod draft;
mod explain;
mod guard;
mod remotes;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use http::{HeaderValue, Method};

pub use builder::{DangerousJsonSchema, JsonSchemaBuilder};
pub use draft::Draft;

use builder::Source;
use detail::Explainer;

use super::{limits::JsonLimits, media_type::MediaRange};

/// A JSON Schema that request bodies must match, with the JSON limits and media types around it.
///
/// See the [module](self). It is cheap to clone.
#[derive(Clone)]
pub struct JsonSchema(Arc<Inner>);

struct Inner {
    validator: jsonschema::Validator,
    explainer: Explainer,
    route: Option<(Method, String)>,
    limits: JsonLimits,
    media_types: Vec<MediaRange>,
    accept: HeaderValue,
    is_optional: bool,
    ignores_formats: bool,
}

impl JsonSchema {
    /// Begins with a route (`"POST /orders/{id}"`, a method and a pattern) and the text of a schema.
    pub fn for_route(route: impl Into<String>, schema: impl Into<String>) -> JsonSchemaBuilder {
        JsonSchemaBuilder::new(Some(route.into()), Source::Text(schema.into()))
    }

    /// Begins with a route and a file that holds the schema; it is read once, by `build`.
    pub fn for_route_file(route: impl Into<String>, path: impl Into<PathBuf>) -> JsonSchemaBuilder {
        JsonSchemaBuilder::new(Some(route.into()), Source::File(path.into()))
    }

    /// Begins with the text of a schema, for every request the guard sees.
    pub fn builder(schema: impl Into<String>) -> JsonSchemaBuilder {
        JsonSchemaBuilder::new(None, Source::Text(schema.into()))
    }

    /// The route it is for, method and pattern; a stack applies it there. `None` for a schema of
    /// every request. As a guard or layer by itself, it judges every request it sees.
    pub fn route(&self) -> Option<(&Method, &str)> {
        let (method, pattern) = self.0.route.as_ref()?;
        Some((method, pattern))
    }
}

impl std::fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonSchema")
            .field("route", &self.0.route)
            .field("limits", &self.0.limits)
            .field("media_types", &self.0.media_types)
            .finish_non_exhaustive()
    }
}
