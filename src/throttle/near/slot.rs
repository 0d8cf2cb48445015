//! What is known of one key, and what is lent to it: decided here, without a clock or a store.

use futures_util::future::Shared;
use tokio::sync::oneshot;

use crate::rejection::Rejection;

use super::super::limits::Limits;
use super::super::order::Receipt;
use super::super::rule::{Moment, left};
use super::super::verdict::{Source, Verdict};
use super::demand::Demand;
use super::known::{Denial, Known, Lease, Leftover, Need, is_same_charge};
use super::settings::Plan;

/// Ends when a batch has come or cannot.
pub(super) type Flight = Shared<oneshot::Receiver<Result<(), Rejection>>>;

/// What to do about a request.
#[derive(Debug)]
pub(super) enum Step {
    /// It was spent from the lease; where that runs low, so much more is to be borrowed.
    Spent(Verdict, Option<u64>),
    /// The key is known to be used up.
    Denied(Verdict),
    /// A batch is on its way.
    Join(Flight),
    /// Nothing is left, and so much is worth borrowing.
    Borrow(u64),
    /// The store is to be asked for this request alone.
    Ask,
}

/// One key of one set of limits.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Differs from process to process.
    salt: u64,
    pub(super) demand: Demand,
    pub(super) flight: Option<Flight>,
    known: Option<Box<Known>>,
}

impl Slot {
    pub(super) fn new(now: u64, salt: u64) -> Self {
        Self { salt, demand: Demand::began(now), ..Self::default() }
    }

    pub(super) fn step(&mut self, need: Need<'_>, plan: &Plan) -> Step {
        let now = need.at.now;
        let batch = self.batch(need.limits, plan);
        let may_refill = self.flight.is_none();
        if let Some(known) = &mut self.known {
            if let Some(verdict) = known.spend(need) {
                let more = may_refill.then(|| known.refill(need, batch)).flatten();
                return Step::Spent(verdict, more);
            }
            if let Some(verdict) = known.denies(now, need.cost) {
                return Step::Denied(verdict);
            }
        }
        if let Some(flight) = &self.flight {
            return Step::Join(flight.clone());
        }
        let known = self.known.as_ref().filter(|known| left(known.lost_until, now).is_none());
        let Some(known) = known else { return Step::Ask };
        let most = plan.most_held(need.limits.capacity());
        let room = batch.min(most.saturating_sub(known.balance(now)));
        // Where little is left, those who come together still need not ask apart.
        match need.cost <= room {
            true => Step::Borrow(room.min(known.share(need.limits, now)).max(need.cost)),
            false => Step::Ask,
        }
    }

    /// The answer, where it is known and nothing is spent.
    pub(super) fn look(&self, need: Need<'_>) -> Option<Verdict> {
        self.known.as_ref()?.denies(need.at.now, need.cost)
    }

    /// What the lease would answer.
    pub(super) fn peek(&self, need: Need<'_>) -> Option<Verdict> {
        let known = self.known.as_ref()?;
        let lease = known.lease.as_ref().filter(|lease| lease.is_live(need.at.now))?;
        let rest = lease.balance.checked_sub(need.cost)?;
        Some(known.standing(need, rest))
    }

    fn batch(&self, limits: &Limits, plan: &Plan) -> u64 {
        plan.batch(self.demand.estimate(), limits.capacity())
    }

    /// The store admitted `amount`, which is lent from now on.
    pub(super) fn granted(&mut self, amount: u64, receipt: Receipt, plan: &Plan) {
        let (verdict, at) = (receipt.verdict, receipt.at);
        let window = verdict.standings().iter().filter(|each| each.rest > 0);
        let window_ends = window.map(|each| each.rest).min().map(|rest| at.now.wrapping_add(rest));
        let until = at.now.wrapping_add(plan.hold);
        let (batch, limits) = (self.batch(&receipt.limits, plan), receipt.limits.clone());
        let pause = self.pause(&limits, plan, at.now);
        let known = self.know(verdict, at);
        known.denial = None;
        // What was lent of a window that has ended since is worth nothing in this one.
        let kept = match &known.lease {
            Some(lease) if is_same_charge(&lease.receipt, &receipt) => lease.balance,
            _ => 0,
        };
        let balance = kept.saturating_add(amount).min(plan.most_held(limits.capacity()));
        known.lease = Some(Lease { balance, until, window_ends, receipt });
        // What trickles in is not worth a call each while more is asked for than there is.
        let is_drained = left(known.drained_until, at.now).is_some();
        if is_drained && verdict.least() < batch / 8 && pause > 0 {
            known.drain(Denial::emptied(&verdict, at.now, pause), plan);
        }
    }

