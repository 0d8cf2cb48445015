//! What is charged or given back whatever the limits say.

use super::super::super::limits::Limits;
use super::super::super::order::Receipt;
use super::super::super::rule::{Moment, Rule, State};
use super::{Table, shared_tag, tag_of};

impl Table {
    pub(in super::super) fn settle(&mut self, receipt: &Receipt, more: i64) {
        let cost = more.unsigned_abs();
        // As of now, as far as that is known: what a bucket held at the time of the request may be
        // forgotten since.
        let at = self.latest.unwrap_or(receipt.at);
        if more > 0 {
            return self.charge_always(receipt.tag, &receipt.limits, at, cost);
        }
        let limits = receipt.limits.each().iter().zip(receipt.verdict.standings());
        for (i, (limit, standing)) in limits.enumerate() {
            // What was charged to the bucket of all who found no room stays there.
            if standing.shared {
                continue;
            }
            let Some(place) = self.find(tag_of(receipt.tag, i)) else { continue };
            let Some(bucket) = self.places.get_mut(place) else { continue };
            let state = limit.rule.refund(bucket.state, at, standing.charged, cost);
            bucket.state = state;
            self.ripens(state.until);
        }
    }

    pub(in super::super) fn charge_late(&mut self, tag: u64, limits: &Limits, cost: u64) {
        if let Some(at) = self.latest {
            self.charge_always(tag, limits, at, cost);
        }
    }

    /// Charges each limit that admits it, whatever the others say.
    #[cfg(feature = "redis")]
    pub(in super::super) fn charge_each(
        &mut self,
        tag: u64,
        limits: &Limits,
        at: Moment,
        cost: u64,
    ) {
        self.change(tag, limits, at, |rule, state| rule.weigh(state, at, cost).1);
    }

    fn charge_always(&mut self, tag: u64, limits: &Limits, at: Moment, cost: u64) {
        self.change(tag, limits, at, |rule, state| rule.charge(state, at, cost));
    }

    fn change(
        &mut self,
        tag: u64,
        limits: &Limits,
        at: Moment,
        change: impl Fn(&Rule, Option<State>) -> State,
    ) {
        let (places, has_room) = self.room_for(tag, limits, at.now);
        for (i, limit) in limits.each().iter().enumerate() {
            let place = places.get(i).copied().flatten();
            let shared = shared_tag(limits, i);
            let (state, _) = self.state(place, has_room, shared, at.now);
            let state = change(&limit.rule, state);
            self.keep(place, has_room, tag_of(tag, i), shared, state, at.now);
        }
    }
}
