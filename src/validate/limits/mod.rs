//! Limits on JSON, judged on the raw bytes before anything is built in memory.
//!
//! # Threat
//!
//! A JSON parser does what its input says: ten thousand opening brackets become ten thousand
//! stack frames or nodes, a member given twice is read one way here and another way there, half a
//! surrogate pair is an error in one language and a question mark in the next. Behind a check that
//! reads a body differently from the handler, the check decides nothing.
//!
//! # Behaviour
//!
//! One pass, without recursion, over the very bytes the handler gets. Bodies whose media type is
//! JSON are judged (`application/json`, `text/json`, `application/*+json` and other `+json`);
//! a request without a body passes.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | not JSON by RFC 8259; not UTF-8; a byte order mark; half a surrogate pair | 400 | `json-malformed` |
//! | deeper, longer or more than allowed; two members of one name, also when one is spelt with escapes | 400 | `json-limit` |
//! | a `Content-Type` that cannot be read, or two of them | 400 | `bad-header` |
//! | more bytes than allowed | 413 | `body-too-large` |
//! | JSON in a `charset` other than UTF-8, or under a `Content-Encoding` | 415 | `unsupported-media-type` |
//!
//! The problem carries a JSON pointer (RFC 6901) to the place, never a value.
//!
//! # Example
//!
//! ```
//! use tower_parapet::validate::{JsonFaultKind, JsonLimits};
//!
//! let limits = JsonLimits::builder().depth(4).items(100).build()?;
//! limits.check(br#"{"items": [1, 2, 3]}"#)?;
//!
//! let fault = JsonLimits::default().check(br#"{"a": {"id": 1, "\u0069d": 2}}"#).err();
//! let fault = fault.ok_or("two members of one name")?;
//! assert_eq!(fault.kind(), JsonFaultKind::DuplicateName);
//! assert_eq!(fault.pointer(), "/a/id");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Defaults
//!
//! | what | limit |
//! |---|---|
//! | depth | 32 |
//! | members of one object | 1000 |
//! | items of one array | 10 000 |
//! | a string, escapes decoded | 64 KiB |
//! | a member name, escapes decoded | 256 bytes |
//! | a number, as written | 64 characters |
//! | the whole body | what the stack or the route allows; 1 MiB where neither says |
//!
//! # What this does not do
//!
//! It says nothing about meaning: that is the [schema](crate::validate::JsonSchema)'s. It does not
//! judge a body that names no media type or another one: [`MediaTypes`](crate::validate::MediaTypes)
//! refuses those. A number may be larger than the handler's type: `1e400` is JSON.

mod builder;
mod fault;
mod guard;
mod names;
mod scanner;
#[cfg(test)]
mod tests;

pub use builder::JsonLimitsBuilder;
pub use fault::{JsonFault, JsonFaultKind};

pub(in crate::validate) use fault::Pointer;
pub(in crate::validate) use guard::refused;

/// How large and how deep a JSON text may be.
///
/// See the [module](self) for the limits and what else is refused. It is a value: cheap to clone,
/// and usable without any stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    depth: usize,
    entries: usize,
    items: usize,
    string_bytes: usize,
    name_bytes: usize,
    number_chars: usize,
    body_bytes: Option<usize>,
}

impl JsonLimits {
    /// Begins with the defaults.
    pub fn builder() -> JsonLimitsBuilder {
        JsonLimitsBuilder::default()
    }

    /// Judges a JSON text: strict RFC 8259, UTF-8, no name twice in one object, within the limits.
    ///
    /// One pass over the bytes, without recursion; it allocates for the names of open objects only.
    ///
    /// # Errors
    ///
    /// Says what is wrong first in the text, and where.
    pub fn check(&self, text: &[u8]) -> Result<(), JsonFault> {
        scanner::scan(text, self)
    }

    /// Everything the grammar allows, as deep as serde_json reads: for the operator's own texts.
    pub(in crate::validate) fn unbounded() -> Self {
        Self {
            depth: 127,
            entries: usize::MAX,
            items: usize::MAX,
            string_bytes: usize::MAX,
            name_bytes: usize::MAX,
            number_chars: usize::MAX,
            body_bytes: None,
        }
    }
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self {
            depth: 32,
            entries: 1000,
            items: 10_000,
            string_bytes: 64 << 10,
            name_bytes: 256,
            number_chars: 64,
            body_bytes: None,
        }
    }
}
