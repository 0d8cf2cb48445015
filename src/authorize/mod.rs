//! What the caller may do.
