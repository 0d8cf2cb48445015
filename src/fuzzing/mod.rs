//! What the targets in `fuzz/` feed with bytes of any kind. Each function says whether they were taken,
//! and panics when they must not have been, as it does when the code it calls panics.
//!
//! It is there for `cargo fuzz` alone, and for the tests, which run the seeds through it.
#![allow(missing_docs, clippy::expect_used, reason = "a fuzz target fails by panicking")]

#[cfg(feature = "mtls")]
mod client_cert;
#[cfg(feature = "jwt")]
mod jwks;
#[cfg(feature = "jwt")]
mod jws;
#[cfg(feature = "dpop")]
mod proof;
#[cfg(feature = "signatures")]
mod signature;
#[cfg(feature = "jwt")]
mod token;

#[cfg(feature = "jwt")]
#[cfg(test)]
mod tests;

#[cfg(feature = "mtls")]
pub use client_cert::client_cert;
#[cfg(feature = "jwt")]
pub use jwks::jwks;
#[cfg(feature = "dpop")]
pub use proof::proof;
#[cfg(feature = "signatures")]
pub use signature::signature;
#[cfg(feature = "jwt")]
pub use token::token;

/// The time in all of them, since the epoch.
#[cfg(feature = "jwt")]
const NOW: u64 = 1_800_000_000;
