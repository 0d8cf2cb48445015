//! What is kept near of a store that several processes share: leases and denials.
//!
//! A *lease* is a batch that a process borrows for a key: charged to the store when it is borrowed,
//! so that nobody can spend it twice, and spent here without a call. A *denial* is the store's own
//! refusal, remembered until the wait it told is over.

mod demand;
mod known;
mod order;
mod settings;
mod slot;
mod slots;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::inspect::{Findings, Readiness};
use crate::rejection::Rejection;

use super::calls::{Counters, StoreCalls, count};
use super::ledger::Ledger;
use super::limits::Limits;
use super::order::{Mode, Order, Receipt};
use super::verdict::{Source, Verdict};
use known::{Leftover, Need};
use order::{About, Owned};
use settings::Plan;
use slot::{Flight, Slot, Step};
use slots::Slots;

pub(super) use settings::Settings;

/// How often a request waits for a batch before it asks for itself.
const ROUNDS: usize = 3;

/// A ledger of which the hot keys are kept near.
#[derive(Clone)]
pub(super) struct Near(Arc<Kept>);

struct Kept {
    store: Arc<dyn Ledger>,
    slots: Slots,
    plan: Plan,
    counters: Counters,
}

impl Near {
    pub(super) fn new(store: Arc<dyn Ledger>, settings: Settings) -> Self {
        Self(Arc::new(Kept {
            store,
            slots: Slots::new(settings.keys),
            plan: settings.plan(),
            counters: Counters::default(),
        }))
    }
}

/// What a request gets, or what has to be done for it first.
enum Next {
    Done(Verdict),
    Join(Flight),
    Ask,
}

/// What became of a batch that was asked for.
enum Fetched {
    /// The store said yes or no.
    Decided,
    /// It is lost, and something else decides until it is there again.
    Lost,
}

impl Kept {
    /// One look at the slot; a batch that is to be borrowed is on its way when it returns.
    fn next(self: &Arc<Self>, order: &Order<'_>, is_again: bool) -> Next {
        let Ok(runtime) = Handle::try_current() else { return Next::Ask };
        let need = Need { limits: order.limits, at: order.at, cost: order.cost };
        let (tag, id, now) = (order.tag, order.limits.id(), order.at.now);
        let (step, leftover) = self.slots.enter(tag, id, now, self.plan.tick(), |slot| {
            if !is_again {
                slot.demand.note(now, order.cost, self.plan.tick());
            }
            match slot.step(need, &self.plan) {
                Step::Borrow(amount) => {
                    let flight = self.borrow(&runtime, slot, order, amount, Some(order.cost));
                    Step::Join(flight)
                }
                Step::Spent(verdict, Some(more)) => {
                    drop(self.borrow(&runtime, slot, order, more, None));
                    Step::Spent(verdict, None)
                }
                step => step,
            }
        });
        if let Some(leftover) = leftover {
            self.give_back(&runtime, leftover);
        }
        match step {
            Some(Step::Spent(verdict, _)) => {
                count(&self.counters.leased);
                Next::Done(verdict)
            }
            Some(Step::Denied(verdict)) => {
                count(&self.counters.denied);
                Next::Done(verdict)
            }
            Some(Step::Join(flight)) => Next::Join(flight),
            _ => Next::Ask,
        }
    }

    /// Borrows for a key, of which there is one batch at a time on its way.
    fn borrow(
        self: &Arc<Self>,
        runtime: &Handle,
        slot: &mut Slot,
        order: &Order<'_>,
        amount: u64,
        cost: Option<u64>,
    ) -> Flight {
        let (landed, flight) = oneshot::channel();
        let flight = flight.shared();
        slot.flight = Some(flight.clone());
        let (this, order) = (self.clone(), Owned::of(order));
        runtime.spawn(async move {
            let fetched = this.fetch(&order, amount, cost).await;
            let About { tag, limits, at, .. } = &order.about;
            this.slots.find(*tag, limits.id(), |slot| {
                slot.flight = None;
                if !matches!(fetched, Ok(Fetched::Decided)) {
                    slot.failed(at.now, &this.plan);
                }
            });
            let answer = fetched.map(|_| ());
            let _ = landed.send(answer);
        });
        flight
    }

    /// Asks for a batch; where that is too much, for a share of what there is. A request waits for
    /// it where it costs something, and then that is the least that is asked for.
    async fn fetch(
        &self,
        order: &Owned,
        amount: u64,
        cost: Option<u64>,
    ) -> Result<Fetched, Rejection> {
        let mut order = order.clone();
        order.about.cost = amount;
        let Some(verdict) = self.batch(&order).await? else { return Ok(Fetched::Lost) };
        if verdict.admitted() {
            self.grant(&order, verdict);
            return Ok(Fetched::Decided);
        }
        let share = (verdict.least() / 2).min(amount);
        order.about.cost = match cost {
            Some(cost) => share.max(cost),
            None if share > 0 => share,
            None => {
                self.too_much(&order.about, verdict);
                return Ok(Fetched::Decided);
            }
        };
        let Some(verdict) = self.batch(&order).await? else { return Ok(Fetched::Lost) };
        match verdict.admitted() {
            true => self.grant(&order, verdict),
            // Now it is known of a request that costs so much.
            false if cost == Some(order.about.cost) => self.learn(&order.about, &verdict),
            false => self.too_much(&order.about, verdict),
        }
        Ok(Fetched::Decided)
    }

