use crate::context::Priority;

/// Where a cap stands at a moment, and what it has done since it was built; see
/// [`Concurrency::stats`](super::Concurrency::stats).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub(super) in_flight: u32,
    pub(super) keys: Option<usize>,
    pub(super) waiting: usize,
    pub(super) limit: Option<u32>,
    pub(super) waited: u64,
    pub(super) shed: [u64; Priority::COUNT],
}

impl Stats {
    /// How many requests are in flight under it, all keys together.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many keys have something in flight; `None` where there is one cap for all.
    pub fn keys(&self) -> Option<usize> {
        self.keys
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The limit as it stands, where it is adaptive.
    pub fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// How many had to wait so far, whatever became of them.
    pub fn waited(&self) -> u64 {
        self.waited
    }

    /// How many of a class were refused so far.
    pub fn shed(&self, class: Priority) -> u64 {
        self.shed.get(class.rank()).copied().unwrap_or(0)
    }
}
