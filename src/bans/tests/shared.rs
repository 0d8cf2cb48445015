//! Several processes and one store.
