//! Corpora that others made, run through the public surface. Each prints `CORPUS: N passed, N failed`.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod corpus;
#[cfg(feature = "signatures")]
mod http_signatures;
#[cfg(feature = "jwt")]
mod jose;
#[cfg(feature = "validate")]
mod json_parsing;
#[cfg(feature = "validate")]
mod json_schema;
#[cfg(feature = "jwt")]
mod jws;
#[cfg(feature = "signatures")]
mod structured_fields;
