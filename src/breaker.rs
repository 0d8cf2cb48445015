//! Stops asking a service that does not answer, for a while.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many failures in a row mean that there is no use in asking.
const FAILURES: u32 = 5;

/// A failure so long ago says nothing of now.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// How long nobody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pauses {
    /// It doubles with each probe that fails.
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
    /// Each may be up to half as long, so that processes which lost the same service at the same
    /// moment do not come back together.
    pub(crate) are_spread: bool,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(30), are_spread: false }
    }
}

/// Lets calls through until too many failed in a row, and then one probe after each pause.
///
/// Times are monotonic.
#[derive(Debug, Default, Clone)]
pub(crate) struct Breaker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lengths: Pauses,
    /// In a row, up to the last one at `failed`.
    failures: u32,
    failed: Duration,
    /// How many pauses in a row there were; none while it is closed.
    pauses: u32,
    /// The end of this pause.
    until: Duration,
    /// A probe is on its way.
    probing: bool,
}

/// Nobody asks for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) retry_after: Duration,
}

/// Leave to ask once. Dropped without a verdict, a call that was given up on, it says nothing.
#[derive(Debug)]
#[must_use = "what became of the call has to be told"]
pub(crate) struct Pass {
    breaker: Breaker,
    is_probe: bool,
}

impl Breaker {
    #[cfg(feature = "redis")]
    pub(crate) fn new(lengths: Pauses) -> Self {
        Self(Arc::new(Mutex::new(State { lengths, ..State::default() })))
    }

    /// Whether to ask now.
    pub(crate) fn admit(&self, now: Duration) -> Result<Pass, Open> {
        let mut state = self.state();
        let is_probe = state.pauses > 0;
        if is_probe {
            state.refuses(now)?;
            state.probing = true;
        }
        drop(state);
        Ok(Pass { breaker: self.clone(), is_probe })
    }

    /// Whether [`admit`](Self::admit) would refuse.
    pub(crate) fn check(&self, now: Duration) -> Result<(), Open> {
        let state = self.state();
        if state.pauses > 0 { state.refuses(now) } else { Ok(()) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuses(&self, now: Duration) -> Result<(), Open> {
        if now < self.until {
            return Err(Open { retry_after: self.until.saturating_sub(now) });
        }
        if self.probing { Err(Open { retry_after: self.lengths.first }) } else { Ok(()) }
    }

    fn pause(&mut self, now: Duration) {
        let Pauses { first, longest, are_spread } = self.lengths;
        let doubled = first.saturating_mul(1 << self.pauses.min(16)).min(longest);
        let less = if are_spread { doubled.mul_f64(random() / 2.0) } else { Duration::ZERO };
        self.pauses = self.pauses.saturating_add(1);
        self.until = now.saturating_add(doubled.saturating_sub(less));
    }
}

impl Pass {
    /// It answered.
    pub(crate) fn succeeded(self) {
        let mut state = self.breaker.state();
        *state = State { lengths: state.lengths, ..State::default() };
    }

    /// It did not.
    pub(crate) fn failed(self, now: Duration) {
        let mut state = self.breaker.state();
        if now.saturating_sub(state.failed) > FORGOTTEN {
            state.failures = 0;
        }
        state.failures = state.failures.saturating_add(1);
        state.failed = now;
        // A call from before the pause tells what is known.
        if self.is_probe || (state.pauses == 0 && state.failures >= FAILURES) {
            state.pause(now);
        }
    }
}

/// From 0 up to 1.
fn random() -> f64 {
    // A seed of the operating system's own; its 32 bits are exact as a float.
    let bits = RandomState::new().hash_one(0_u8) >> 32;
    f64::from(bits as u32) / f64::from(u32::MAX)
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state().probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened(at: Duration) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.admit(at).unwrap().failed(at);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES - 1 {
            breaker.admit(s(0)).unwrap().failed(s(0));
        }
        breaker.admit(s(0)).unwrap().succeeded();
        for _ in 0..FAILURES - 1 {
            breaker.admit(s(0)).unwrap().failed(s(0));
        }
        assert_eq!(breaker.check(s(0)), Ok(()));
        breaker.admit(s(0)).unwrap().failed(s(0));
        assert_eq!(breaker.check(s(0)), Err(Open { retry_after: s(1) }));
    }

    #[test]
    fn failures_that_are_long_ago_are_forgotten() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES - 1 {
            breaker.admit(s(0)).unwrap().failed(s(0));
        }
        breaker.admit(s(61)).unwrap().failed(s(61));
        assert_eq!(breaker.check(s(61)), Ok(()));
    }

