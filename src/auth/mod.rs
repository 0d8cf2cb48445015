//! Who is calling.

#[cfg(feature = "api-key")]
pub mod api_key;
#[cfg(feature = "jwt")]
pub mod jwt;
