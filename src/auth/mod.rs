//! Who is calling.

mod scheme;

#[cfg(feature = "api-key")]
pub mod api_key;
#[cfg(feature = "jwt")]
pub mod jwt;

pub use scheme::{Attempt, Scheme};
