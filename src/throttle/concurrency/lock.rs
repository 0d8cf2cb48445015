use crate::throttle::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, also where somebody panicked who held it: what it guards is never left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
