//! Windows: a live bucket's window ends at an instant of the monotonic clock, fixed when it began, so
//! that no step of the wall clock refills it or keeps it empty.

use std::fmt;
use std::sync::Arc;

use super::{Moment, Standing, State, left, seconds};

/// Periods that are not all of one length.
pub(in crate::throttle) trait Periods:
    fmt::Debug + Send + Sync + 'static
{
    /// Nanoseconds from that moment, in nanoseconds since the Unix epoch, to the end of its period:
    /// at least one.
    fn rest(&self, unix: u64) -> u64;

    /// The seconds of the period it was asked about last.
    fn seconds(&self) -> u64;
}

/// How windows follow each other.
#[derive(Clone, Debug)]
pub(in crate::throttle) enum Span {
    /// Nanoseconds, counted from the Unix epoch.
    Every(u64),
    Of(Arc<dyn Periods>),
}

impl Span {
    fn rest(&self, unix: u64) -> u64 {
        match self {
            Self::Every(nanos) => nanos - unix % nanos,
            Self::Of(periods) => periods.rest(unix).max(1),
        }
    }
}

/// So many in each window.
#[derive(Clone, Debug)]
pub(in crate::throttle) struct Fixed {
    quota: u64,
    span: Span,
}

impl Fixed {
    pub(in crate::throttle) fn new(quota: u32, span: Span) -> Self {
        Self { quota: quota.into(), span }
    }

    pub(in crate::throttle) fn quota(&self) -> u64 {
        self.quota
    }

    /// The periods it counts by, where they are not all of one length.
    pub(in crate::throttle) fn periods(&self) -> Option<&Arc<dyn Periods>> {
        match &self.span {
            Span::Every(_) => None,
            Span::Of(periods) => Some(periods),
        }
    }

    pub(in crate::throttle) fn span(&self) -> &Span {
        &self.span
    }

    /// Nanoseconds left of the window, and what it has counted.
    fn present(&self, state: Option<State>, at: Moment) -> (u64, u64) {
        match state.and_then(|state| Some((left(state.until, at.now)?, state.held))) {
            Some(present) => present,
            None => (self.span.rest(at.unix), 0),
        }
    }

    pub(super) fn weigh(&self, state: Option<State>, at: Moment, cost: u64) -> (Standing, State) {
        let (rest, count) = self.present(state, at);
        let after = count.saturating_add(cost);
        let admitted = after <= self.quota;
        let held = if admitted { after } else { count };
        let until = at.now.wrapping_add(rest);
        let standing = Standing {
            wait: if admitted { 0 } else { rest },
            remaining: self.quota.saturating_sub(held),
            window: seconds(rest),
            charged: until,
            rest,
            admitted,
            shared: false,
        };
        (standing, State { until, held })
    }

    pub(super) fn charge(&self, state: Option<State>, at: Moment, cost: u64) -> State {
        let (rest, count) = self.present(state, at);
        State { until: at.now.wrapping_add(rest), held: count.saturating_add(cost) }
    }

    pub(super) fn refund(state: State, charged: u64, cost: u64) -> State {
        match state.until == charged {
            true => State { held: state.held.saturating_sub(cost), ..state },
            false => state,
        }
    }
}

/// So many in any window, estimated from two counters: what the window before this one counted is
/// taken to have come evenly, and weighed by how much of it lies within the last window's length.
#[derive(Clone, Copy, Debug)]
pub(in crate::throttle) struct Sliding {
    quota: u64,
    length: u64,
}

/// The window now, and the one before it.
#[derive(Clone, Copy)]
struct Two {
    rest: u64,
    before: u64,
    count: u64,
}

impl Two {
    /// Counts beyond 32 bits stay at the most these can say.
    fn kept(self, length: u64, now: u64) -> State {
        let low = self.count.min(u64::from(u32::MAX));
        let until = now.wrapping_add(self.rest).wrapping_add(length);
        State { until, held: self.before << 32 | low }
    }
}

impl Sliding {
    /// A quota in any `length` nanoseconds, which are not zero.
    pub(in crate::throttle) fn new(quota: u32, length: u64) -> Self {
        Self { quota: quota.into(), length }
    }

    pub(in crate::throttle) fn quota(&self) -> u64 {
        self.quota
    }

    /// Nanoseconds.
    pub(in crate::throttle) fn length(&self) -> u64 {
        self.length
    }

    fn present(&self, state: Option<State>, at: Moment) -> Two {
        let fresh = Two { rest: self.length - at.unix % self.length, before: 0, count: 0 };
        let Some(state) = state else { return fresh };
        let Some(ahead) = left(state.until, at.now) else { return fresh };
        let (before, count) = (state.held >> 32, state.held & u64::from(u32::MAX));
        match ahead.checked_sub(self.length) {
            None | Some(0) => Two { rest: ahead, before: count, count: 0 },
            Some(rest) => Two { rest, before, count },
        }
    }

    /// What the window before still weighs, in parts of which a request has as many as the window
    /// has nanoseconds.
    fn weight(&self, before: u64, rest: u64) -> u128 {
        u128::from(before) * u128::from(rest)
    }

    fn parts(&self, requests: u64) -> u128 {
        u128::from(requests) * u128::from(self.length)
    }

    pub(super) fn weigh(&self, state: Option<State>, at: Moment, cost: u64) -> (Standing, State) {
        let two = self.present(state, at);
        let weight = self.weight(two.before, two.rest);
        let after = two.count.saturating_add(cost);
        let admitted = weight + self.parts(after) <= self.parts(self.quota);
        let two = Two { count: if admitted { after } else { two.count }, ..two };
        let spent = weight.div_ceil(self.length.into()) as u64;
        let state = two.kept(self.length, at.now);
        let standing = Standing {
            wait: if admitted { 0 } else { self.wait(two, cost) },
            remaining: self.quota.saturating_sub(two.count.saturating_add(spent)),
            window: seconds(two.rest),
            charged: state.until,
            rest: two.rest,
            admitted,
            shared: false,
        };
        (standing, state)
    }

    /// Nanoseconds until `cost` is admitted where nothing else comes.
    fn wait(&self, two: Two, cost: u64) -> u64 {
        let Some(free) = self.quota.checked_sub(cost) else { return two.rest + self.length };
        // What of the window before may still lie within, so that `free - count` is enough.
        let within = |free: u64, before: u64| {
            let rest = self.parts(free) / u128::from(before.max(1));
            u64::try_from(rest).unwrap_or(u64::MAX)
        };
        match free.checked_sub(two.count) {
            Some(free) => two.rest.saturating_sub(within(free, two.before)),
            None => (two.rest + self.length).saturating_sub(within(free, two.count)),
        }
    }

    pub(super) fn charge(&self, state: Option<State>, at: Moment, cost: u64) -> State {
        let two = self.present(state, at);
        Two { count: two.count.saturating_add(cost), ..two }.kept(self.length, at.now)
    }

    pub(super) fn refund(&self, state: State, charged: u64, cost: u64) -> State {
        let (before, count) = (state.held >> 32, state.held & u64::from(u32::MAX));
        let (before, count) = if state.until == charged {
            (before, count.saturating_sub(cost))
        } else if state.until == charged.wrapping_add(self.length) {
            (before.saturating_sub(cost), count)
        } else {
            (before, count)
        };
        State { held: before << 32 | count, ..state }
    }
}
