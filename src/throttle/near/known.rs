//! What the store said last of a key, and what it lent.

use super::super::limits::Limits;
use super::super::order::Receipt;
use super::super::rule::{Moment, Standing, left, seconds};
use super::super::verdict::Verdict;
use super::settings::Plan;

/// One request, as a slot sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    pub(super) limits: &'a Limits,
    pub(super) at: Moment,
    pub(super) cost: u64,
}

/// What the store said last, and what it lent.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) verdict: Verdict,
    pub(super) at: Moment,
    pub(super) lease: Option<Lease>,
    pub(super) denial: Option<Denial>,
    /// No batch is asked for ahead before this.
    pub(super) patient_until: u64,
    /// None at all before this: the store was lost.
    pub(super) lost_until: u64,
    /// The store refused it, or would have, and it is asked for as often as before.
    pub(super) drained_until: u64,
}

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) balance: u64,
    pub(super) until: u64,
    /// The first instant of which the window it was charged to knows nothing.
    pub(super) window_ends: Option<u64>,
    pub(super) receipt: Receipt,
}

#[derive(Debug)]
pub(super) struct Denial {
    /// Requests that cost less may yet be admitted.
    pub(super) cost: u64,
    pub(super) since: u64,
    pub(super) until: u64,
    pub(super) verdict: Verdict,
}

/// What a lease left over.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) receipt: Receipt,
    pub(super) amount: u64,
}

impl Lease {
    pub(super) fn is_live(&self, now: u64) -> bool {
        left(self.until, now).is_some()
            && self.window_ends.is_none_or(|end| left(end, now).is_some())
    }
}

impl Denial {
    /// Of a key that was admitted, and of which that left next to nothing.
    pub(super) fn emptied(verdict: &Verdict, now: u64, lasts: u64) -> Self {
        let least = verdict.least();
        let mut empty = Verdict::default();
        for standing in verdict.standings() {
            let is_least = standing.remaining == least;
            empty.push(Standing { admitted: !is_least, ..*standing });
        }
        Self { cost: 1, since: now, until: now.wrapping_add(lasts), verdict: empty }
    }
}

impl Known {
    pub(super) fn drain(&mut self, denial: Denial, plan: &Plan) {
        self.drained_until = denial.until.wrapping_add(plan.tick());
        self.denial = Some(denial);
    }

    pub(super) fn spend(&mut self, need: Need<'_>) -> Option<Verdict> {
        let lease = self.lease.as_mut().filter(|lease| lease.is_live(need.at.now))?;
        let rest = lease.balance.checked_sub(need.cost)?;
        lease.balance = rest;
        Some(self.standing(need, rest))
    }

    pub(super) fn balance(&self, now: u64) -> u64 {
        let lease = self.lease.as_ref().filter(|lease| lease.is_live(now));
        lease.map_or(0, |lease| lease.balance)
    }

    /// How much more to borrow ahead.
    pub(super) fn refill(&self, need: Need<'_>, batch: u64) -> Option<u64> {
        let now = need.at.now;
        let balance = self.balance(now);
        let pauses = [self.patient_until, self.lost_until].map(|until| left(until, now));
        if balance > batch / 4 || pauses.iter().any(Option::is_some) {
            return None;
        }
        let room = batch.saturating_sub(balance);
        let more = room.min(self.share(need.limits, now));
        (more >= need.cost.max(2)).then_some(more)
    }

    /// Half of what the store may have left: nobody takes it all from the others.
    pub(super) fn share(&self, limits: &Limits, now: u64) -> u64 {
        let passed = left(now, self.at.now).unwrap_or(0);
        let each = limits.each().iter().zip(self.verdict.standings());
        let rest = each.map(|(limit, standing)| {
            let capacity = limit.rule.capacity();
            match standing.rest {
                0 => {
                    let back = limit.rule.regains(passed);
                    standing.remaining.saturating_add(back).min(capacity)
                }
                rest if passed < rest => standing.remaining,
                _ => capacity,
            }
        });
        rest.min().unwrap_or(0) / 2
    }

    /// What a request that was spent from the lease is told.
    pub(super) fn standing(&self, need: Need<'_>, balance: u64) -> Verdict {
        let passed = left(need.at.now, self.at.now).unwrap_or(0);
        let mut verdict = Verdict::default();
        for (limit, standing) in need.limits.each().iter().zip(self.verdict.standings()) {
            let mut standing = *standing;
            standing.admitted = true;
            standing.wait = 0;
            standing.remaining =
                standing.remaining.saturating_add(balance).min(limit.rule.capacity());
            if standing.rest > 0 {
                standing.rest = standing.rest.saturating_sub(passed);
                standing.window = seconds(standing.rest);
            }
            verdict.push(standing);
        }
        verdict
    }

    pub(super) fn denies(&self, now: u64, cost: u64) -> Option<Verdict> {
        let denial = self.denial.as_ref().filter(|denial| denial.cost <= cost)?;
        let still = left(denial.until, now)?;
        let passed = left(now, denial.since).unwrap_or(0);
        let mut verdict = Verdict::default();
        for standing in denial.verdict.standings() {
            let mut standing = *standing;
            if !standing.admitted {
                standing.wait = standing.wait.saturating_sub(passed).max(still);
                standing.window = seconds(standing.wait);
            }
            standing.rest = standing.rest.saturating_sub(passed);
            verdict.push(standing);
        }
        Some(verdict)
    }
}

/// Whether two charges were made to the same windows.
pub(super) fn is_same_charge(one: &Receipt, other: &Receipt) -> bool {
    let (one, other) = (one.verdict.standings(), other.verdict.standings());
    one.iter().map(|each| each.charged).eq(other.iter().map(|each| each.charged))
}
