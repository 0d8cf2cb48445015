//! What threads meet at in the stores; a test of every order in which they can puts its own here
//! (`scripts/loom`).

pub(super) use std::sync::{Mutex, MutexGuard, PoisonError};