    /// What the store says of a batch; nothing where it did not decide. Whatever else did is given
    /// back what was taken from it: nothing is lent but what the store has charged.
    async fn batch(&self, order: &Owned) -> Result<Option<Verdict>, Rejection> {
        count(&self.counters.borrowed);
        let verdict = order.with(|order| self.store.charge(order)).wait().await?;
        if verdict.source() == Source::Counted {
            return Ok(Some(verdict));
        }
        if verdict.admitted() {
            let amount = i64::try_from(order.about.cost).unwrap_or(i64::MAX);
            self.store.settle(&order.receipt(verdict), -amount).wait().await;
        }
        Ok(None)
    }

    fn grant(&self, order: &Owned, verdict: Verdict) {
        let About { tag, limits, cost, .. } = &order.about;
        let receipt = order.receipt(verdict);
        self.slots.find(*tag, limits.id(), |slot| slot.granted(*cost, receipt, &self.plan));
    }

    fn too_much(&self, about: &About, verdict: Verdict) {
        let (tag, id) = (about.tag, about.limits.id());
        self.slots.find(tag, id, |slot| slot.too_much(about.need(), verdict, &self.plan));
    }

    /// What the store said of one request.
    fn learn(&self, about: &About, verdict: &Verdict) {
        if verdict.source() != Source::Counted {
            return;
        }
        let (tag, id) = (about.tag, about.limits.id());
        self.slots.find(tag, id, |slot| {
            slot.asked(about.need(), *verdict, &self.plan);
        });
    }

    fn give_back(self: &Arc<Self>, runtime: &Handle, leftover: Leftover) {
        count(&self.counters.returned);
        let amount = i64::try_from(leftover.amount).unwrap_or(i64::MAX);
        if let Answer::Later(settled) = self.store.settle(&leftover.receipt, -amount) {
            runtime.spawn(settled);
        }
    }

    /// Asks about one request.
    fn ask(self: &Arc<Self>, order: &Order<'_>) -> Answer<Result<Verdict, Rejection>> {
        count(&self.counters.asked);
        let about = About::of(order);
        match self.store.charge(order) {
            Answer::Now(answer) => {
                answer.iter().for_each(|verdict| self.learn(&about, verdict));
                Answer::Now(answer)
            }
            Answer::Later(asked) => {
                let this = self.clone();
                Answer::later(async move {
                    let answer = asked.await;
                    answer.iter().for_each(|verdict| this.learn(&about, verdict));
                    this.collect(about.at.now);
                    answer
                })
            }
        }
    }

    /// Asks without charging; a refusal is remembered.
    fn look(self: &Arc<Self>, order: &Order<'_>) -> Answer<Result<Verdict, Rejection>> {
        let (tag, id, now) = (order.tag, order.limits.id(), order.at.now);
        // A slot of its own, so that there is a place for it.
        let (_, leftover) = self.slots.enter(tag, id, now, self.plan.tick(), |_| ());
        if let (Some(leftover), Ok(runtime)) = (leftover, Handle::try_current()) {
            self.give_back(&runtime, leftover);
        }
        self.ask(order)
    }

    /// Gives back what some leases left over.
    fn collect(self: &Arc<Self>, now: u64) {
        if self.plan.max_batch == 0 {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let leftovers = self.slots.collect(now);
            leftovers.into_iter().for_each(|leftover| self.give_back(&runtime, leftover));
        }
    }

    async fn wait(self: Arc<Self>, order: Owned, flight: Flight) -> Result<Verdict, Rejection> {
        let mut flight = flight;
        for _ in 0..ROUNDS {
            // A task that is gone says nothing.
            flight.await.unwrap_or(Ok(()))?;
            match order.with(|order| self.next(order, true)) {
                Next::Done(verdict) => return Ok(verdict),
                Next::Join(next) => flight = next,
                Next::Ask => break,
            }
        }
        order.with(|order| self.ask(order)).wait().await
    }
}

impl Ledger for Near {
    fn charge(&self, order: &Order<'_>) -> Answer<Result<Verdict, Rejection>> {
        let this = &self.0;
        let need = Need { limits: order.limits, at: order.at, cost: order.cost };
        let (tag, id) = (order.tag, order.limits.id());
        match order.mode {
            Mode::Spend => match this.next(order, false) {
                Next::Done(verdict) => Answer::Now(Ok(verdict)),
                Next::Join(flight) => Answer::later(this.clone().wait(Owned::of(order), flight)),
                Next::Ask => this.ask(order),
            },
            Mode::Look => match this.slots.find(tag, id, |slot| slot.look(need)).flatten() {
                Some(verdict) => {
                    count(&this.counters.denied);
                    Answer::Now(Ok(verdict))
                }
                None => this.look(order),
            },
            Mode::Peek => {
                let known = |slot: &mut Slot| slot.peek(need).or_else(|| slot.look(need));
                match this.slots.find(tag, id, known).flatten() {
                    Some(verdict) => Answer::Now(Ok(verdict)),
                    None => this.store.charge(order),
                }
            }
        }
    }

    fn settle(&self, receipt: &Receipt, more: i64) -> Answer<()> {
        let this = &self.0;
        let (tag, id) = (receipt.tag, receipt.limits.id());
        let settled = this.slots.find(tag, id, |slot| slot.settle(receipt, more, &this.plan));
        match settled.unwrap_or(more) {
            0 => Answer::Now(()),
            more => this.store.settle(receipt, more),
        }
    }

    fn charge_late(&self, order: &Order<'_>) {
        self.0.store.charge_late(order);
    }

    fn outage(&self) -> Option<u64> {
        self.0.store.outage()
    }

    fn held(&self, limits: &Limits) -> u64 {
        self.0.plan.most_held(limits.capacity())
    }

    fn calls(&self) -> Option<StoreCalls> {
        Some(self.0.counters.read())
    }

    fn findings(&self, subject: &str, report: &mut Findings) {
        self.0.store.findings(subject, report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.store.ready(readiness);
    }
}

impl fmt::Debug for Near {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("plan", &self.0.plan).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
