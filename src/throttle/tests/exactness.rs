//! GCRA through the store, against a model that shares nothing with it.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::throttle::limit::Limit;

use super::limiter::Limiter;

/// Seconds.
pub(super) fn period() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![1, 60, 3_600, 86_400])
}

#[derive(Clone, Copy)]
struct Rate {
    limit: u32,
    period: u64,
    burst: u32,
}

impl Rate {
    fn limiter(self, cost: u32, max_keys: usize) -> Limiter {
        let limit = Limit::rate(self.limit, Duration::from_secs(self.period)).burst(self.burst);
        Limiter::new(limit, cost, max_keys)
    }

    fn can_be(self) -> bool {
        u128::from(self.burst) * u128::from(self.period) <= 366 * 86_400 * u128::from(self.limit)
            && u64::from(self.limit) <= 1_000_000_000 * self.period
    }
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
            limit: u128::from(rate.limit),
            period: u128::from(rate.period) * 1_000_000_000,
            burst: u128::from(rate.burst),
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
        let rate = Rate { limit, period, burst };
        let limiter = rate.limiter(cost, 100);
        let mut model = Model::new(rate);
        let quarter = period * 1_000_000_000 / u64::from(limit) / 4;
        let mut now = origin;
        for (key, gap, jog) in arrivals {
            now += (u64::from(gap) * quarter).saturating_add_signed(jog);
            let at = Duration::from_nanos(now);
            let decision = limiter.spend(key, at);
            prop_assert_eq!((decision.admitted, u128::from(decision.remaining)), model.spend(key, at, cost));
            if !decision.admitted {
                // The wait is the truth: not a nanosecond earlier, and then at once.
                let early = Duration::from_nanos(decision.wait - 1);
                prop_assert!(!limiter.look(key, at + early).admitted);
                prop_assert!(limiter.look(key, at + Duration::from_nanos(decision.wait)).admitted);
            }
        }
    }

    #[test]
    fn no_window_ever_admits_more_than_the_burst_and_the_rate(
        limit in 1..=1_000_000_u32, period in period(), burst in 1..=20_u32, arrivals in arrivals(),
    ) {
        let rate = Rate { limit, period, burst };
        prop_assume!(rate.can_be());
        let limiter = rate.limiter(1, 100);
        let quarter = period * 1_000_000_000 / u64::from(limit) / 4;
        let (mut now, mut admitted) = (0_u64, Vec::new());
        for (_, gap, jog) in arrivals {
            now += (u64::from(gap) * quarter).saturating_add_signed(jog);
            if limiter.spend(1, Duration::from_nanos(now)).admitted {
                admitted.push(u128::from(now));
            }
        }
        let per = u128::from(period) * 1_000_000_000;
        for (i, from) in admitted.iter().enumerate() {
            for (j, to) in admitted.iter().enumerate().skip(i) {
                let count = (j - i + 1) as u128 * per;
                prop_assert!(count <= u128::from(burst) * per + (to - from) * u128::from(limit));
            }
        }
    }

    #[test]
    fn no_limit_burst_cost_or_clock_makes_it_panic_or_admit_more_than_the_burst(
        limit in 1..=1_000_000_000_u32, period in period(), burst in 1..=1_000_000_000_u32, cost in 1..=u32::MAX,
        now in (any::<u64>(), 0..1_000_000_000_u32),
    ) {
        let rate = Rate { limit, period, burst };
        prop_assume!(rate.can_be());
        let limiter = rate.limiter(cost, 2);
        let now = Duration::new(now.0, now.1);
        let admitted = (0..4).filter(|_| limiter.spend(1, now).admitted).count() as u64;
        prop_assert!(admitted * u64::from(cost) <= u64::from(burst));
        limiter.look(2, Duration::MAX);
        limiter.charge(2);
    }

    #[test]
    fn a_look_admits_whatever_a_spend_would_and_changes_nothing(arrivals in arrivals()) {
        let rate = Rate { limit: 10, period: 1, burst: 3 };
        let limiter = rate.limiter(1, 2);
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
        let rate = Rate { limit, period: 1, burst: limit };
        let limiter = rate.limiter(1, 10);
        for second in 0..3 {
            let now = Duration::from_secs(second);
            let admitted = (0..2 * limit).filter(|_| limiter.spend(1, now).admitted).count();
            assert_eq!(admitted, limit as usize, "{limit}");
        }
    }
}

#[test]
fn threads_together_get_the_burst_and_no_more() {
    let rate = Rate { limit: 100, period: 3_600, burst: 100 };
    let limiter = rate.limiter(1, 10_000);
    let spend = || (0..100).filter(|_| limiter.spend(7, Duration::ZERO).admitted).count();
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(spend)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 100);
}

#[test]
fn the_clock_may_begin_anywhere_and_wrap() {
    let rate = Rate { limit: 7, period: 1, burst: 7 };
    let limiter = rate.limiter(1, 10);
    // Seven ticks a nanosecond: ticks wrap about here.
    let mut now = Duration::from_nanos(u64::MAX / 7 - 500_000_000);
    for _ in 0..4 {
        let admitted = (0..20).filter(|_| limiter.spend(1, now).admitted).count();
        assert_eq!(admitted, 7);
        now += Duration::from_secs(1);
    }
}
