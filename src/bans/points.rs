//! Who has how many points within the window: suspicion, which may be forgotten.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::shards::Shards;

/// Rows whose hash falls together; they share a lock.
const WAYS: usize = 8;

/// Parts of a window. Points of a part that is not whole within the window any more do not count: what
/// is spread over more than the window never adds up, what falls within seven eighths of it always does.
pub(super) const PARTS: usize = 8;

/// One suspect: a tag, the latest part it got points in, and those of each part.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    tag: u64,
    part: u64,
    points: [u16; PARTS],
}

impl Row {
    /// Moves on to a part, and forgets what has left the window.
    fn reach(&mut self, part: u64) {
        let passed = part.saturating_sub(self.part);
        if passed == 0 {
            return;
        }
        let kept = usize::try_from(passed).map_or(0, |passed| PARTS.saturating_sub(passed));
        let mut points = [0; PARTS];
        // The latest part stands first.
        for (to, from) in points.iter_mut().skip(PARTS - kept).zip(self.points) {
            *to = from;
        }
        self.points = points;
        self.part = part;
    }

    fn sum(&self) -> u32 {
        self.points.iter().map(|points| u32::from(*points)).sum()
    }

    /// What it would be worth as of a part, for whom to forget first.
    fn worth(&self, part: u64) -> u32 {
        let passed = usize::try_from(part.saturating_sub(self.part)).unwrap_or(PARTS);
        let kept = PARTS.saturating_sub(passed);
        self.points.iter().take(kept).map(|points| u32::from(*points)).sum()
    }
}

/// Points over sets of suspects. All of its memory is taken at the start.
#[derive(Debug)]
pub(super) struct Points {
    sets: Shards<[Row; WAYS]>,
    /// How long a part is, in nanoseconds.
    part: u64,
    threshold: u32,
    forgotten: AtomicU64,
}

impl Points {
    pub(super) fn new(suspects: usize, window: u64, threshold: u32) -> Self {
        Self {
            sets: Shards::new(suspects.div_ceil(WAYS)),
            part: (window / PARTS as u64).max(1),
            threshold: threshold.max(1),
            forgotten: AtomicU64::new(0),
        }
    }

    /// Adds points; whether they reach the threshold, which starts the count anew.
    pub(super) fn add(&self, tag: u64, points: u16, now: u64) -> bool {
        let tag = tag.max(1);
        let part = now / self.part;
        let Some(mut set) = self.sets.lock(tag) else { return false };
        let own = set.iter().position(|row| row.tag == tag);
        let row = match own {
            Some(at) => set.get_mut(at),
            None => set.iter_mut().min_by_key(|row| (row.tag != 0, row.worth(part), row.part)),
        };
        let Some(row) = row else { return false };
        if row.tag != tag {
            if row.tag != 0 && row.worth(part) > 0 {
                self.forgotten.fetch_add(1, Ordering::Relaxed);
            }
            *row = Row { tag, part, points: [0; PARTS] };
        }
        row.reach(part);
        if let Some(latest) = row.points.first_mut() {
            *latest = latest.saturating_add(points);
        }
        let is_enough = row.sum() >= self.threshold;
        if is_enough {
            *row = Row::default();
        }
        is_enough
    }

    /// Forgets one suspect.
    pub(super) fn clear(&self, tag: u64) {
        let tag = tag.max(1);
        let Some(mut set) = self.sets.lock(tag) else { return };
        if let Some(row) = set.iter_mut().find(|row| row.tag == tag) {
            *row = Row::default();
        }
    }

    /// How many suspects were forgotten before their window was over, to make room.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.sets.bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: u64 = 800;
    /// Any tag: what is hashed spreads over the high half.
    const ALICE: u64 = 7 << 32 | 1;

    fn points(threshold: u32) -> Points {
        Points::new(64, WINDOW, threshold)
    }

    #[test]
    fn the_last_point_within_the_window_is_the_one_too_many() {
        let points = points(3);
        assert!(!points.add(ALICE, 1, 0));
        assert!(!points.add(ALICE, 1, 100));
        assert!(points.add(ALICE, 1, 700));
        assert!(!points.add(ALICE, 1, 700), "the count begins anew");
    }

    #[test]
    fn points_spread_over_more_than_the_window_never_add_up() {
        let points = points(2);
        for turn in 0..100 {
            assert!(!points.add(ALICE, 1, turn * WINDOW));
        }
    }

    #[test]
    fn one_with_few_points_is_forgotten_before_one_with_many() {
        let points = Points::new(WAYS, WINDOW, 10);
        for _ in 0..9 {
            assert!(!points.add(ALICE, 1, 0));
        }
        for other in 0..10_000_u64 {
            assert!(!points.add(other << 32 | 2, 1, 0));
        }
        assert!(points.add(ALICE, 1, 0));
        assert!(points.forgotten() > 9_000);
    }

    #[test]
    fn a_flood_of_suspects_takes_no_more_memory_than_one() {
        let points = Points::new(32_768, WINDOW, 10);
        let before = points.bytes();
        for tag in 0..300_000_u64 {
            points.add(tag.wrapping_mul(0x9E37_79B9_7F4A_7C15), 1, tag);
        }
        assert_eq!(points.bytes(), before);
        assert!(before <= 32_768 * 34, "{before}");
        println!("300 000 suspects: {} KiB, as before", before / 1024);
    }

    proptest! {
        #[test]
        fn there_were_enough_points_within_the_window_whenever_there_are_said_to_be(
            threshold in 1..20_u32,
            steps in prop::collection::vec((0..300_u64, 1..5_u16), 1..200),
        ) {
            let points = points(threshold);
            let mut now = 0;
            let mut since: Vec<(u64, u32)> = Vec::new();
            for (step, more) in steps {
                now += step;
                let is_enough = points.add(ALICE, more, now);
                since.push((now, more.into()));
                let within = |window: u64| -> u32 {
                    since.iter().filter(|(at, _)| *at + window > now).map(|(_, more)| more).sum()
                };
                if is_enough {
                    prop_assert!(within(WINDOW) >= threshold);
                    since.clear();
                } else {
                    prop_assert!(within(WINDOW / 8 * 7) < threshold);
                }
            }
        }
    }
}
