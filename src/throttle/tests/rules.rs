//! The arithmetic of limits, decision by decision, against [the model](super::model).

use std::time::Duration;

use proptest::prelude::*;

use crate::error::Mistakes;
use crate::throttle::limit::Limit;
use crate::throttle::limits::Ruled;
use crate::throttle::rule::{Moment, State};

use super::model::{Bucket, Clocks, Defined};

const SECOND: u64 = 1_000_000_000;
const YEAR: u64 = 366 * 86_400 * SECOND;

impl Defined {
    pub(super) fn limit(self) -> Limit {
        match self {
            Self::Rate { quota, period, burst } => {
                Limit::rate(quota, Duration::from_nanos(period)).burst(burst)
            }
            Self::Fixed { quota, length } => Limit::fixed(quota, Duration::from_nanos(length)),
            Self::Sliding { quota, length } => Limit::sliding(quota, Duration::from_nanos(length)),
        }
    }

    pub(super) fn ruled(self) -> Ruled {
        let mut mistakes = Mistakes::default();
        let ruled = self.limit().ruled("key", &mut mistakes);
        mistakes.finish().unwrap();
        ruled
    }

    pub(super) fn capacity(self) -> u32 {
        match self {
            Self::Rate { burst, .. } => burst,
            Self::Fixed { quota, .. } | Self::Sliding { quota, .. } => quota,
        }
    }

    /// A time in which something changes.
    pub(super) fn beat(self) -> u64 {
        match self {
            Self::Rate { quota, period, .. } => (period / u64::from(quota)).max(1),
            Self::Fixed { length, .. } => length / 3,
            Self::Sliding { quota, length } => (length / u64::from(quota)).max(length / 8),
        }
    }
}

pub(super) fn defined() -> impl Strategy<Value = Defined> {
    let length = prop_oneof![
        prop::sample::select(vec![SECOND, 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND]),
        1_000_000..100 * SECOND,
        1_000_000..=YEAR,
    ];
    let quota = prop_oneof![1..=12_u32, 1..=100_000_u32, 1..=u32::MAX];
    (0..3, quota, length, prop_oneof![1..=12_u32, 1..=u32::MAX]).prop_map(
        |(kind, quota, length, burst)| {
            let quota = u64::from(quota).min(length).try_into().unwrap_or(u32::MAX);
            let most = u128::from(YEAR) * u128::from(quota) / u128::from(length);
            let burst = u128::from(burst).min(most).max(1).try_into().unwrap();
            match kind {
                0 => Defined::Rate { quota, period: length, burst },
                1 => Defined::Fixed { quota, length },
                _ => Defined::Sliding { quota, length },
            }
        },
    )
}

/// What happens next, and when: eighths of a beat later (or earlier) by the one clock, with a few
/// nanoseconds to either side, and how far the other is set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) what: u8,
    pub(super) whose: u8,
    pub(super) gap: i64,
    pub(super) jog: i64,
    pub(super) set: i64,
    pub(super) cost: u32,
    pub(super) pick: usize,
}

pub(super) fn turns(least_gap: i64) -> impl Strategy<Value = Vec<Turn>> {
    let gap = prop_oneof![4 => 0..3_i64, 4 => 0..12_i64, 1 => least_gap..1, 1 => 0..200_i64];
    let set = prop_oneof![8 => Just(0), 1 => -1_000..1_000_i64];
    let cost = prop_oneof![4 => 1..4_u32, 1 => 1..40_u32, 1 => any::<u32>()];
    let turn = (any::<u8>(), any::<u8>(), gap, -2..=2_i64, set, cost, any::<usize>());
    prop::collection::vec(turn, 1..160).prop_map(|turns| {
        let turn = |(what, whose, gap, jog, set, cost, pick)| Turn {
            what,
            whose,
            gap,
            jog,
            set,
            cost,
            pick,
        };
        turns.into_iter().map(turn).collect()
    })
}

impl Turn {
    pub(super) fn pass(&self, at: &mut Clocks, beat: u64) {
        let beat = i64::try_from(beat).unwrap();
        let passed = (self.gap * (beat / 8)).saturating_add(self.jog * i64::from(self.gap != 0));
        let passed = if self.gap < 0 { passed } else { passed.max(0) };
        let moved = |time: u64, by: i64| time.saturating_add_signed(by).max(4 * YEAR);
        at.now = moved(at.now, passed);
        at.unix = moved(moved(at.unix, passed), self.set.saturating_mul(beat / 8));
    }
}

fn moment(at: Clocks) -> Moment {
    Moment { now: at.now, unix: at.unix }
}

