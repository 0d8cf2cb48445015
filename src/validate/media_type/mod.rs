//! Which media types a request body may have.
//!
//! # Threat
//!
//! A body that names another media type than the one that was judged is read by another parser:
//! a form where JSON was checked, JSON where nothing was. Two `Content-Type` headers, or one
//! that two parsers read differently, choose the parser after the check. And a browser sends
//! `text/plain` and forms across origins without asking first.
//!
//! # Behaviour
//!
//! Applied only where a body follows. It is not read for it: where the head does not tell, the
//! first byte of a body decides.
//!
//! | condition | status | reason |
//! |---|---|---|
//! | two `Content-Type` headers, or one that RFC 9110 does not allow; a parameter given twice | 400 | `bad-header` |
//! | no `Content-Type`, or one that is not on the list | 415 | `unsupported-media-type` |
//!
//! The 415 carries `Accept` with the list (RFC 9110, section 15.5.16).
//!
//! # Example
//!
//! ```
//! use tower_parapet::validate::MediaTypes;
//!
//! let types = MediaTypes::builder()
//!     .allow("application/json")
//!     .allow("application/*+json")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! No media type is allowed until it is named. Parameters are read strictly and then ignored.
//!
//! # What this does not do
//!
//! It believes the header: whether the body is what it says is for the
//! [JSON limits](crate::validate::JsonLimits) and the schema. It does not limit the size.

mod builder;
mod guard;
mod parse;
mod presence;

pub use builder::MediaTypesBuilder;

pub(in crate::validate) use builder::{accept, ranges};
pub(in crate::validate) use guard::{not_among, plain_utf8, undeclared, unreadable, unsupported};
pub(in crate::validate) use parse::{Declared, MediaRange, declared};
pub(in crate::validate) use presence::{Presence, presence};

/// The media types a request body may have; everything else is refused.
///
/// See the [module](self).
#[derive(Clone, Debug)]
pub struct MediaTypes {
    allowed: std::sync::Arc<[MediaRange]>,
    accept: http::HeaderValue,
}

impl MediaTypes {
    /// Begins with an empty list.
    pub fn builder() -> MediaTypesBuilder {
        MediaTypesBuilder::default()
    }
}
