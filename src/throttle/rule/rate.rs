use super::{LONGEST, LONGEST_DEBT, SECOND, Standing, State, left, seconds};

/// GCRA (ITU-T I.371): a bucket is whole again at its theoretical arrival time, and each unit of
/// cost puts that off by one interval.
///
/// The interval is a fraction of a nanosecond finer than the clock, so times are kept exactly: as a
/// whole nanosecond, rounded up, and the part it was rounded up by, in parts of which a nanosecond
/// has as many as the limit has requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::throttle) struct Rate {
    quota: u64,
    period: u64,
    burst: u64,
    /// Nanoseconds between two units, and the parts beyond them.
    interval: (u64, u64),
    /// What a bucket may owe: nanoseconds rounded up, and the parts they are too much.
    capacity: Owed,
}

/// A time ahead of now: `nanos - spare / quota` nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owed {
    nanos: u64,
    spare: u64,
}

impl Owed {
    const NOTHING: Self = Self { nanos: 0, spare: 0 };

    fn is_within(self, capacity: Self) -> bool {
        self.nanos < capacity.nanos
            || (self.nanos == capacity.nanos && self.spare >= capacity.spare)
    }
}

impl Owed {
    fn capped(self) -> Self {
        if self.nanos > LONGEST_DEBT { Self { nanos: LONGEST_DEBT, spare: 0 } } else { self }
    }
}

impl Rate {
    /// `quota` units in `period` nanoseconds, `burst` of them at once; none of them is zero.
    /// Nothing where a spent bucket would take longer than a year to be whole again.
    pub(in crate::throttle) fn new(quota: u32, period: u64, burst: u32) -> Option<Self> {
        let quota = u64::from(quota.max(1));
        let unlimited = Self {
            quota,
            period,
            burst: burst.into(),
            interval: (period / quota, period % quota),
            capacity: Owed { nanos: LONGEST_DEBT, spare: 0 },
        };
        let capacity = unlimited.later(Owed::NOTHING, burst.into());
        (capacity.nanos <= LONGEST).then_some(Self { capacity, ..unlimited })
    }

    pub(in crate::throttle) fn burst(&self) -> u64 {
        self.burst
    }

    /// Units in a period.
    pub(in crate::throttle) fn quota(&self) -> u64 {
        self.quota
    }

    /// Nanoseconds.
    pub(in crate::throttle) fn period(&self) -> u64 {
        self.period
    }

    /// The longest window a [`Standing`] about an admitted request names, in seconds.
    pub(in crate::throttle) fn longest_window(&self) -> u64 {
        seconds(self.interval.0 + 1)
    }

    /// Whole units that come back in so many nanoseconds.
    pub(super) fn units(&self, nanos: u64) -> u64 {
        let units = u128::from(nanos) * u128::from(self.quota) / u128::from(self.period);
        u64::try_from(units).unwrap_or(u64::MAX)
    }

    /// Nanoseconds until so many units have come back, rounded up.
    pub(super) fn time(&self, units: u64) -> u64 {
        let nanos = (u128::from(units) * u128::from(self.period)).div_ceil(u128::from(self.quota));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    #[inline]
    pub(super) fn weigh(&self, state: Option<State>, now: u64, cost: u64) -> (Standing, State) {
        let owed = owed(state, now);
        let after = self.later(owed, cost);
        if after.is_within(self.capacity) {
            let (remaining, window) = self.rest(after);
            let standing = Standing { remaining, window, admitted: true, ..Standing::default() };
            return (standing, kept(after, now));
        }
        let wait = (after.nanos - self.capacity.nanos)
            .saturating_add(u64::from(self.capacity.spare > after.spare));
        let (remaining, _) = self.rest(owed);
        let window = seconds(wait);
        (Standing { wait, remaining, window, ..Standing::default() }, kept(owed, now))
    }

    pub(super) fn charge(&self, state: Option<State>, now: u64, cost: u64) -> State {
        kept(self.later(owed(state, now), cost).capped(), now)
    }

    pub(super) fn refund(&self, state: State, now: u64, cost: u64) -> State {
        let owed = owed(Some(state), now);
        if owed == Owed::NOTHING {
            return state;
        }
        let (whole, parts) = self.interval;
        let parts = u128::from(parts) * u128::from(cost) + u128::from(owed.spare);
        let quota = u128::from(self.quota);
        let nanos = u128::from(whole) * u128::from(cost) + parts / quota;
        match u128::from(owed.nanos).checked_sub(nanos) {
            // Both are less than what they were taken from.
            Some(nanos) => kept(Owed { nanos: nanos as u64, spare: (parts % quota) as u64 }, now),
            None => kept(Owed::NOTHING, now),
        }
    }

    /// What is owed once `cost` more is.
    #[inline]
    fn later(&self, owed: Owed, cost: u64) -> Owed {
        let (whole, parts) = self.interval;
        if cost == 1 {
            let (more, spare) = match parts.checked_sub(owed.spare) {
                None => (0, owed.spare - parts),
                Some(0) => (0, 0),
                Some(parts) => (1, self.quota - parts),
            };
            return Owed { nanos: owed.nanos + whole + more, spare };
        }
        let quota = u128::from(self.quota);
        let parts = u128::from(parts) * u128::from(cost);
        let (more, spare) = match parts.checked_sub(owed.spare.into()) {
            None => (0, u128::from(owed.spare) - parts),
            Some(parts) => {
                let more = parts.div_ceil(quota);
                (more, more * quota - parts)
            }
        };
        let nanos = u128::from(owed.nanos) + u128::from(whole) * u128::from(cost) + more;
        Owed { nanos: u64::try_from(nanos).unwrap_or(u64::MAX), spare: spare as u64 }
    }

    /// Whole units left, and seconds until there is one more.
    #[inline]
    fn rest(&self, owed: Owed) -> (u64, u64) {
        let Some(nanos) = self.capacity.nanos.checked_sub(owed.nanos) else {
            return (0, seconds(owed.nanos.saturating_sub(self.capacity.nanos)));
        };
        let more = owed.spare.cast_signed() - self.capacity.spare.cast_signed();
        let small = nanos.checked_mul(self.quota).and_then(|n| n.checked_add_signed(more));
        let (remaining, beyond) = match small {
            Some(parts) => (parts / self.period, parts % self.period),
            None => {
                let parts =
                    (u128::from(nanos) * u128::from(self.quota)).saturating_add_signed(more.into());
                let period = u128::from(self.period);
                ((parts / period) as u64, (parts % period) as u64)
            }
        };
        let window = match self.interval.0 {
            ..SECOND => 1,
            _ => seconds((self.period - beyond).div_ceil(self.quota)),
        };
        (remaining, window)
    }
}

fn owed(state: Option<State>, now: u64) -> Owed {
    match state.and_then(|state| Some((left(state.until, now)?, state.held))) {
        Some((nanos, spare)) => Owed { nanos, spare },
        None => Owed::NOTHING,
    }
}

fn kept(owed: Owed, now: u64) -> State {
    State { until: now.wrapping_add(owed.nanos), held: owed.spare }
}
