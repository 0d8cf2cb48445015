//! What one of several processes admits by its own memory while the store is lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Mistakes;

use super::super::fields::Fields;
use super::super::limits::{Limits, Ruled};
use super::super::memory::Memory;
use super::super::order::{Mode, Order, Receipt};
use super::super::rule::{Fixed, LONGEST, Rate, Rule, Sliding};
use super::super::stats::Refusals;
use super::super::verdict::{Source, Verdict};
use super::counts::{Act, Asked};

/// Sets of limits whose share is kept, so that they need not be divided anew.
const MOST_KEPT: usize = 256;

/// One process's account: it is kept up to date while the store is there, with what this process
/// admitted, so that at the moment of loss a share begins less what it has used already.
pub(super) struct Share {
    processes: u32,
    memory: Memory,
    divided: Mutex<HashMap<u64, Arc<Limits>>>,
}

impl Share {
    pub(super) fn new(processes: u32, buckets: usize) -> Self {
        Self { processes, memory: Memory::new(buckets), divided: Mutex::default() }
    }

    /// Says how many processes could share each limit.
    pub(super) fn check(processes: u32, limits: &Limits, mistakes: &mut Mistakes) {
        if processes == 0 {
            let remedy = "write how many processes there are";
            mistakes.push("shared", "0", "is no number of processes", remedy);
            return;
        }
        for Ruled { name, rule, .. } in limits.each() {
            if divide(rule, processes).is_none() {
                let problem = format!("leaves less than one of `{name}` to each process");
                let remedy = format!("write at most {}, or `Shared::closed`", rule.capacity());
                mistakes.push("shared", processes.to_string(), problem, remedy);
            }
        }
    }

    /// Decides by what is left of the share.
    pub(super) fn decide(&self, asked: &Asked) -> Option<Verdict> {
        let limits = self.divided(&asked.limits)?;
        let mode = match asked.act {
            Act::Peek => Mode::Peek,
            Act::Look => Mode::Look,
            _ => Mode::Spend,
        };
        let digest = asked.digest;
        let order = Order {
            tag: asked.tag,
            digest: &|| digest,
            limits: &limits,
            cost: asked.cost,
            mode,
            at: asked.at,
        };
        Some(self.memory.charge(&order).from(Source::Share))
    }

    /// Keeps the account of what the store admitted, as far as the share reaches: whoever had more
    /// than that, while others had less, owes nobody anything when the store is lost.
    pub(super) fn took(&self, asked: &Asked) {
        if let Some(limits) = self.divided(&asked.limits) {
            self.memory.charge_each(asked.tag, &limits, asked.at, asked.cost);
        }
    }

    /// Charges or gives back what it really cost.
    pub(super) fn settle(&self, asked: &Asked, more: i64) {
        let Some(limits) = self.divided(&asked.limits) else { return };
        let receipt =
            Receipt { tag: asked.tag, digest: None, limits, at: asked.at, verdict: asked.verdict };
        self.memory.settle(&receipt, more);
    }

    pub(super) fn charge_late(&self, asked: &Asked) {
        if let Some(limits) = self.divided(&asked.limits) {
            self.memory.charge_late(asked.tag, &limits, asked.cost);
        }
    }

    fn divided(&self, limits: &Arc<Limits>) -> Option<Arc<Limits>> {
        let mut kept = self.divided.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(divided) = kept.get(&limits.id()) {
            return Some(divided.clone());
        }
        let each = limits.each().iter().map(|limit| {
            let rule = divide(&limit.rule, self.processes)?;
            let (name, fields) = (limit.name.clone(), Fields::untold());
            Some(Ruled { name, fields, rule, refusals: Refusals::default() })
        });
        let each = each.collect::<Option<Vec<_>>>()?;
        let divided = Arc::new(Limits::new(limits.id(), each, limits.summary().to_owned()));
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(limits.id(), divided.clone());
        Some(divided)
    }
}

/// The part of a limit that each of `processes` has; nothing where that is less than one.
fn divide(rule: &Rule, processes: u32) -> Option<Rule> {
    let part = |units: u64| u32::try_from(units / u64::from(processes)).ok().filter(|p| *p > 0);
    match rule {
        Rule::Rate(rate) => {
            let burst = part(rate.burst())?;
            let quota = u32::try_from(rate.quota()).ok()?;
            // As many in so many times the period is the exact part.
            let exact = rate.period().checked_mul(processes.into()).filter(|p| *p <= LONGEST);
            let exact = exact.and_then(|period| Rate::new(quota, period, burst));
            exact.or_else(|| Rate::new(part(rate.quota())?, rate.period(), burst)).map(Rule::Rate)
        }
        Rule::Fixed(fixed) => {
            Some(Rule::Fixed(Fixed::new(part(fixed.quota())?, fixed.span().clone())))
        }
        Rule::Sliding(sliding) => {
            Some(Rule::Sliding(Sliding::new(part(sliding.quota())?, sliding.length())))
        }
    }
}
