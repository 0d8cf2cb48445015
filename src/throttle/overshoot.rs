use std::fmt;
use std::sync::Arc;

use super::backend::Backend;
use super::calls::StoreCalls;
use super::guard::Throttle;
use super::limits::Limits;
use super::rule::Rule;

/// By how much processes that share a store may together admit more than a limit says: the worst
/// case, limit by limit.
///
/// What a process borrows is charged to the store first, and each is spent once. So what is
/// admitted between two instants is what was charged between them, which is the limit's, and what
/// the processes held at the first one. A process holds of a key no more than its
/// batch (`Shared::leases`), and never more than a quarter of what may be spent at once:
/// that, times the processes, is [`extra`](LimitOvershoot::extra). A lease ends with the window it
/// was charged to, so that in fixed windows and periods of a calendar nothing is held at their
/// beginning: there it is zero. In a sliding window it is as for a rate.
///
/// A store that forgets what it counted when it restarts, Redis without an append-only file, begins
/// again with whole buckets, which is one [`per_restart`](LimitOvershoot::per_restart) each time.
///
/// What is let in while the store is lost, where that was chosen, is
/// [`per_outage`](LimitOvershoot::per_outage).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overshoot {
    processes: u32,
    limits: Vec<LimitOvershoot>,
}

/// By how much one limit may be exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitOvershoot {
    name: Arc<str>,
    extra: u64,
    per_restart: u64,
    per_outage: Option<u64>,
}

impl Overshoot {
    /// Where each process holds so much of a key at most.
    pub(super) fn new(limits: &Limits, held: u64, outage: Option<u64>, processes: u32) -> Self {
        let each = limits.each().iter().map(|limit| {
            let held = if matches!(limit.rule, Rule::Fixed(_)) { 0 } else { held };
            let capacity = limit.rule.capacity();
            LimitOvershoot {
                name: limit.name.clone(),
                extra: held.saturating_mul(processes.into()),
                per_restart: capacity,
                per_outage: outage.map(|times| capacity.saturating_mul(times)),
            }
        });
        Self { processes, limits: each.collect() }
    }

    /// For so many processes.
    pub fn processes(&self) -> u32 {
        self.processes
    }

    /// In the order the limits were written.
    pub fn limits(&self) -> &[LimitOvershoot] {
        &self.limits
    }
}

impl LimitOvershoot {
    /// The limit's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What may be admitted beyond the limit, in requests of cost 1, in whatever time.
    pub fn extra(&self) -> u64 {
        self.extra
    }

    /// What may be admitted beyond that after each restart of a store that forgets.
    pub fn per_restart(&self) -> u64 {
        self.per_restart
    }

    /// What may be admitted beyond that by each outage of the store: nothing where it is closed
    /// then; twice what may be spent at once where each process has its share, once because those
    /// who had used less of it than others have theirs whole, and once because a store that comes
    /// back knows nothing of what was admitted meanwhile. `None`, no bound, where it is open.
    /// A restart that is an outage too counts as the larger of both.
    pub fn per_outage(&self) -> Option<u64> {
        self.per_outage
    }
}

impl Throttle {
    /// By how much so many processes may together admit more than its limits say; nothing where its
    /// counts are those of this process alone, so that each process admits the limits by itself.
    pub fn overshoot(&self, processes: u32) -> Option<Overshoot> {
        match &self.0.backend {
            Backend::Memory(_) => None,
            Backend::Shared(ledger) => {
                let held = ledger.held(&self.0.limits);
                Some(Overshoot::new(&self.0.limits, held, ledger.outage(), processes))
            }
        }
    }

    /// How often the store that processes share was asked; nothing where there is none, or where
    /// nothing is kept near.
    pub fn store_calls(&self) -> Option<StoreCalls> {
        match &self.0.backend {
            Backend::Memory(_) => None,
            Backend::Shared(ledger) => ledger.calls(),
        }
    }
}

impl fmt::Display for Overshoot {
    /// `api: 200 more at 2 processes, and 100 after a restart that forgets`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, limit) in self.limits.iter().enumerate() {
            let LimitOvershoot { name, extra, per_restart, per_outage } = limit;
            let comma = if index == 0 { "" } else { "; " };
            write!(
                f,
                "{comma}{name}: {extra} more at {} processes, and {per_restart} after a restart that forgets",
                self.processes
            )?;
            match per_outage {
                Some(0) => {}
                Some(most) => write!(f, ", {most} by an outage")?,
                None => f.write_str(", without a bound while the store is lost")?,
            }
        }
        Ok(())
    }
}
