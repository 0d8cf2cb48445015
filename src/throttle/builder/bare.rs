//! Where counts are kept without the feature `redis`.

use super::super::backend::Backend;
use super::super::limits::Limits;
use super::super::memory::Memory;
use crate::error::Mistakes;

/// In this process's memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Store;

#[allow(clippy::unused_self, reason = "the other one has something")]
impl Store {
    pub(super) fn check(&self, _: &Limits, _: &mut Mistakes) {}

    pub(super) fn backend(&self, buckets: usize) -> Backend {
        Backend::Memory(Memory::new(buckets))
    }

    /// `at most 100000 keys`.
    pub(super) fn summary(&self, max_keys: usize) -> String {
        format!("at most {max_keys} keys")
    }
}
