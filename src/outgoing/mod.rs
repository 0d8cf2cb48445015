//! Calls to other services.

