//! The objects that one caller asked for, in the last one or two halves of the window.

use super::sketch::Sketch;

/// Two sketches, of which the older is dropped as a new half of the window begins: what they hold
/// together is never older than the window, and reaches back over half of it at least.
#[derive(Debug, Default)]
pub(super) struct Trail {
    half: u64,
    current: Sketch,
    before: Sketch,
    /// What they hold together.
    count: u64,
    /// The half in which it was last told.
    told: Option<u64>,
}

impl Trail {
    pub(super) fn new(half: u64) -> Self {
        Self { half, ..Self::default() }
    }

    /// Whether nothing of it matters any more.
    pub(super) fn is_over(&self, half: u64) -> bool {
        half > self.half.saturating_add(1)
    }

    /// Goes on to another half of the window. One that is over stays over: requests that began
    /// before it did may end after it.
    pub(super) fn roll(&mut self, half: u64) {
        if half <= self.half {
            return;
        }
        let current = std::mem::take(&mut self.current);
        self.before = if half == self.half + 1 { current } else { Sketch::default() };
        self.half = half;
        self.recount();
    }

    /// Adds an object.
    pub(super) fn add(&mut self, object: u64, exact: usize) {
        if self.current.insert(object, exact) {
            self.recount();
        }
    }

    /// Whether it is to be told, once in a window.
    pub(super) fn tell(&mut self) -> bool {
        let is_told = self.told.is_some_and(|told| self.half <= told.saturating_add(1));
        if !is_told {
            self.told = Some(self.half);
        }
        !is_told
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether the object was asked for within the window.
    pub(super) fn contains(&self, object: u64) -> bool {
        self.current.contains(object) || self.before.contains(object)
    }

    /// How many halves must begin before there are at most so many, if nothing is added.
    pub(super) fn halves_until(&self, most: u64) -> u64 {
        if self.count <= most {
            0
        } else if self.current.count_both(&Sketch::default()) <= most {
            1
        } else {
            2
        }
    }

    fn recount(&mut self) {
        self.count = self.current.count_both(&self.before);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.current.bytes() + self.before.bytes()
    }
}
