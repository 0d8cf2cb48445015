//! The whole of OAuth between two programs: `oidc-provider` of npm gives tokens, and a service takes
//! them. Skipped, with the reason, where there is no Node.js; required where `CI=true`.
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

mod support;

#[path = "oidc/bound.rs"]
mod bound;
#[path = "oidc/clients.rs"]
mod clients;
#[path = "support/node.rs"]
mod node;
#[path = "oidc/opaque.rs"]
mod opaque;
#[path = "oidc/provider.rs"]
mod provider;
#[path = "oidc/service.rs"]
mod service;
#[path = "oidc/signed.rs"]
mod signed;
