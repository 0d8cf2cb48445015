//! The usual case in short, and what was done.

use super::super::super::order::{Mode, Order};
use super::super::super::rule::Standing;
use super::super::Counted;
#[cfg(test)]
use super::Bucket;
use super::{Table, tag_of};

impl Table {
    /// One limit, which admits, and a key that has its bucket.
    pub(super) fn charge_known(&mut self, order: &Order<'_>) -> Option<Standing> {
        let ([limit], Mode::Spend) = (order.limits.each(), order.mode) else { return None };
        let at = self.find(tag_of(order.tag, 0))?;
        let bucket = self.places.get_mut(at)?;
        let held = Some(bucket.state).filter(|state| state.is_live(order.at.now));
        let (standing, state) = limit.rule.weigh(held, order.at, order.cost);
        if !standing.admitted {
            return None;
        }
        if state.is_live(order.at.now) {
            bucket.state = state;
            self.ripens(state.until);
        }
        self.admitted += 1;
        self.saw(order.at);
        Some(standing)
    }

    /// What it has done so far, added to what others have.
    pub(in super::super) fn count(&self, counted: &mut Counted) {
        counted.admitted += self.admitted;
        counted.overflowed += self.overflow.as_ref().map_or(0, |overflow| overflow.admitted);
        counted.buckets += self.taken;
    }

    /// How many buckets there are.
    #[cfg(test)]
    pub(in super::super) fn taken(&self) -> usize {
        self.taken
    }

    /// Bytes the places take.
    #[cfg(test)]
    pub(in super::super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Bucket>()
    }
}
