//! Peers whose connection is mutual TLS that a sidecar terminates.

mod builder;
mod guard;

pub use builder::MeshBuilder;
pub use guard::Mesh;
