//! Extractors for axum.
