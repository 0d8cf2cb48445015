//! Without the feature `validate` there is nothing to set.

use super::builder::Slot;

pub(super) fn defaults() -> Vec<Slot> {
    Vec::new()
}
