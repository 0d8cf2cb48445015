//! Others sign and we verify, we sign and others verify: libraries of npm at the other end.
#![cfg(unix)]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "../support/node.rs"]
mod node;

mod jose;
mod mutation;
mod outgoing;
mod proofs;
mod service;
mod signatures;
mod tokens;
