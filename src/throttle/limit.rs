//! The arithmetic of a limit: how much, how often, what is left.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};

use super::store::{Probe, Store};
use super::table::Moment;

/// Ticks of a nanosecond at most: finer ones would wrap within years.
const FINEST: u64 = 32;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The time over which a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Period {
    Second,
    Minute,
    Hour,
    Day,
}

impl Period {
    pub(super) const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// So many in a period, and so many at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rate {
    pub(super) limit: NonZeroU32,
    pub(super) period: Period,
    pub(super) burst: NonZeroU32,
}

impl Rate {
    /// Ticks a nanosecond is divided into: as many as make the interval a whole number of ticks.
    fn scale(self) -> u64 {
        let limit = u64::from(self.limit.get());
        let parts = limit / gcd(limit, self.period.seconds() * NANOS_PER_SECOND);
        parts.min(FINEST)
    }

    /// Ticks until one more is admitted, rounded up where [`FINEST`] was not fine enough.
    fn interval(self) -> u64 {
        let ticks = self.period.seconds() * NANOS_PER_SECOND * self.scale();
        ticks.div_ceil(u64::from(self.limit.get()))
    }

    /// The longest window a [`Decision`] about an admitted request names, in seconds.
    pub(super) fn longest_window(self) -> u64 {
        self.interval().div_ceil(NANOS_PER_SECOND * self.scale())
    }

    /// How long a spent bucket takes to be whole again, nothing where it is beyond counting.
    pub(super) fn refill(self) -> Option<Duration> {
        let ticks = self.interval().checked_mul(u64::from(self.burst.get()))?;
        Some(Duration::from_nanos(ticks / self.scale()))
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Always at the origin: what the store shows governor is already relative to the request.
#[derive(Clone, Copy, Debug)]
struct Still;

impl Clock for Still {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(0)
    }
}

/// What a limit says about one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Decision {
    /// Until a request like this one is admitted; zero when this one was.
    pub(super) wait: Duration,
    /// What may still be spent at once.
    pub(super) remaining: u64,
    /// Seconds within which no more than that can be spent, rounded up.
    pub(super) window: u64,
    /// Whether the request was admitted.
    pub(super) admitted: bool,
}

/// GCRA over a bounded store.
#[derive(Debug)]
pub(super) struct Limiter {
    gcra: RateLimiter<Probe, Store, Still, NoOpMiddleware<Nanos>>,
    scale: u64,
    interval: u64,
    capacity: u64,
    cost: NonZeroU32,
}

impl Limiter {
    pub(super) fn new(rate: Rate, cost: NonZeroU32, max_keys: usize) -> Self {
        let interval = rate.interval();
        // None for an interval of zero only, and an interval is rounded up.
        let quota = Quota::with_period(Duration::from_nanos(interval))
            .unwrap_or(Quota::per_second(rate.limit))
            .allow_burst(rate.burst);
        Self {
            gcra: RateLimiter::new(quota, Store::new(max_keys), Still),
            scale: rate.scale(),
            interval,
            capacity: interval.saturating_mul(u64::from(rate.burst.get())),
            cost,
        }
    }

    /// Spends the cost of a request, if there is so much left.
    pub(super) fn spend(&self, tag: u64, now: Duration) -> Decision {
        self.ask(Probe::new(tag, Moment::Spend(self.ticks(now))))
    }

    /// Says what [`spend`](Self::spend) would, and spends nothing.
    pub(super) fn look(&self, tag: u64, now: Duration) -> Decision {
        self.ask(Probe::new(tag, Moment::Look(self.ticks(now))))
    }

    /// As [`look`](Self::look), and not even the look is remembered.
    pub(super) fn peek(&self, tag: u64, now: Duration) -> Decision {
        self.ask(Probe::new(tag, Moment::Peek(self.ticks(now))))
    }

    /// Spends at the time of the latest look in the shard of `tag`.
    pub(super) fn charge(&self, tag: u64) -> Decision {
        self.ask(Probe::new(tag, Moment::Charge))
    }

    fn ask(&self, probe: Probe) -> Decision {
        let verdict = self.gcra.check_key_n(&probe, self.cost);
        let left = self.capacity.saturating_sub(probe.owed());
        let remaining = left / self.interval;
        match verdict {
            Ok(Ok(())) => Decision {
                wait: Duration::ZERO,
                remaining,
                window: self.seconds(self.interval - left % self.interval),
                admitted: true,
            },
            Ok(Err(until)) => {
                let ticks = until.earliest_possible().as_u64();
                Decision {
                    wait: Duration::from_nanos(ticks.div_ceil(self.scale)),
                    remaining,
                    window: self.seconds(ticks),
                    admitted: false,
                }
            }
            // The builder refuses a cost above the burst; should one come here, nothing passes.
            Err(_) => Decision {
                wait: Duration::from_nanos(self.capacity / self.scale),
                remaining,
                window: self.seconds(self.capacity),
                admitted: false,
            },
        }
    }

    fn ticks(&self, now: Duration) -> u64 {
        now.as_secs()
            .wrapping_mul(NANOS_PER_SECOND)
            .wrapping_add(u64::from(now.subsec_nanos()))
            .wrapping_mul(self.scale)
    }

    fn seconds(&self, ticks: u64) -> u64 {
        let second = NANOS_PER_SECOND * self.scale;
        if ticks <= second { 1 } else { ticks.div_ceil(second) }
    }

    #[cfg(test)]
    pub(super) fn into_store(self) -> Store {
        self.gcra.into_state_store()
    }
}
