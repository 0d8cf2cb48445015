//! Who is let in: one cap for all or one for each key, and what is counted beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::nanos;
use crate::context::Priority;
use crate::throttle::sync::Mutex;

use super::gradient::{Gradient, MOST_SAMPLES, Sample};
use super::hall::{Entered, Hall, Place};
use super::keyed::{Keyed, Seat};
use super::lock::lock;
use super::permit::{Permit, Waiting};
use super::stats::Stats;
use super::terms::Shed;

#[derive(Debug)]
pub(super) enum Seats {
    Hall(Hall),
    Keyed(Keyed),
}

#[derive(Debug)]
pub(super) struct Room {
    seats: Seats,
    /// How the limit follows the handlers' times, where it does.
    adaptive: Option<Adaptive>,
    shed: [AtomicU64; Priority::COUNT],
    waited: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Adaptive {
    pub(super) gradient: Mutex<Gradient>,
    pub(super) window: Duration,
    pub(super) budget: Budget,
}

/// How many more requests of this window are timed.
#[derive(Debug, Default)]
pub(super) struct Budget {
    left: AtomicU64,
    /// When it was last filled up, in nanoseconds.
    filled: AtomicU64,
}

impl Budget {
    fn spend(&self, now: Duration, window: Duration) -> bool {
        let take = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return true;
        }
        // What was begun in this window may take longer than it.
        let (now, window) = (nanos(now), nanos(window));
        let filled = self.filled.load(Ordering::Relaxed);
        if now.saturating_sub(filled) < window {
            return false;
        }
        self.fill(now, u64::from(MOST_SAMPLES) - 1);
        true
    }

    fn fill(&self, now: u64, left: u64) {
        self.filled.store(now, Ordering::Relaxed);
        self.left.store(left, Ordering::Relaxed);
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub(super) enum Entry {
    Now(Permit),
    /// For so long at most.
    Waits(Waiting, Duration),
    Not(Shed),
}

impl Room {
    pub(super) fn new(seats: Seats, adaptive: Option<Adaptive>) -> Self {
        Self { seats, adaptive, shed: Default::default(), waited: AtomicU64::new(0) }
    }

    /// Lets a request in, where it has to wait in turns between flows.
    pub(super) fn enter(
        self: &Arc<Self>,
        tag: u64,
        class: Priority,
        flow: impl FnOnce() -> u64,
        now: Duration,
    ) -> Entry {
        let (seat, entered) = match &self.seats {
            Seats::Hall(hall) => (None, hall.enter(class, flow, now)),
            Seats::Keyed(keyed) => {
                let (seat, entered) = keyed.enter(tag, class, now);
                (Some(seat), entered)
            }
        };
        match entered {
            Entered::Now => Entry::Now(Permit::new(self.clone(), seat)),
            Entered::Waits(place, wait) => {
                self.waited.fetch_add(1, Ordering::Relaxed);
                Entry::Waits(Waiting::new(self.clone(), seat, place), wait)
            }
            Entered::Not(shed) => Entry::Not(shed),
        }
    }

    /// Whether a request would be let in, or could wait; nothing is counted.
    pub(super) fn peek(&self, tag: u64, class: Priority) -> Result<(), Shed> {
        match &self.seats {
            Seats::Hall(hall) => hall.peek(class),
            Seats::Keyed(keyed) => keyed.peek(tag, class),
        }
    }

    pub(super) fn release(&self, seat: Option<Seat>) {
        match (&self.seats, seat) {
            (Seats::Hall(hall), _) => hall.release(),
            (Seats::Keyed(keyed), Some(seat)) => keyed.release(seat),
            (Seats::Keyed(_), None) => {}
        }
    }

    pub(super) fn leave(&self, seat: Option<Seat>, place: &Place) {
        match (&self.seats, seat) {
            (Seats::Hall(hall), _) => hall.leave(place),
            (Seats::Keyed(keyed), Some(seat)) => keyed.leave(seat, place),
            (Seats::Keyed(_), None) => {}
        }
    }

    pub(super) fn count_shed(&self, class: Priority) {
        if let Some(shed) = self.shed.get(class.rank()) {
            shed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether a request that is let in now is to be timed.
    pub(super) fn times(&self, now: Duration) -> bool {
        let adaptive = self.adaptive.as_ref();
        adaptive.is_some_and(|adaptive| adaptive.budget.spend(now, adaptive.window))
    }

    /// Learns how long a handler took.
    pub(super) fn sample(&self, sample: Sample, now: Duration) {
        let (Some(adaptive), Seats::Hall(hall)) = (&self.adaptive, &self.seats) else { return };
        let mut gradient = lock(&adaptive.gradient);
        if !gradient.sample(sample, now) {
            return;
        }
        let limit = gradient.judge(hall.peak(), now);
        drop(gradient);
        adaptive.budget.fill(nanos(now), u64::from(MOST_SAMPLES));
        hall.resize(limit);
    }

    /// Learns that a handler had not answered when it was given up, which says something where it
    /// had taken long.
    pub(super) fn sample_unfinished(&self, sample: Sample, now: Duration) {
        let Some(adaptive) = &self.adaptive else { return };
        let is_slow = lock(&adaptive.gradient).is_slow(sample.route, sample.took);
        if is_slow {
            self.sample(sample, now);
        }
    }

    #[cfg(test)]
    pub(super) fn resize(&self, limit: u32) {
        if let Seats::Hall(hall) = &self.seats {
            hall.resize(limit);
        }
    }

    /// For how many keys there is room at the moment.
    #[cfg(test)]
    pub(super) fn key_slots(&self) -> usize {
        match &self.seats {
            Seats::Hall(_) => 0,
            Seats::Keyed(keyed) => keyed.slots(),
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let (in_flight, keys, waiting, limit) = match &self.seats {
            Seats::Hall(hall) => (
                hall.in_flight(),
                None,
                hall.waiting(),
                self.adaptive.as_ref().map(|_| hall.limit()),
            ),
            Seats::Keyed(keyed) => {
                let (in_flight, keys) = keyed.in_flight();
                (in_flight, Some(keys), keyed.waiting(), None)
            }
        };
        let shed = self.shed.each_ref().map(|shed| shed.load(Ordering::Relaxed));
        let waited = self.waited.load(Ordering::Relaxed);
        Stats { in_flight, keys, waiting, limit, waited, shed }
    }
}
