//! What a request may contain.

mod limits;
mod media_type;

pub use limits::{JsonFault, JsonFaultKind, JsonLimits, JsonLimitsBuilder};
pub use media_type::{MediaTypes, MediaTypesBuilder};
