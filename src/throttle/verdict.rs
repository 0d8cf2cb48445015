use super::rule::Standing;

/// Limits of one throttle that are decided together, at most.
pub(super) const MOST: usize = 4;

/// What the limits of one throttle say about one request, in the order they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    standings: [Standing; MOST],
    count: usize,
}

impl Verdict {
    pub(super) fn push(&mut self, standing: Standing) {
        if let Some(place) = self.standings.get_mut(self.count) {
            *place = standing;
            self.count += 1;
        }
    }

    pub(super) fn standings(&self) -> &[Standing] {
        self.standings.get(..self.count).unwrap_or_default()
    }

    /// Whether every limit admits it; without limits nothing is.
    pub(super) fn admitted(&self) -> bool {
        self.count > 0 && self.standings().iter().all(|standing| standing.admitted)
    }

    /// Nanoseconds until all of them would.
    pub(super) fn wait(&self) -> u64 {
        self.standings().iter().map(|standing| standing.wait).max().unwrap_or(0)
    }
}