/// A charge on both sides, to be changed later.
struct Charged {
    at: Clocks,
    ours: u64,
    theirs: u64,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Clocks go back here, both of them: a bucket says the same at the same time, whatever it was
    /// asked in between.
    #[test]
    fn each_decision_each_wait_and_what_is_left_are_the_models(
        defined in defined(), start in 4 * YEAR..8 * YEAR, apart in 0..40 * YEAR,
        turns in turns(-12),
    ) {
        let rule = defined.ruled().rule;
        let mut ours: Option<State> = None;
        let mut theirs = Bucket::new(defined);
        let mut charges: Vec<Charged> = Vec::new();
        let mut at = Clocks { now: start, unix: start + apart };
        let debt = defined.capacity().min(1_000_000_000);
        for turn in turns {
            turn.pass(&mut at, defined.beat());
            let live = ours.filter(|state| state.is_live(at.now));
            prop_assert_eq!(live.is_some(), theirs.is_live(at), "{:?} {:?}", turn, at);
            match (turn.what % 8, charges.len()) {
                (0, 1..) => {
                    let Charged { at, ours: charged, theirs: window } =
                        charges.remove(turn.pick % charges.len());
                    if let Some(state) = &mut ours {
                        *state = rule.refund(*state, moment(at), charged, turn.cost.into());
                    }
                    theirs = theirs.refunded(at, window, turn.cost);
                }
                (1, 1..) => {
                    let at = charges[turn.pick % charges.len()].at;
                    let more = turn.cost % debt.max(1);
                    let live = ours.filter(|state| state.is_live(at.now));
                    ours = Some(rule.charge(live, moment(at), more.into()));
                    theirs = theirs.charged(at, more);
                }
                _ => {
                    let cost = turn.cost.min(defined.capacity());
                    let (standing, state) = rule.weigh(live, moment(at), cost.into());
                    let said = theirs.ask(at, cost);
                    prop_assert_eq!(
                        (standing.admitted, standing.remaining, standing.wait),
                        (said.admitted, said.remaining, said.wait),
                        "{:?} {:?}", turn, at
                    );
                    if standing.admitted {
                        ours = Some(state);
                        theirs = theirs.charged(at, cost);
                        charges.push(Charged { at, ours: standing.charged, theirs: said.window });
                    }
                }
            }
        }
    }

    #[test]
    fn no_cost_and_no_state_makes_it_panic_and_costs_beyond_the_capacity_are_refused(
        defined in defined(), until: u64, held: u64, now: u64, unix: u64, cost: u64,
    ) {
        let rule = defined.ruled().rule;
        let at = Moment { now, unix };
        for state in [None, Some(State { until, held })] {
            let live = state.filter(|state| state.is_live(now));
            for cost in [0, 1, cost, u64::MAX] {
                let (standing, after) = rule.weigh(live, at, cost);
                prop_assert!(cost <= u64::from(defined.capacity()) || !standing.admitted);
                rule.charge(live, at, cost);
                rule.refund(after, at, standing.charged, cost);
                rule.refund(after, at, until, cost);
            }
        }
    }

    /// governor counts in whole nanoseconds, so it is asked where they divide the period.
    #[test]
    fn governor_decides_the_same_wherever_whole_nanoseconds_suffice(
        every in 1..5_000_000_000_u64, quota in 1..1_000_u32, burst in 1..100_u32,
        turns in turns(0),
    ) {
        use governor::{Quota, RateLimiter, clock::FakeRelativeClock};
        use std::num::NonZeroU32;

        let period = (every * u64::from(quota)).max(1_000_000);
        let every = period / u64::from(quota);
        prop_assume!(every * u64::from(quota) == period);
        let rule = Defined::Rate { quota, period, burst }.ruled().rule;
        let clock = FakeRelativeClock::default();
        let allowed = Quota::with_period(Duration::from_nanos(every)).unwrap();
        let allowed = allowed.allow_burst(NonZeroU32::new(burst).unwrap());
        let governor = RateLimiter::direct_with_clock(allowed, clock.clone());
        let (mut now, mut state) = (0_u64, None);
        for turn in turns {
            let passed = u64::try_from(turn.gap).unwrap() * every / 8;
            clock.advance(Duration::from_nanos(passed));
            now += passed;
            let cost = NonZeroU32::new(turn.cost.min(burst)).unwrap();
            let at = Moment { now, unix: 0 };
            let live = state.filter(|state: &State| state.is_live(now));
            let (standing, after) = rule.weigh(live, at, u32::from(cost).into());
            prop_assert_eq!(standing.admitted, governor.check_n(cost).unwrap().is_ok());
            if standing.admitted {
                state = Some(after);
            }
        }
    }
}
