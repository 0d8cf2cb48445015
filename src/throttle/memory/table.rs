//! One shard: an open-addressing table of buckets with a hard cap.

use super::super::limits::Limits;
use super::super::order::{Mode, Order};
use super::super::rule::{Moment, Standing, State, left};
use super::super::verdict::{MOST, Verdict};

mod overflow;
mod settle;
mod short;

use overflow::Overflow;

/// One bucket: the keyed hash it belongs to, and what it holds.
///
/// A bucket that is whole again says nothing an absent one would not say, so it is free to be
/// reused at any time.
#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    tag: u64,
    state: State,
}

/// The tag of a place no key has taken.
const VACANT: u64 = 0;

/// Places of a table that has seen its first key.
const FIRST_PLACES: usize = 8;

/// The buckets of one shard.
#[derive(Debug)]
pub(super) struct Table {
    places: Vec<Bucket>,
    taken: usize,
    cap: usize,
    hand: usize,
    /// No bucket is whole again before this nanosecond; unknown until a round found none.
    ripe_at: Option<u64>,
    overflow: Option<Box<Overflow>>,
    /// When it was asked last.
    latest: Option<Moment>,
    /// Requests charged.
    admitted: u64,
}

/// Where the buckets of one key stand.
type Places = [Option<usize>; MOST];

/// The tag of a limit's bucket: it differs in the half that does not choose the shard.
fn tag_of(key: u64, limit: usize) -> u64 {
    let tag = key ^ ((limit as u64).wrapping_mul(0x9E37_79B9) << 32);
    tag.max(1)
}

/// The tag of the bucket that keys without room share.
fn shared_tag(limits: &Limits, limit: usize) -> u64 {
    limits.id() << 8 | limit as u64
}