    #[test]
    fn one_probe_at_a_time_goes_through_after_a_pause() {
        let breaker = opened(s(10));
        assert!(breaker.admit(s(10)).is_err());
        let probe = breaker.admit(s(11)).unwrap();
        assert!(breaker.admit(s(11)).is_err());
        drop(probe);
        breaker.admit(s(11)).unwrap().succeeded();
        let both = (breaker.admit(s(11)), breaker.admit(s(11)));
        assert!(both.0.is_ok() && both.1.is_ok());
    }

    #[test]
    fn each_probe_that_fails_doubles_the_pause_up_to_half_a_minute() {
        let breaker = opened(s(0));
        let mut now = s(0);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let Err(Open { retry_after }) = breaker.check(now) else { panic!("it is closed") };
            pauses.push(retry_after.as_secs());
            now += retry_after;
            breaker.admit(now).unwrap().failed(now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    }

    proptest! {
        #[test]
        fn however_calls_end_there_is_one_probe_at_a_time_and_none_in_a_pause(
            steps in prop::collection::vec((0_u8..4, 0_u64..3), 1..200),
        ) {
            let breaker = Breaker::default();
            let (mut now, mut passes) = (s(0), Vec::new());
            for (step, seconds) in steps {
                now += s(seconds);
                let is_open = breaker.state().pauses > 0;
                let is_pause = is_open && now < breaker.state().until;
                match step {
                    0 => {
                        let admitted = breaker.admit(now);
                        prop_assert_eq!(admitted.is_err(), is_pause || breaker_is_probed(&passes, is_open));
                        passes.extend(admitted);
                    }
                    1 => passes.pop().into_iter().for_each(Pass::succeeded),
                    2 => passes.pop().into_iter().for_each(|pass| pass.failed(now)),
                    _ => drop(passes.pop()),
                }
                prop_assert!(passes.iter().filter(|pass| pass.is_probe).count() <= 1);
                prop_assert!(breaker.state().until <= now + Pauses::default().longest);
            }
            passes.clear();
            // It opens again for whoever comes late enough.
            prop_assert!(breaker.admit(now + Pauses::default().longest).is_ok());
        }
    }

    fn breaker_is_probed(passes: &[Pass], is_open: bool) -> bool {
        is_open && passes.iter().any(|pass| pass.is_probe)
    }

    #[test]
    #[cfg(feature = "redis")]
    fn pauses_that_are_spread_differ_and_are_at_least_half_as_long() {
        let lengths = Pauses { first: s(1), longest: s(4), are_spread: true };
        let pause = |_| {
            let breaker = Breaker::new(lengths);
            for _ in 0..FAILURES {
                breaker.admit(s(0)).unwrap().failed(s(0));
            }
            breaker.check(s(0)).unwrap_err().retry_after
        };
        let pauses: Vec<_> = (0..100).map(pause).collect();
        assert!(pauses.iter().all(|pause| (s(1) / 2..=s(1)).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
    }

    #[test]
    fn calls_from_before_the_pause_do_not_prolong_it() {
        let breaker = Breaker::default();
        let late: Vec<_> = (0..20).map(|_| breaker.admit(s(0)).unwrap()).collect();
        late.into_iter().for_each(|pass| pass.failed(s(0)));
        assert_eq!(breaker.check(s(0)), Err(Open { retry_after: s(1) }));
    }
}
