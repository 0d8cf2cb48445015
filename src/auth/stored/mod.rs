//! What stores of keys and of users have in common: records under names, in a file or in memory.

mod file;
mod memory;

use std::{collections::HashMap, sync::Arc};

use super::grants::Grants;
use crate::guard::Needs;

pub(super) use file::{FileStore, FileStoreBuilder, gather, parse, write};
pub(super) use memory::MemoryStore;

/// What a store keeps under a name.
pub(super) trait Stored: Send + Sync + 'static {
    /// What one is called where there is something to say about it.
    const WHAT: &'static str;

    fn name(&self) -> &str;

    fn grants(&self) -> &Grants;

    /// Whether one that was read again says the same, so that this one goes on; see [`renewed`]. Default: never, for
    /// records that nothing is remembered of.
    fn is_unchanged(&self, again: &Self) -> bool {
        let _ = again;
        false
    }
}

pub(super) type Records<T> = HashMap<Box<str>, Arc<T>>;

/// A record that was read again: the one before where it did not change, with what is remembered of it.
pub(super) fn renewed<T: Stored>(before: Option<Arc<T>>, again: T) -> Arc<T> {
    let same = before.filter(|before| before.is_unchanged(&again));
    same.unwrap_or_else(|| Arc::new(again))
}

/// What records ask of a stack, as far as they are known when it is built.
fn needs<T: Stored>(records: &Records<T>) -> Needs {
    let is_bound = records.values().any(|record| record.grants().is_bound_to_addresses());
    if is_bound { Needs::CLIENT } else { Needs::NONE }
}
