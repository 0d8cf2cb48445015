//! Limits as they are defined, in exact fractions of 128 bits: slow, and sharing nothing with what
//! it is compared with.

/// One limit, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(in crate::throttle) enum Defined {
    Rate { quota: u32, period: u64, burst: u32 },
    Fixed { quota: u32, length: u64 },
    Sliding { quota: u32, length: u64 },
}

/// Two clocks, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::throttle) struct Clocks {
    pub(in crate::throttle) now: u64,
    pub(in crate::throttle) unix: u64,
}

/// What a limit says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::throttle) struct Said {
    pub(in crate::throttle) admitted: bool,
    pub(in crate::throttle) remaining: u64,
    pub(in crate::throttle) wait: u64,
    /// Tells the window that would be charged from others.
    pub(in crate::throttle) window: u64,
}

/// A bucket of one limit.
#[derive(Clone, Copy, Debug)]
pub(in crate::throttle) struct Bucket {
    is: Defined,
    /// When a rate owes nothing any more, in fractions of a nanosecond: `quota` of them.
    whole_at: u128,
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    end: u64,
    count: u128,
    before: u128,
}

/// No debt takes longer to be paid.
const LONGEST_DEBT: u128 = 2 * 366 * 86_400 * 1_000_000_000;

impl Bucket {
    pub(in crate::throttle) fn new(is: Defined) -> Self {
        Self { is, whole_at: 0, window: None }
    }

    /// Whether it says anything an unused one would not.
    pub(in crate::throttle) fn is_live(&self, at: Clocks) -> bool {
        match (self.is, self.window) {
            (Defined::Rate { quota, .. }, _) => {
                self.whole_at > u128::from(at.now) * u128::from(quota)
            }
            (Defined::Fixed { .. }, window) => window.is_some_and(|window| window.end > at.now),
            (Defined::Sliding { length, .. }, window) => {
                window.is_some_and(|window| window.end + length > at.now)
            }
        }
    }

    /// The window a request at that time falls into.
    fn window(&self, at: Clocks) -> Window {
        let (length, slides) = match self.is {
            Defined::Rate { .. } => unreachable!("a rate has no windows"),
            Defined::Fixed { length, .. } => (length, false),
            Defined::Sliding { length, .. } => (length, true),
        };
        match self.window {
            Some(window) if at.now < window.end => window,
            Some(window) if slides && at.now < window.end + length => {
                Window { end: window.end + length, count: 0, before: window.count }
            }
            _ => Window { end: at.now + length - at.unix % length, count: 0, before: 0 },
        }
    }

    /// Whether `cost` fits, were it asked at that monotonic time and nothing else came before.
    fn fits(&self, now: u64, at: Clocks, cost: u32) -> bool {
        let cost = u128::from(cost);
        match self.is {
            Defined::Rate { quota, period, burst } => {
                let owed = self.whole_at.saturating_sub(u128::from(now) * u128::from(quota));
                owed + cost * u128::from(period) <= u128::from(burst) * u128::from(period)
            }
            Defined::Fixed { quota, .. } => {
                let window = Self { window: Some(self.window(at)), ..*self };
                let window = window.window(Clocks { now, unix: 0 });
                window.count + cost <= quota.into()
            }
            Defined::Sliding { quota, length } => {
                let bucket = Self { window: Some(self.window(at)), ..*self };
                if now >= self.window(at).end + length {
                    return cost <= quota.into();
                }
                let window = bucket.window(Clocks { now, unix: 0 });
                let within = window.before * u128::from(window.end - now);
                let length = u128::from(length);
                within + (window.count + cost) * length <= u128::from(quota) * length
            }
        }
    }

    /// The time until `cost` fits, found by trying.
    fn wait(&self, at: Clocks, cost: u32) -> u64 {
        let (mut no, mut yes) = (0, 1_u64 << 60);
        while yes - no > 1 {
            let middle = no + (yes - no) / 2;
            if self.fits(at.now + middle, at, cost) { yes = middle } else { no = middle }
        }
        yes
    }

    fn remaining(&self, at: Clocks) -> u64 {
        let left = match self.is {
            Defined::Rate { quota, period, burst } => {
                let owed = self.whole_at.saturating_sub(u128::from(at.now) * u128::from(quota));
                (u128::from(burst) * u128::from(period)).saturating_sub(owed) / u128::from(period)
            }
            Defined::Fixed { quota, .. } => u128::from(quota).saturating_sub(self.window(at).count),
            Defined::Sliding { quota, length } => {
                let Window { end, count, before } = self.window(at);
                let all = u128::from(quota) * u128::from(length);
                let spent = before * u128::from(end - at.now) + count * u128::from(length);
                all.saturating_sub(spent) / u128::from(length)
            }
        };
        u64::try_from(left).unwrap()
    }

    /// What it says about a cost, without charging it.
    pub(in crate::throttle) fn ask(&self, at: Clocks, cost: u32) -> Said {
        let admitted = self.fits(at.now, at, cost);
        let window = match self.is {
            Defined::Rate { .. } => 0,
            _ => self.window(at).end,
        };
        let after = if admitted { self.charged(at, cost) } else { *self };
        let wait = if admitted { 0 } else { self.wait(at, cost) };
        Said { admitted, remaining: after.remaining(at), wait, window }
    }

    /// What is left when nothing is charged.
    pub(in crate::throttle) fn left(&self, at: Clocks) -> u64 {
        self.remaining(at)
    }

    /// The bucket after a cost, whatever it admits.
    pub(in crate::throttle) fn charged(&self, at: Clocks, cost: u32) -> Self {
        let cost = u128::from(cost);
        match self.is {
            Defined::Rate { quota, period, .. } => {
                let quota = u128::from(quota);
                let now = u128::from(at.now) * quota;
                let owed = self.whole_at.saturating_sub(now) + cost * u128::from(period);
                Self { whole_at: now + owed.min(LONGEST_DEBT * quota), ..*self }
            }
            _ => {
                let window = self.window(at);
                let most = match self.is {
                    Defined::Sliding { .. } => u32::MAX.into(),
                    _ => u128::MAX,
                };
                let window = Window { count: (window.count + cost).min(most), ..window };
                Self { window: Some(window), ..*self }
            }
        }
    }

    /// The bucket after some of a charge is given back: to a rate at any time, to windows where
    /// they still know of the window that was charged.
    pub(in crate::throttle) fn refunded(&self, at: Clocks, charged: u64, cost: u32) -> Self {
        let cost = u128::from(cost);
        match (self.is, self.window) {
            (Defined::Rate { quota, period, .. }, _) => {
                let now = u128::from(at.now) * u128::from(quota);
                let given = self.whole_at.saturating_sub(cost * u128::from(period));
                Self { whole_at: given.max(now.min(self.whole_at)), ..*self }
            }
            (_, None) => *self,
            (Defined::Fixed { .. }, Some(window)) if window.end == charged => {
                let window = Window { count: window.count.saturating_sub(cost), ..window };
                Self { window: Some(window), ..*self }
            }
            (Defined::Sliding { .. }, Some(window)) if window.end == charged => {
                let window = Window { count: window.count.saturating_sub(cost), ..window };
                Self { window: Some(window), ..*self }
            }
            (Defined::Sliding { length, .. }, Some(window)) if window.end == charged + length => {
                let window = Window { before: window.before.saturating_sub(cost), ..window };
                Self { window: Some(window), ..*self }
            }
            _ => *self,
        }
    }
}
