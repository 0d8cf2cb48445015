use super::super::rule::left;

/// What a key asks for: counted by ticks, of which the last one and the present one are known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    since: u64,
    before: u32,
    present: u32,
}

impl Demand {
    pub(super) fn note(&mut self, now: u64, cost: u64, tick: u64) {
        self.turn(now, tick);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.present = self.present.saturating_add(cost);
    }

    fn turn(&mut self, now: u64, tick: u64) {
        match left(now, self.since) {
            Some(passed) if passed >= tick.saturating_mul(2) => {
                *self = Self { since: now, before: 0, present: 0 };
            }
            Some(passed) if passed >= tick => {
                *self =
                    Self { since: self.since.wrapping_add(tick), before: self.present, present: 0 };
            }
            _ => {}
        }
    }

    /// What it asked for in a tick: the larger of the two that are known.
    pub(super) fn estimate(&self) -> u64 {
        self.before.max(self.present).into()
    }

    /// The same at a later time, without anything noted.
    pub(super) fn at(mut self, now: u64, tick: u64) -> u64 {
        self.turn(now, tick);
        self.estimate()
    }

    pub(super) fn began(now: u64) -> Self {
        Self { since: now, before: 0, present: 0 }
    }
}
