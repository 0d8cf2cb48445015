use std::sync::Arc;

use tokio::runtime::Handle;

use crate::answer::Answer;

use super::ledger::Ledger;
use super::memory::Memory;
use super::order::{Order, Receipt};

/// Where its counts are kept.
pub(super) enum Backend {
    Memory(Memory),
    Shared(Arc<dyn Ledger>),
}

impl Backend {
    /// Charges more, or gives back. What takes I/O goes on by itself, where there is a runtime.
    pub(super) fn settle(&self, receipt: &Receipt, more: i64) {
        match self {
            Self::Memory(memory) => memory.settle(receipt, more),
            Self::Shared(ledger) => match (ledger.settle(receipt, more), Handle::try_current()) {
                (Answer::Later(settled), Ok(runtime)) => drop(runtime.spawn(settled)),
                (Answer::Later(_) | Answer::Now(()), _) => {}
            },
        }
    }

    pub(super) fn charge_late(&self, order: &Order<'_>) {
        match self {
            Self::Memory(memory) => memory.charge_late(order.tag, order.limits, order.cost),
            Self::Shared(ledger) => ledger.charge_late(order),
        }
    }
}
