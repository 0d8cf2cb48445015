//! One cap: what is in flight under it, and who waits for it. All of it lies under one lock.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Priority;

use super::queue::{Queue, Turn};
use super::waiter::{Verdict, Waiter, Wakers};

/// How many may be in flight, as each class sees it: lower ones stop earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ceilings([u32; Priority::COUNT]);

impl Ceilings {
    /// Of a limit, by the percentage of it that each class may use; at least one.
    pub(super) fn of(limit: u32, shares: [u8; Priority::COUNT]) -> Self {
        let part = |share: u8| {
            let part = (u64::from(limit) * u64::from(share.min(100))).div_ceil(100);
            u32::try_from(part).unwrap_or(limit).max(1)
        };
        Self(shares.map(part))
    }

    fn of_class(&self, class: Priority) -> u32 {
        self.0.get(class.rank()).copied().unwrap_or(0)
    }
}

#[derive(Debug, Default)]
pub(super) struct Pool {
    in_flight: u32,
    /// Made when somebody first has to wait.
    queue: Option<Box<Queue>>,
}

impl Pool {
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len())
    }

    /// Whether it is as good as none.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.waiting() == 0
    }

    /// Whether one more of a class would be let in, which never passes one of its own that waits.
    pub(super) fn admits(&self, class: Priority, ceilings: Ceilings) -> bool {
        self.in_flight < ceilings.of_class(class)
            && self.queue.as_ref().is_none_or(|queue| !queue.is_waiting(class))
    }

    /// Lets one in, where there is room.
    pub(super) fn enter(&mut self, class: Priority, ceilings: Ceilings) -> bool {
        let admits = self.admits(class, ceilings);
        self.in_flight += u32::from(admits);
        admits
    }

    /// For how long somebody has been waiting without a pause.
    pub(super) fn stood(&self, now: Duration) -> Duration {
        self.queue.as_ref().map_or(Duration::ZERO, |queue| queue.stood(now))
    }

    pub(super) fn wait(
        &mut self,
        class: Priority,
        flow: u64,
        now: Duration,
    ) -> Option<(Turn, Arc<Waiter>)> {
        self.queue.get_or_insert_default().push(class, flow, now)
    }

    /// Sends one away to make room for a newcomer in the queue; `false` where none has to go.
    pub(super) fn displace(&mut self, class: Priority, flow: u64, wakers: &mut Wakers) -> bool {
        let displaced = self.queue.as_mut().and_then(|queue| queue.displace(class, flow));
        let Some(waiter) = displaced else { return false };
        wakers.push(waiter.settle(Verdict::Displaced));
        true
    }

    /// Takes back a permit where nobody waits for it; `false` where somebody does.
    #[inline]
    pub(super) fn release_alone(&mut self) -> bool {
        let is_alone = self.waiting() == 0;
        self.in_flight = self.in_flight.saturating_sub(u32::from(is_alone));
        is_alone
    }

    /// Takes back a permit, which goes to the next one at once.
    pub(super) fn release(&mut self, ceilings: Ceilings, wakers: &mut Wakers) -> usize {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.hand_over(ceilings, wakers)
    }

    /// Gives what is free to those who wait, the highest class first; how many that were.
    pub(super) fn hand_over(&mut self, ceilings: Ceilings, wakers: &mut Wakers) -> usize {
        let Some(queue) = self.queue.as_mut() else { return 0 };
        let mut handed = 0;
        for class in Priority::ALL {
            while self.in_flight < ceilings.of_class(class) {
                let Some(waiter) = queue.pop(class) else { break };
                self.in_flight += 1;
                handed += 1;
                wakers.push(waiter.settle(Verdict::Granted));
            }
        }
        handed
    }

    /// One who waited leaves: out of the queue, or with a permit it was handed and did not come for.
    /// How many have left the queue by that.
    pub(super) fn leave(
        &mut self,
        class: Priority,
        turn: Turn,
        waiter: &Waiter,
        ceilings: Ceilings,
        wakers: &mut Wakers,
    ) -> usize {
        match waiter.take() {
            Some(Verdict::Granted) => self.release(ceilings, wakers),
            Some(Verdict::Displaced) => 0,
            None => {
                let queue = self.queue.as_mut();
                usize::from(queue.is_some_and(|queue| queue.remove(class, turn)))
            }
        }
    }
}
