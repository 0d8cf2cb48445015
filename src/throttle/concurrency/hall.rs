//! One cap for all, which classes of priority share.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Priority;
use crate::throttle::sync::Mutex;

use super::lock::lock;
use super::pool::{Ceilings, Pool};
use super::queue::Turn;
use super::terms::{Shed, Terms};
use super::waiter::{Waiter, Wakers};

/// So many refusals of a class in a row, and its next request is treated as critical, so that no
/// class is ever shut out by the others.
const PATIENCE: u32 = 49;

/// What became of a request that wants in.
#[derive(Debug)]
pub(super) enum Entered {
    /// It is in.
    Now,
    /// It may wait for so long.
    Waits(Place, Duration),
    Not(Shed),
}

/// A place in a queue.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) class: Priority,
    pub(super) turn: Turn,
    pub(super) waiter: Arc<Waiter>,
}

#[derive(Debug)]
pub(super) struct Hall {
    state: Mutex<State>,
    terms: Terms,
}

#[derive(Debug)]
struct State {
    pool: Pool,
    limit: u32,
    ceilings: Ceilings,
    /// The most that were in flight since somebody asked.
    peak: u32,
    /// Refusals in a row.
    refused: [u32; Priority::COUNT],
}

impl Hall {
    pub(super) fn new(terms: Terms) -> Self {
        let ceilings = Ceilings::of(terms.limit, terms.shares);
        let refused = [0; Priority::COUNT];
        let pool = Pool::default();
        let state = State { pool, limit: terms.limit, ceilings, peak: 0, refused };
        Self { state: Mutex::new(state), terms }
    }

    /// Lets a request in, or gives it a place to wait; `flow` is whose it is, for fair turns.
    pub(super) fn enter(
        &self,
        class: Priority,
        flow: impl FnOnce() -> u64,
        now: Duration,
    ) -> Entered {
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let treated = state.treated_as(class);
        if state.pool.enter(treated, state.ceilings) {
            state.peak = state.peak.max(state.pool.in_flight());
            state.was_refused(class, false);
            return Entered::Now;
        }
        let mut wakers = Wakers::default();
        let entered = self.queue(state, class, flow, now, &mut wakers);
        drop(guard);
        wakers.wake();
        entered
    }

    #[cold]
    fn queue(
        &self,
        state: &mut State,
        class: Priority,
        flow: impl FnOnce() -> u64,
        now: Duration,
        wakers: &mut Wakers,
    ) -> Entered {
        let treated = state.treated_as(class);
        let Some(waits) = self.terms.waits else {
            state.was_refused(class, true);
            return Entered::Not(Shed::Full);
        };
        let is_standing = waits.is_standing(state.pool.stood(now));
        if is_standing && treated == Priority::Low {
            state.was_refused(class, true);
            return Entered::Not(Shed::Standing);
        }
        let flow = flow();
        if state.pool.waiting() >= waits.length && !state.pool.displace(treated, flow, wakers) {
            state.was_refused(class, true);
            return Entered::Not(Shed::QueueFull);
        }
        // Its right to be treated as critical is used, else the class comes a step nearer to it.
        state.was_refused(class, treated == class);
        let Some((turn, waiter)) = state.pool.wait(treated, flow, now) else {
            return Entered::Not(Shed::Full);
        };
        Entered::Waits(Place { class: treated, turn, waiter }, waits.patience(is_standing))
    }

    /// Why a request would not be let in at once.
    pub(super) fn peek(&self, class: Priority) -> Result<(), Shed> {
        let state = lock(&self.state);
        if state.pool.admits(state.treated_as(class), state.ceilings) {
            return Ok(());
        }
        match self.terms.waits {
            Some(waits) if state.pool.waiting() < waits.length => Ok(()),
            Some(_) => Err(Shed::QueueFull),
            None => Err(Shed::Full),
        }
    }

    pub(super) fn release(&self) {
        if lock(&self.state).pool.release_alone() {
            return;
        }
        self.under_lock(|state, wakers| state.pool.release(state.ceilings, wakers));
    }

    pub(super) fn leave(&self, place: &Place) {
        self.under_lock(|state, wakers| {
            let (class, turn, waiter) = (place.class, place.turn, &*place.waiter);
            state.pool.leave(class, turn, waiter, state.ceilings, wakers)
        });
    }

    /// Changes the limit. What is in flight beyond a smaller one is left to end.
    pub(super) fn resize(&self, limit: u32) {
        self.under_lock(|state, wakers| {
            state.limit = limit;
            state.ceilings = Ceilings::of(limit, self.terms.shares);
            state.pool.hand_over(state.ceilings, wakers)
        });
    }

    /// The most that were in flight since the last time it was asked.
    pub(super) fn peak(&self) -> u32 {
        let mut state = lock(&self.state);
        let in_flight = state.pool.in_flight();
        std::mem::replace(&mut state.peak, in_flight)
    }

    pub(super) fn limit(&self) -> u32 {
        lock(&self.state).limit
    }

    pub(super) fn in_flight(&self) -> u32 {
        lock(&self.state).pool.in_flight()
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).pool.waiting()
    }

    /// Whoever is to be woken is once the lock is free.
    fn under_lock(&self, run: impl FnOnce(&mut State, &mut Wakers) -> usize) {
        let mut wakers = Wakers::default();
        run(&mut lock(&self.state), &mut wakers);
        wakers.wake();
    }
}

impl State {
    /// The class a request is treated as: its own, unless that was refused too often in a row.
    fn treated_as(&self, class: Priority) -> Priority {
        match self.refused.get(class.rank()) {
            Some(&refused) if refused >= PATIENCE => Priority::Critical,
            _ => class,
        }
    }

    fn was_refused(&mut self, class: Priority, refused: bool) {
        if let Some(count) = self.refused.get_mut(class.rank()) {
            *count = if refused { count.saturating_add(1) } else { 0 };
        }
    }
}
