//! Bans that get longer with each one, and are forgiven in time.

/// How long each ban in a row lasts, and how long it takes until one of them is forgiven. Nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    terms: Box<[u64]>,
    decay: u64,
}

/// Bans of the past: how many in a row, and when the last one ended or will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) level: u32,
    pub(super) until: u64,
}

impl Ladder {
    pub(super) fn new(terms: Box<[u64]>, decay: u64) -> Self {
        Self { terms, decay: decay.max(1) }
    }

    /// How many bans in a row still count.
    pub(super) fn level(&self, past: Past, now: u64) -> u32 {
        let forgiven = now.saturating_sub(past.until) / self.decay;
        past.level.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    /// The next ban: how many it makes in a row, and when it ends.
    pub(super) fn climb(&self, past: Past, now: u64) -> Past {
        let level = self.level(past, now);
        let at = usize::try_from(level).unwrap_or(usize::MAX);
        let term = self.terms.get(at).or(self.terms.last()).copied().unwrap_or_default();
        // Beyond the last rung nothing more need be remembered.
        let most = u32::try_from(self.terms.len()).unwrap_or(u32::MAX);
        Past { level: (level + 1).min(most), until: now.saturating_add(term) }
    }

    /// When nothing of the past counts any more.
    pub(super) fn forgotten_at(&self, past: Past) -> u64 {
        past.until.saturating_add(self.decay.saturating_mul(past.level.into()))
    }

    #[cfg(feature = "redis")]
    pub(super) fn terms(&self) -> &[u64] {
        &self.terms
    }

    #[cfg(feature = "redis")]
    pub(super) fn decay(&self) -> u64 {
        self.decay
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60;

    fn ladder() -> Ladder {
        Ladder::new([MINUTE, 5 * MINUTE, 30 * MINUTE].into(), 60 * MINUTE)
    }

    #[test]
    fn each_ban_in_a_row_is_longer_up_to_the_last_term() {
        let ladder = ladder();
        let mut past = Past::default();
        let mut terms = Vec::new();
        for _ in 0..5 {
            let now = past.until;
            past = ladder.climb(past, now);
            terms.push((past.until - now) / MINUTE);
        }
        assert_eq!(terms, [1, 5, 30, 30, 30]);
    }

    #[test]
    fn an_hour_without_a_ban_forgives_one() {
        let ladder = ladder();
        let past = Past { level: 3, until: 1_000 };
        assert_eq!(ladder.level(past, 0), 3);
        assert_eq!(ladder.level(past, 1_000 + 60 * MINUTE - 1), 3);
        assert_eq!(ladder.level(past, 1_000 + 60 * MINUTE), 2);
        assert_eq!(ladder.level(past, 1_000 + 3 * 60 * MINUTE), 0);
        assert_eq!(ladder.forgotten_at(past), 1_000 + 3 * 60 * MINUTE);
    }

    proptest! {
        #[test]
        fn whatever_came_before_every_ban_ends_in_time_and_is_forgotten_in_time(
            terms in prop::collection::vec(1..10_000_u64, 1..6),
            decay in 1..10_000_u64,
            waits in prop::collection::vec(0..20_000_u64, 1..60),
        ) {
            let ladder = Ladder::new(terms.clone().into(), decay);
            let (mut past, mut now, mut model) = (Past::default(), 0, 0_u64);
            let longest = *terms.last().unwrap();
            for wait in waits {
                now = past.until + wait;
                // The model: a count that goes down by one for each full `decay` since the last end.
                model = model.saturating_sub(wait / decay);
                prop_assert_eq!(u64::from(ladder.level(past, now)), model);
                past = ladder.climb(past, now);
                let rung = usize::try_from(model).unwrap();
                prop_assert_eq!(past.until - now, *terms.get(rung).unwrap_or(&longest));
                model = (model + 1).min(terms.len() as u64);
            }
            let end = ladder.forgotten_at(past);
            prop_assert_eq!(ladder.level(past, end), 0);
            prop_assert!(end <= now + terms.iter().max().unwrap() + decay * terms.len() as u64);
        }
    }
}
