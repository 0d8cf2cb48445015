//! The arithmetic of limits: what a bucket says about a request, and what it holds afterwards.
//!
//! Integers throughout: nothing is rounded in anybody's favour, and the same decisions can be made
//! elsewhere, by whoever follows the same definitions.

mod rate;
mod window;

pub(super) use rate::Rate;
pub(super) use window::{Fixed, Periods, Sliding, Span};

/// The longest period, and the longest time until a bucket is whole again.
pub(super) const LONGEST: u64 = 366 * 86_400 * SECOND;

/// A debt never takes longer than that to be paid.
const LONGEST_DEBT: u64 = 2 * LONGEST;

pub(super) const SECOND: u64 = 1_000_000_000;

/// When a bucket is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Nanoseconds of the monotonic clock; they wrap, so that its origin does not matter.
    pub(super) now: u64,
    /// Nanoseconds since the Unix epoch, nothing where no limit asks for them.
    pub(super) unix: u64,
}

/// What a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The monotonic nanosecond from which on it says no more than a bucket that nobody has used,
    /// so that a store can reuse its place without knowing its rule.
    pub(super) until: u64,
    /// What the rule keeps beside it.
    pub(super) held: u64,
}

impl State {
    #[inline]
    pub(super) fn is_live(self, now: u64) -> bool {
        left(self.until, now).is_some()
    }
}

/// Nanoseconds from `now` until `at`, nothing when it has passed.
#[inline]
pub(super) fn left(at: u64, now: u64) -> Option<u64> {
    let left = at.wrapping_sub(now);
    (left.cast_signed() > 0).then_some(left)
}

/// What one limit says about one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Nanoseconds until a request like this one is admitted; zero when this one was.
    pub(super) wait: u64,
    /// What may still be spent at once.
    pub(super) remaining: u64,
    /// Seconds within which no more than that can be spent, rounded up.
    pub(super) window: u64,
    /// What tells the window it was charged to from later ones; zero where there are none.
    pub(super) charged: u64,
    /// Nanoseconds left of that window; zero where there are none.
    pub(super) rest: u64,
    pub(super) admitted: bool,
    /// Whether it speaks of a bucket that several keys share, because there was no room.
    pub(super) shared: bool,
}

/// What happens to the buckets of one limit.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// GCRA: so many a period, and so many at once.
    Rate(Rate),
    /// So many in each window.
    Fixed(Fixed),
    /// So many in any window, the last one weighed by how much of it lies within.
    Sliding(Sliding),
}

impl Rule {
    /// What the bucket says about `cost`, and what it holds once that is charged. `None` is a
    /// bucket nobody has used.
    #[inline]
    pub(super) fn weigh(&self, state: Option<State>, at: Moment, cost: u64) -> (Standing, State) {
        match self {
            Self::Rate(rate) => rate.weigh(state, at.now, cost),
            Self::Fixed(window) => window.weigh(state, at, cost),
            Self::Sliding(window) => window.weigh(state, at, cost),
        }
    }

    /// What the bucket holds after more was charged than asked for, whatever it admits.
    pub(super) fn charge(&self, state: Option<State>, at: Moment, cost: u64) -> State {
        match self {
            Self::Rate(rate) => rate.charge(state, at.now, cost),
            Self::Fixed(window) => window.charge(state, at, cost),
            Self::Sliding(window) => window.charge(state, at, cost),
        }
    }

    /// What it holds after `cost` of what was `charged` is given back: never more than it had.
    pub(super) fn refund(&self, state: State, at: Moment, charged: u64, cost: u64) -> State {
        match self {
            Self::Rate(rate) => rate.refund(state, at.now, cost),
            Self::Fixed(_) => Fixed::refund(state, charged, cost),
            Self::Sliding(window) => window.refund(state, charged, cost),
        }
    }

    /// What may be spent at once by a key that has been quiet.
    pub(super) fn capacity(&self) -> u64 {
        match self {
            Self::Rate(rate) => rate.burst(),
            Self::Fixed(window) => window.quota(),
            Self::Sliding(window) => window.quota(),
        }
    }

    /// The periods it counts by, where they are not all of one length.
    pub(super) fn periods(&self) -> Option<&std::sync::Arc<dyn Periods>> {
        match self {
            Self::Fixed(window) => window.periods(),
            Self::Rate(_) | Self::Sliding(_) => None,
        }
    }

    /// What comes back in so many nanoseconds, and nothing where it does so at once, with the next
    /// window.
    pub(super) fn regains(&self, nanos: u64) -> u64 {
        match self {
            Self::Rate(rate) => rate.units(nanos),
            Self::Fixed(_) | Self::Sliding(_) => 0,
        }
    }

    /// Nanoseconds until so much has come back; zero where it does so at once.
    pub(super) fn time(&self, cost: u64) -> u64 {
        match self {
            Self::Rate(rate) => rate.time(cost),
            Self::Fixed(_) | Self::Sliding(_) => 0,
        }
    }

    /// Whether it asks for the time since the Unix epoch.
    pub(super) fn reads_unix(&self) -> bool {
        !matches!(self, Self::Rate(_))
    }
}

/// Seconds, rounded up, at least one.
pub(super) fn seconds(nanos: u64) -> u64 {
    if nanos <= SECOND { 1 } else { nanos.div_ceil(SECOND) }
}
