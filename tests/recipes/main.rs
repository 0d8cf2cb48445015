//! The recipes of the guide, each with what its proxy sends as fixtures.
//!
//! The tables of `docs/guide` are read as they stand, so that no page promises what does not hold;
//! the rows beside them are what proxies send in odder moments.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod clients;
mod pages;
