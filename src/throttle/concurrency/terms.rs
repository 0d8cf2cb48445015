//! What a cap was built with.

use std::time::Duration;

use crate::context::Priority;

/// Where a queue has not been empty for as long as one may wait, newcomers wait for a twentieth of
/// that: it stands, and would only make everybody late. Facebook's queues use 5 ms beside 100.
const BRIEF: u32 = 20;

const SHORTEST: Duration = Duration::from_millis(1);

/// Who may wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    pub(super) length: usize,
    pub(super) wait: Duration,
}

impl Waits {
    /// Whether a queue is no burst any more, but a load that is too high.
    pub(super) fn is_standing(&self, stood: Duration) -> bool {
        stood >= self.wait
    }

    /// How long a newcomer may wait.
    pub(super) fn patience(&self, is_standing: bool) -> Duration {
        let brief = (self.wait / BRIEF).max(SHORTEST).min(self.wait);
        if is_standing { brief } else { self.wait }
    }
}

/// What all pools of a cap have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) limit: u32,
    /// The percentage of the limit that each class may use.
    pub(super) shares: [u8; Priority::COUNT],
    pub(super) waits: Option<Waits>,
}

/// Why a request was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shed {
    /// There is no room, and nobody may wait.
    Full,
    /// As many wait as may.
    QueueFull,
    /// The queue stands, and the class is the lowest.
    Standing,
    /// It waited as long as it may.
    TooLate,
    /// A higher class, or a caller with fewer waiting, took its place.
    Displaced,
}

impl Shed {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::QueueFull => "queue-full",
            Self::Standing => "queue-standing",
            Self::TooLate => "waited-too-long",
            Self::Displaced => "displaced",
        }
    }
}