impl Table {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            places: Vec::new(),
            taken: 0,
            cap,
            hand: 0,
            ripe_at: None,
            overflow: None,
            latest: None,
            admitted: 0,
        }
    }

    pub(super) fn charge(&mut self, order: &Order<'_>) -> Verdict {
        match self.charge_known(order) {
            Some(standing) => Verdict::of(standing),
            None => self.charge_any(order),
        }
    }

    fn charge_any(&mut self, order: &Order<'_>) -> Verdict {
        let now = order.at.now;
        if order.mode != Mode::Peek {
            self.saw(order.at);
        }
        let (places, has_room) = match order.mode {
            Mode::Spend => self.room_for(order.tag, order.limits, now),
            Mode::Look => {
                let (places, missing) = self.find_all(order.tag, order.limits);
                (places, missing == 0 || self.seems_to_have_room(missing, now))
            }
            Mode::Peek => {
                let (places, missing) = self.find_all(order.tag, order.limits);
                (places, missing == 0 || self.would_have_room(&places, missing, now))
            }
        };
        let mut verdict = Verdict::default();
        let mut after = [State::default(); MOST];
        for (i, (limit, after)) in order.limits.each().iter().zip(&mut after).enumerate() {
            let place = places.get(i).copied().flatten();
            let (state, shared) = self.state(place, has_room, shared_tag(order.limits, i), now);
            let (standing, state) = limit.rule.weigh(state, order.at, order.cost);
            verdict.push(Standing { shared, ..standing });
            *after = state;
        }
        if !verdict.admitted() {
            self.uncharge(&mut verdict, order, &places, has_room);
        } else if order.mode == Mode::Spend {
            self.admitted += 1;
            let count = order.limits.each().len();
            for (i, state) in after.into_iter().take(count).enumerate() {
                let place = places.get(i).copied().flatten();
                let tag = tag_of(order.tag, i);
                self.keep(place, has_room, tag, shared_tag(order.limits, i), state, now);
            }
            if let (false, Some(overflow)) = (has_room, &mut self.overflow) {
                overflow.admitted += 1;
            }
        }
        verdict
    }

    /// Nothing is charged to limits that would have admitted what another one refuses: what they say
    /// is left has to be what is left.
    #[cold]
    fn uncharge(&self, verdict: &mut Verdict, order: &Order<'_>, places: &Places, has_room: bool) {
        let limits = order.limits.each().iter().zip(verdict.standings_mut());
        for (i, (limit, standing)) in limits.enumerate().filter(|(_, (_, s))| s.admitted) {
            let place = places.get(i).copied().flatten();
            let shared = shared_tag(order.limits, i);
            let (state, shared) = self.state(place, has_room, shared, order.at.now);
            let (left, _) = limit.rule.weigh(state, order.at, 0);
            *standing = Standing { shared, ..left };
        }
    }

    fn saw(&mut self, at: Moment) {
        if self.latest.is_none_or(|last| left(last.now, at.now).is_none()) {
            self.latest = Some(at);
        }
    }

    /// What a bucket holds, or the one that takes its part: that of all who find no room.
    fn state(
        &self,
        place: Option<usize>,
        has_room: bool,
        shared: u64,
        now: u64,
    ) -> (Option<State>, bool) {
        let live = |bucket: &Bucket| Some(bucket.state).filter(|state| state.is_live(now));
        let own = place.and_then(|at| self.places.get(at)).and_then(live);
        if own.is_some() || has_room {
            return (own, false);
        }
        let all = self.overflow.as_ref().and_then(|overflow| overflow.find(shared));
        (all.and_then(live), true)
    }

    fn keep(
        &mut self,
        place: Option<usize>,
        has_room: bool,
        tag: u64,
        shared: u64,
        state: State,
        now: u64,
    ) {
        if !state.is_live(now) {
            return;
        }
        // Another bucket of this key may have taken the place of one that was whole again.
        let own = place.and_then(|at| self.places.get_mut(at)).filter(|own| own.tag == tag);
        if let Some(own) = own {
            own.state = state;
        } else if place.is_some() || has_room {
            self.insert(Bucket { tag, state }, now);
        } else {
            self.overflow.get_or_insert_default().keep(shared, state);
            return;
        }
        self.ripens(state.until);
    }

    fn ripens(&mut self, at: u64) {
        if self.ripe_at.is_some_and(|ripe| left(ripe, at).is_some()) {
            self.ripe_at = Some(at);
        }
    }

    /// The first place of a key in a table of the present size.
    fn home(&self, tag: u64) -> usize {
        // The low bits chose the shard; the high half spreads over any number of places.
        (((tag >> 32) * self.places.len() as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.places.len() { at + 1 } else { 0 }
    }

    fn find_all(&self, key: u64, limits: &Limits) -> (Places, usize) {
        let (mut places, mut missing) = (Places::default(), 0);
        for (i, place) in places.iter_mut().enumerate().take(limits.each().len()) {
            *place = self.find(tag_of(key, i));
            missing += usize::from(place.is_none());
        }
        (places, missing)
    }

    fn find(&self, tag: u64) -> Option<usize> {
        let mut at = self.home(tag);
        for _ in 0..self.places.len() {
            match self.places.get(at)?.tag {
                found if found == tag => return Some(at),
                VACANT => return None,
                _ => at = self.after(at),
            }
        }
        None
    }

    /// Puts a bucket into its chain: over one that is whole again, else behind the last.
    fn insert(&mut self, bucket: Bucket, now: u64) {
        let mut at = self.home(bucket.tag);
        for _ in 0..self.places.len() {
            let Some(place) = self.places.get_mut(at) else { return };
            if place.tag == VACANT {
                *place = bucket;
                self.taken += 1;
                return;
            }
            if !place.state.is_live(now) {
                *place = bucket;
                return;
            }
            at = self.after(at);
        }
    }

    /// Where the buckets of a key stand, and whether there is room for those that are missing.
    fn room_for(&mut self, tag: u64, limits: &Limits, now: u64) -> (Places, bool) {
        let (mut places, mut missing) = self.find_all(tag, limits);
        loop {
            let had = missing;
            if missing == 0 {
                return (places, true);
            }
            let has_room = self.make_room(missing, now);
            (places, missing) = self.find_all(tag, limits);
            // A bucket of this very key may have made room for another one.
            if !has_room || missing <= had {
                return (places, has_room);
            }
        }
    }

    /// Room for so many new buckets: under the cap, else freed by sweeps.
    fn make_room(&mut self, missing: usize, now: u64) -> bool {
        while self.taken + missing > self.cap {
            if !self.sweep(now) {
                return false;
            }
        }
        if (self.taken + missing) * 4 > self.places.len() * 3 {
            self.grow(now);
        }
        true
    }

    /// What [`make_room`](Self::make_room) would say, as far as that is known without a round.
    fn seems_to_have_room(&self, missing: usize, now: u64) -> bool {
        self.taken + missing <= self.cap || !self.is_unripe(now)
    }

    /// What [`room_for`](Self::room_for) would say.
    fn would_have_room(&self, own: &Places, missing: usize, now: u64) -> bool {
        let Some(over) = (self.taken + missing).checked_sub(self.cap) else { return true };
        let is_ripe = |(at, b): &(usize, &Bucket)| {
            b.tag != VACANT && !b.state.is_live(now) && !own.contains(&Some(*at))
        };
        over == 0
            || (!self.is_unripe(now)
                && self.places.iter().enumerate().filter(is_ripe).take(over).count() == over)
    }

    /// Doubles the table up to the size the cap asks for; a quarter of the places stays vacant, so
    /// that chains are short and always end.
    fn grow(&mut self, now: u64) {
        let last = self.cap + self.cap / 3 + 1;
        let places = (self.places.len() * 2).max(FIRST_PLACES).min(last);
        if places <= self.places.len() {
            return;
        }
        let old = std::mem::replace(&mut self.places, vec![Bucket::default(); places]);
        self.taken = 0;
        self.hand = 0;
        for bucket in old {
            if bucket.tag != VACANT && bucket.state.is_live(now) {
                self.insert(bucket, now);
            }
        }
    }

    fn is_unripe(&self, now: u64) -> bool {
        self.ripe_at.is_some_and(|ripe| left(ripe, now).is_some())
    }

    /// Frees one bucket that is whole again, walking on from where the last sweep stopped.
    ///
    /// A round that finds none learns when there will be one, and until then costs nothing.
    fn sweep(&mut self, now: u64) -> bool {
        if self.is_unripe(now) {
            return false;
        }
        let mut soonest = u64::MAX;
        let (before, after) = self.places.split_at_checked(self.hand).unwrap_or_default();
        let found = after.iter().chain(before).position(|bucket| {
            if bucket.tag == VACANT {
                return false;
            }
            match left(bucket.state.until, now) {
                Some(left) => soonest = soonest.min(left),
                None => return true,
            }
            false
        });
        let Some(steps) = found else {
            self.ripe_at = Some(now.wrapping_add(soonest));
            return false;
        };
        self.hand = (self.hand + steps) % self.places.len();
        self.remove(self.hand);
        true
    }

    /// Empties a place and closes the gap in the chain behind it.
    fn remove(&mut self, at: usize) {
        let len = self.places.len();
        let mut hole = at;
        let mut next = at;
        for _ in 1..len {
            next = self.after(next);
            let Some(&bucket) = self.places.get(next) else { break };
            if bucket.tag == VACANT {
                break;
            }
            let from_home = (next + len - self.home(bucket.tag)) % len;
            let from_hole = (next + len - hole) % len;
            if from_home >= from_hole {
                if let Some(place) = self.places.get_mut(hole) {
                    *place = bucket;
                }
                hole = next;
            }
        }
        if let Some(place) = self.places.get_mut(hole) {
            *place = Bucket::default();
            self.taken -= 1;
        }
    }
}
