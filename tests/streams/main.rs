//! Streams and protocols over real sockets: gRPC, WebSocket, server-sent events, HTTP/2, uploads. What
//! both sides count is the same: a stream of the client is a record and a permit of the service.
#![cfg(all(feature = "axum", feature = "jwt", feature = "validate"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/token.rs"]
mod token;

#[path = "../../examples/grpc/orders.rs"]
mod orders;

mod events;
mod grpc;
mod grpc_web;
mod h2;
mod permits;
mod uploads;
mod websocket;