    /// The store answered a request for `cost`.
    pub(super) fn asked(&mut self, need: Need<'_>, verdict: Verdict, plan: &Plan) {
        let is_admitted = verdict.admitted();
        let batch = self.batch(need.limits, plan);
        if is_admitted && batch == 0 && self.known.is_none() {
            return;
        }
        let now = need.at.now;
        let pause = self.pause(need.limits, plan, now);
        let known = self.know(verdict, need.at);
        if is_admitted {
            return;
        }
        known.patient_until = now.wrapping_add(pause);
        let lasts = verdict.wait().min(plan.longest_denial).max(pause);
        if lasts > 0 {
            let until = now.wrapping_add(lasts);
            known.drain(Denial { cost: need.cost, since: now, until, verdict }, plan);
        }
    }

    /// How long a key that is asked for often is left alone; zero for another one.
    fn pause(&self, limits: &Limits, plan: &Plan, now: u64) -> u64 {
        match self.batch(limits, plan) {
            0 => 0,
            batch => {
                let pause = plan.pause(batch, limits.each().iter().map(|limit| &limit.rule));
                // Processes that were refused together come back apart.
                pause - (now ^ self.salt) % (pause / 4 + 1)
            }
        }
    }

    /// A batch was refused, and nothing is said of a single request.
    pub(super) fn too_much(&mut self, need: Need<'_>, verdict: Verdict, plan: &Plan) {
        let pause = self.pause(need.limits, plan, need.at.now);
        let known = self.know(verdict, need.at);
        known.patient_until = need.at.now.wrapping_add(pause);
    }

    /// No batch could be had: the store is not there.
    pub(super) fn failed(&mut self, now: u64, plan: &Plan) {
        if let Some(known) = &mut self.known {
            known.lost_until = now.wrapping_add(plan.tick());
        }
    }

    fn know(&mut self, verdict: Verdict, at: Moment) -> &mut Known {
        let known = self.known.get_or_insert_with(|| {
            Box::new(Known {
                verdict,
                at,
                lease: None,
                denial: None,
                patient_until: at.now,
                lost_until: at.now,
                drained_until: at.now,
            })
        });
        // Answers may overtake each other.
        if left(known.at.now, at.now).is_none() {
            known.verdict = verdict;
            known.at = at;
        }
        known
    }

    /// Takes `more` from the lease, or gives it back to it, and says what it could not.
    pub(super) fn settle(&mut self, receipt: &Receipt, more: i64, plan: &Plan) -> i64 {
        if receipt.verdict.source() != Source::Counted {
            return more;
        }
        let is_flying = self.flight.is_some();
        let Some(known) = &mut self.known else { return more };
        if more < 0 {
            known.denial = None;
        }
        let lease = known.lease.as_mut().filter(|lease| lease.is_live(receipt.at.now));
        let Some(lease) = lease.filter(|lease| is_same_charge(&lease.receipt, receipt)) else {
            return more;
        };
        let amount = more.unsigned_abs();
        if more > 0 {
            let taken = amount.min(lease.balance);
            lease.balance -= taken;
            return signed(amount - taken);
        }
        let most = if is_flying { 0 } else { plan.most_held(receipt.limits.capacity()) };
        let room = most.saturating_sub(lease.balance);
        let kept = amount.min(room);
        lease.balance += kept;
        -signed(amount - kept)
    }

    /// What is left of a lease that nobody may spend any more, where its window has not ended.
    pub(super) fn leftover(&mut self, now: u64) -> Option<Leftover> {
        let known = self.known.as_mut()?;
        if known.lease.as_ref()?.is_live(now) {
            return None;
        }
        let lease = known.lease.take()?;
        let is_over = lease.window_ends.is_some_and(|end| left(end, now).is_none());
        (lease.balance > 0 && !is_over)
            .then_some(Leftover { receipt: lease.receipt, amount: lease.balance })
    }

    /// Whether forgetting it would lose something.
    pub(super) fn is_precious(&self, now: u64) -> bool {
        let is_kept = |known: &Known| {
            known.lease.as_ref().is_some_and(|lease| lease.balance > 0 && lease.is_live(now))
                || known.denial.as_ref().is_some_and(|denial| left(denial.until, now).is_some())
        };
        self.flight.is_some() || self.known.as_deref().is_some_and(is_kept)
    }

    #[cfg(test)]
    pub(super) fn balance(&self) -> u64 {
        let lease = self.known.as_ref().and_then(|known| known.lease.as_ref());
        lease.map_or(0, |lease| lease.balance)
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
