use super::rule::Standing;

/// Limits of one throttle that are decided together, at most.
pub(super) const MOST: usize = 4;

/// Who decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// The store that counts.
    #[default]
    Counted,
    /// This process by its share, since the store that others share is lost.
    Share,
    /// Nobody: it is lost, and that lets everything through.
    Nobody,
}

/// What the limits of one throttle say about one request, in the order they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    standings: [Standing; MOST],
    count: usize,
    source: Source,
}

impl Verdict {
    /// What a single limit says.
    #[inline]
    pub(super) fn of(standing: Standing) -> Self {
        let rest = Standing::default();
        Self { standings: [standing, rest, rest, rest], count: 1, source: Source::Counted }
    }

    pub(super) fn push(&mut self, standing: Standing) {
        if let Some(place) = self.standings.get_mut(self.count) {
            *place = standing;
            self.count += 1;
        }
    }

    pub(super) fn standings(&self) -> &[Standing] {
        self.standings.get(..self.count).unwrap_or_default()
    }

    pub(super) fn standings_mut(&mut self) -> &mut [Standing] {
        self.standings.get_mut(..self.count).unwrap_or_default()
    }

    pub(super) fn from(self, source: Source) -> Self {
        Self { source, ..self }
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Whether every limit admits it; without limits nothing is, unless nobody counts.
    pub(super) fn admitted(&self) -> bool {
        let is_counted = self.count > 0 || self.source == Source::Nobody;
        is_counted && self.standings().iter().all(|standing| standing.admitted)
    }

    /// What may still be spent at once.
    pub(super) fn least(&self) -> u64 {
        self.standings().iter().map(|standing| standing.remaining).min().unwrap_or(0)
    }

    /// Nanoseconds until all of them would.
    pub(super) fn wait(&self) -> u64 {
        self.standings().iter().map(|standing| standing.wait).max().unwrap_or(0)
    }
}
