//! Where counts are kept, when not in this process's memory.

use crate::answer::Answer;
use crate::inspect::{Findings, Readiness};
use crate::rejection::Rejection;

use super::calls::StoreCalls;
use super::limits::Limits;
use super::order::{Order, Receipt};
use super::verdict::Verdict;

/// A store of counts that others share, so that asking it takes I/O.
pub(super) trait Ledger: Send + Sync + 'static {
    /// Decides, and charges as the order says.
    ///
    /// # Errors
    /// What the request is answered when the store cannot be asked, and that is what was chosen.
    fn charge(&self, order: &Order<'_>) -> Answer<Result<Verdict, Rejection>>;

    /// Charges whatever the limits say, once a request is over. Nobody waits for it.
    fn charge_late(&self, order: &Order<'_>);

    /// Charges more (or gives back, where it is negative) than was asked for. Nobody waits for it.
    fn settle(&self, receipt: &Receipt, more: i64) -> Answer<()>;

    /// What this process may hold of a key at most, charged and not yet spent.
    fn held(&self, limits: &Limits) -> u64 {
        let _ = limits;
        0
    }

    /// How many times what may be spent at once is admitted beyond the limit by an outage of the
    /// store; nothing where there is no bound.
    fn outage(&self) -> Option<u64> {
        Some(0)
    }

    /// How often it was asked, where that is counted.
    fn calls(&self) -> Option<StoreCalls> {
        None
    }

    fn findings(&self, subject: &str, report: &mut Findings) {
        let _ = (subject, report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }
}
