//! GCRA through the store, against a model that shares nothing with it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use crate::throttle::limit::{Limiter, Period, Rate};

pub(super) fn nonzero(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

pub(super) fn period() -> impl Strategy<Value = Period> {
    prop_oneof![Just(Period::Second), Just(Period::Minute), Just(Period::Hour), Just(Period::Day)]
}

/// Tokens counted in exact fractions: one token is `period` units, a nanosecond brings `limit`.
struct Model {
    limit: u128,
    period: u128,
    burst: u128,
    buckets: HashMap<u64, (u128, u128)>,
}

impl Model {
    fn new(rate: Rate) -> Self {
        Self {
            limit: u128::from(rate.limit.get()),
            period: u128::from(rate.period.seconds()) * 1_000_000_000,
            burst: u128::from(rate.burst.get()),
            buckets: HashMap::new(),
        }
    }

    /// Whether it is admitted, and what is left in whole tokens.
    fn spend(&mut self, key: u64, now: Duration, cost: u32) -> (bool, u128) {
        let full = self.burst * self.period;
        let (units, since) = self.buckets.entry(key).or_insert((full, now.as_nanos()));
        *units = full.min(*units + (now.as_nanos() - *since) * self.limit);
        *since = now.as_nanos();
        let price = u128::from(cost) * self.period;
        let admitted = *units >= price;
        if admitted {
            *units -= price;
        }
        (admitted, *units / self.period)
    }
}

/// Limits whose interval is a whole number of ticks: the usual ones, and odd ones up to 32.
fn exact_limit() -> impl Strategy<Value = u32> {
    prop_oneof![
        1..=32_u32,
        prop::sample::select(vec![50, 60, 100, 120, 250, 600, 1_000, 3_600, 10_000, 100_000]),
    ]
}

/// Gaps in quarters of an interval, with a nanosecond to either side of it.
fn arrivals() -> impl Strategy<Value = Vec<(u64, u32, i64)>> {
    prop::collection::vec((1..5_u64, 0..6_u32, -1..=1_i64), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_decision_is_the_models(
        limit in exact_limit(), period in period(), burst in 1..=40_u32, cost in 1..=5_u32,
        origin in 0..u64::MAX / 2, arrivals in arrivals(),
    ) {
        let cost = cost.min(burst);
        let rate = Rate { limit: nonzero(limit), period, burst: nonzero(burst) };
        let limiter = Limiter::new(rate, nonzero(cost), 100);
        let mut model = Model::new(rate);
        let quarter = period.seconds() * 1_000_000_000 / u64::from(limit) / 4;
        let mut now = origin;
        for (key, gap, jog) in arrivals {
            now += (u64::from(gap) * quarter).saturating_add_signed(jog);
            let at = Duration::from_nanos(now);
            let decision = limiter.spend(key, at);
            prop_assert_eq!((decision.admitted, u128::from(decision.remaining)), model.spend(key, at, cost));
            if !decision.admitted {
                // The wait is the truth: not a nanosecond earlier, and then at once.
                let early = decision.wait - Duration::from_nanos(1);
                prop_assert!(!limiter.look(key, at + early).admitted);
                prop_assert!(limiter.look(key, at + decision.wait).admitted);
            }
        }
    }

    #[test]
    fn no_window_ever_admits_more_than_the_burst_and_the_rate(
        limit in 1..=1_000_000_u32, period in period(), burst in 1..=20_u32, arrivals in arrivals(),
    ) {
        let rate = Rate { limit: nonzero(limit), period, burst: nonzero(burst) };
        prop_assume!(rate.refill().is_some_and(|refill| refill < Duration::from_secs(366 * 86_400)));
        let limiter = Limiter::new(rate, NonZeroU32::MIN, 100);
        let quarter = period.seconds() * 1_000_000_000 / u64::from(limit) / 4;
        let (mut now, mut admitted) = (0_u64, Vec::new());
        for (_, gap, jog) in arrivals {
            now += (u64::from(gap) * quarter).saturating_add_signed(jog);
            if limiter.spend(1, Duration::from_nanos(now)).admitted {
                admitted.push(u128::from(now));
            }
        }
        let per = u128::from(period.seconds()) * 1_000_000_000;
        for (i, from) in admitted.iter().enumerate() {
            for (j, to) in admitted.iter().enumerate().skip(i) {
                let count = (j - i + 1) as u128 * per;
                prop_assert!(count <= u128::from(burst) * per + (to - from) * u128::from(limit));
            }
        }
    }

    #[test]
    fn no_limit_burst_cost_or_clock_makes_it_panic_or_admit_more_than_the_burst(
        limit in 1..=u32::MAX, period in period(), burst in 1..=u32::MAX, cost in 1..=u32::MAX,
        now in (any::<u64>(), 0..1_000_000_000_u32),
    ) {
        let rate = Rate { limit: nonzero(limit), period, burst: nonzero(burst) };
        let limiter = Limiter::new(rate, nonzero(cost), 2);
        let now = Duration::new(now.0, now.1);
        let admitted = (0..4).filter(|_| limiter.spend(1, now).admitted).count() as u64;
        prop_assert!(admitted * u64::from(cost) <= u64::from(burst));
        limiter.look(2, Duration::MAX);
        limiter.charge(2);
    }

    #[test]
    fn a_look_admits_whatever_a_spend_would_and_changes_nothing(arrivals in arrivals()) {
        let rate = Rate { limit: nonzero(10), period: Period::Second, burst: nonzero(3) };
        let limiter = Limiter::new(rate, NonZeroU32::MIN, 2);
        let mut now = 0;
        for (key, gap, _) in arrivals {
            now += u64::from(gap) * 25_000_000;
            let at = Duration::from_nanos(now);
            let looks = (limiter.look(key, at), limiter.look(key, at));
            prop_assert_eq!(looks.0, looks.1);
            let spent = limiter.spend(key, at).admitted;
            prop_assert!(looks.0.admitted || !spent);
        }
    }
}

#[test]
fn fifty_a_second_are_fifty_each_second() {
    for limit in [1, 3, 7, 30, 50, 600, 999] {
        let rate = Rate { limit: nonzero(limit), period: Period::Second, burst: nonzero(limit) };
        let limiter = Limiter::new(rate, NonZeroU32::MIN, 10);
        for second in 0..3 {
            let now = Duration::from_secs(second);
            let admitted = (0..2 * limit).filter(|_| limiter.spend(1, now).admitted).count();
            assert!(
                admitted == limit as usize || limit == 999 && admitted == 998,
                "{limit}: {admitted}"
            );
        }
    }
}

#[test]
fn threads_together_get_the_burst_and_no_more() {
    let rate = Rate { limit: nonzero(100), period: Period::Hour, burst: nonzero(100) };
    let limiter = Limiter::new(rate, NonZeroU32::MIN, 10_000);
    let spend = || (0..100).filter(|_| limiter.spend(7, Duration::ZERO).admitted).count();
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 100);
}

#[test]
fn the_clock_may_begin_anywhere_and_wrap() {
    let rate = Rate { limit: nonzero(7), period: Period::Second, burst: nonzero(7) };
    let limiter = Limiter::new(rate, NonZeroU32::MIN, 10);
    // Seven ticks a nanosecond: ticks wrap about here.
    let mut now = Duration::from_nanos(u64::MAX / 7 - 500_000_000);
    for _ in 0..4 {
        let admitted = (0..20).filter(|_| limiter.spend(1, now).admitted).count();
        assert_eq!(admitted, 7);
        now += Duration::from_secs(1);
    }
}
