use std::time::Duration;

use crate::clock::nanos;
use crate::error::Mistakes;

use super::super::rule::Rule;

/// A key that asks for less than this in a tick borrows nothing.
const HOT: u64 = 4;

/// Ticks of a hold: a batch is what a key asks for in one.
const TICKS: u64 = 4;

/// A hot key that was refused is asked about again after so long, where the store itself would have
/// an answer earlier.
const PAUSE: u64 = 100_000_000;

/// More than that could not be given back in time.
const LONGEST_HOLD: Duration = Duration::from_secs(60);
const LONGEST_DENIAL: Duration = Duration::from_secs(3_600);
const MOST_BATCH: u32 = 1_000_000;
const MOST_KEYS: usize = 1 << 20;

/// What is kept near of a store that others share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::throttle) struct Settings {
    pub(in crate::throttle) max_batch: Option<u32>,
    pub(in crate::throttle) hold: Duration,
    pub(in crate::throttle) longest_denial: Option<Duration>,
    pub(in crate::throttle) keys: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_batch: None,
            hold: Duration::from_secs(1),
            longest_denial: Some(Duration::from_secs(1)),
            keys: 4_096,
        }
    }
}

impl Settings {
    pub(in crate::throttle) fn check(&self, mistakes: &mut Mistakes) {
        match self.max_batch {
            Some(0) => {
                let remedy = "leave it out, and nothing is leased, or write at least 1";
                mistakes.push("leases", "0", "leases nothing", remedy);
            }
            Some(batch) if batch > MOST_BATCH => {
                let remedy = format!("write at most {MOST_BATCH}");
                mistakes.push("leases", batch.to_string(), "is out of range", remedy);
            }
            _ => {}
        }
        if !(Duration::from_millis(10)..=LONGEST_HOLD).contains(&self.hold) {
            let remedy = "write 10 ms to 60 s";
            mistakes.push("lease_hold", format!("{:?}", self.hold), "is out of range", remedy);
        }
        if let Some(longest) = self.longest_denial
            && !(Duration::from_millis(1)..=LONGEST_DENIAL).contains(&longest)
        {
            let remedy = "write 1 ms to 1 h, or `without_deny_cache()`";
            mistakes.push("deny_cache", format!("{longest:?}"), "is out of range", remedy);
        }
        if !(1..=MOST_KEYS).contains(&self.keys) {
            let remedy = format!("write 1 to {MOST_KEYS}");
            mistakes.push("hot_keys", self.keys.to_string(), "is out of range", remedy);
        }
    }

    /// Whether there is anything to keep.
    pub(in crate::throttle) fn is_idle(&self) -> bool {
        self.max_batch.is_none() && self.longest_denial.is_none()
    }

    /// For the manifest.
    pub(in crate::throttle) fn summary(&self) -> String {
        let mut text = String::new();
        if let Some(batch) = self.max_batch {
            text += &format!(", leases of up to {batch} (as much beyond a rate for each process)");
        }
        if let Some(longest) = self.longest_denial {
            text += &format!(", refusals kept for up to {longest:?}");
        }
        text
    }

    pub(super) fn plan(self) -> Plan {
        Plan {
            max_batch: self.max_batch.unwrap_or(0).into(),
            hold: nanos(self.hold),
            longest_denial: self.longest_denial.map_or(0, nanos),
        }
    }
}

/// The settings as they are worked with, times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Zero where nothing is leased.
    pub(super) max_batch: u64,
    pub(super) hold: u64,
    /// Zero where nothing is denied.
    pub(super) longest_denial: u64,
}

impl Plan {
    pub(super) fn tick(&self) -> u64 {
        self.hold / TICKS
    }

    /// What a key that asks for so much in a tick would borrow; zero where it borrows nothing.
    pub(super) fn batch(&self, demand: u64, capacity: u64) -> u64 {
        if demand < HOT {
            return 0;
        }
        demand.min(self.most_held(capacity))
    }

    /// What a key may hold at most: more than a quarter would let what comes back meanwhile run over.
    pub(super) fn most_held(&self, capacity: u64) -> u64 {
        self.max_batch.min(capacity / 4)
    }

    /// How long a hot key that was refused is left alone, so that enough comes back to be worth a
    /// call. What comes back meanwhile is not lost: it is a quarter of the bucket at most.
    pub(super) fn pause<'a>(&self, batch: u64, rules: impl Iterator<Item = &'a Rule>) -> u64 {
        rules.map(|rule| rule.time(batch)).max().unwrap_or(0).min(PAUSE)
    }
}
