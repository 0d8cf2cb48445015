//! One shard: an open-addressing table of buckets with a hard cap.

/// One bucket: the keyed hash it belongs to, and the tick at which it is whole again.
///
/// A bucket that is whole again says nothing an absent one would not say, so it is free to be
/// reused at any time.
#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    tag: u64,
    whole_at: u64,
}

/// The tag of a place no key has taken.
const VACANT: u64 = 0;

/// Places of a table that has seen its first key.
const FIRST_PLACES: usize = 8;

/// Ticks from `now` until `at`, nothing when it has passed.
///
/// Ticks wrap, so that the origin of the clock does not matter.
fn left(at: u64, now: u64) -> Option<u64> {
    let left = at.wrapping_sub(now);
    (left.cast_signed() > 0).then_some(left)
}

/// When a bucket is asked, and whether the answer is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// At this tick; what is decided is kept.
    Spend(u64),
    /// At this tick; nothing is kept but that somebody looked.
    Look(u64),
    /// At this tick; nothing is kept, and the answer is what spending would get.
    Peek(u64),
    /// At the tick of the latest look; what is decided is kept.
    Charge,
}

/// The buckets of one shard.
#[derive(Debug)]
pub(super) struct Table {
    places: Vec<Bucket>,
    taken: usize,
    cap: usize,
    hand: usize,
    /// No bucket is whole again before this tick; unknown until a round found none.
    ripe_at: Option<u64>,
    /// The bucket shared by keys that found no room.
    overflow: Option<u64>,
    looked_at: Option<u64>,
}

/// Where a key stands, or could stand.
enum Place {
    Own(usize),
    Reusable(usize),
    Vacant(usize),
    Nowhere,
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
            looked_at: None,
        }
    }

    /// Shows the ticks `tag` still owes to `decide`, and keeps what it answers as `moment` says.
    ///
    /// Returns the answer, with the ticks owed afterwards.
    pub(super) fn measure<T, E>(
        &mut self,
        tag: u64,
        moment: Moment,
        decide: impl Fn(Option<u64>) -> Result<(T, u64), E>,
    ) -> (Result<T, E>, u64) {
        let tag = tag.max(1);
        let now = match moment {
            Moment::Spend(now) => now,
            Moment::Look(now) => return self.look(tag, now, decide),
            Moment::Peek(now) => return answer(self.owed(tag, now), decide),
            Moment::Charge => match self.looked_at {
                Some(now) => now,
                None => return answer(None, decide),
            },
        };
        match self.place(tag, now) {
            Place::Own(at) => match self.places.get_mut(at) {
                Some(bucket) => spend(&mut bucket.whole_at, now, decide),
                None => answer(None, decide),
            },
            place => match self.room(place, tag, now) {
                Some(at) => self.settle(at, tag, now, decide),
                None => {
                    let shared = self.overflow.get_or_insert(now);
                    spend(shared, now, decide)
                }
            },
        }
    }

    fn look<T, E>(
        &mut self,
        tag: u64,
        now: u64,
        decide: impl Fn(Option<u64>) -> Result<(T, u64), E>,
    ) -> (Result<T, E>, u64) {
        if self.looked_at.is_none_or(|last| left(now, last).is_some()) {
            self.looked_at = Some(now);
        }
        let owed = match self.place(tag, now) {
            Place::Own(at) => self.places.get(at).map(|bucket| bucket.whole_at),
            Place::Reusable(_) => None,
            _ if self.taken < self.cap || !self.is_unripe(now) => None,
            _ => self.overflow,
        };
        answer(owed.and_then(|at| left(at, now)), decide)
    }

    /// What a key owes, counted as [`measure`](Self::measure) would, whatever it takes.
    fn owed(&self, tag: u64, now: u64) -> Option<u64> {
        let whole_at = match self.place(tag, now) {
            Place::Own(at) => self.places.get(at).map(|bucket| bucket.whole_at),
            Place::Reusable(_) => None,
            _ if self.taken < self.cap || self.has_ripe(now) => None,
            _ => self.overflow,
        };
        whole_at.and_then(|at| left(at, now))
    }

    /// Whether a sweep would free a bucket.
    fn has_ripe(&self, now: u64) -> bool {
        let is_ripe = |b: &Bucket| b.tag != VACANT && left(b.whole_at, now).is_none();
        !self.is_unripe(now) && self.places.iter().any(is_ripe)
    }

    /// The first place of a key in a table of the present size.
    fn home(&self, tag: u64) -> usize {
        // The low bits chose the shard; the high half spreads over any number of places.
        (((tag >> 32) * self.places.len() as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 < self.places.len() { at + 1 } else { 0 }
    }

    fn place(&self, tag: u64, now: u64) -> Place {
        let mut reusable = None;
        let mut at = self.home(tag);
        for _ in 0..self.places.len() {
            let Some(bucket) = self.places.get(at) else { break };
            if bucket.tag == tag {
                return Place::Own(at);
            }
            if bucket.tag == VACANT {
                return reusable.map_or(Place::Vacant(at), Place::Reusable);
            }
            if reusable.is_none() && left(bucket.whole_at, now).is_none() {
                reusable = Some(at);
            }
            at = self.after(at);
        }
        reusable.map_or(Place::Nowhere, Place::Reusable)
    }

    /// A place for a new key: a bucket that is whole again, else a vacant one under the cap, else
    /// one freed by a sweep.
    fn room(&mut self, place: Place, tag: u64, now: u64) -> Option<usize> {
        if let Place::Reusable(at) = place {
            return Some(at);
        }
        let moved = if self.taken < self.cap {
            self.taken * 4 >= self.places.len() * 3 && self.grow(now)
        } else if self.sweep(now) {
            true
        } else {
            return None;
        };
        if let (Place::Vacant(at), false) = (place, moved) {
            return Some(at);
        }
        match self.place(tag, now) {
            Place::Own(at) | Place::Reusable(at) | Place::Vacant(at) => Some(at),
            Place::Nowhere => None,
        }
    }

    fn settle<T, E>(
        &mut self,
        at: usize,
        tag: u64,
        now: u64,
        decide: impl Fn(Option<u64>) -> Result<(T, u64), E>,
    ) -> (Result<T, E>, u64) {
        let (verdict, owed) = answer(None, decide);
        if verdict.is_ok()
            && owed > 0
            && let Some(bucket) = self.places.get_mut(at)
        {
            let whole_at = now.wrapping_add(owed);
            if bucket.tag == VACANT {
                self.taken += 1;
            }
            *bucket = Bucket { tag, whole_at };
            if self.ripe_at.is_some_and(|ripe| left(ripe, whole_at).is_some()) {
                self.ripe_at = Some(whole_at);
            }
        }
        (verdict, owed)
    }

    /// Doubles the table up to the size the cap asks for; a third of the places stays vacant, so
    /// that chains are short and always end.
    fn grow(&mut self, now: u64) -> bool {
        let last = self.cap + self.cap / 3 + 1;
        let places = (self.places.len() * 2).max(FIRST_PLACES).min(last);
        if places <= self.places.len() {
            return false;
        }
        let old = std::mem::replace(&mut self.places, vec![Bucket::default(); places]);
        self.taken = 0;
        self.hand = 0;
        for bucket in old {
            if bucket.tag != VACANT
                && left(bucket.whole_at, now).is_some()
                && let Place::Vacant(at) = self.vacancy(bucket.tag)
                && let Some(place) = self.places.get_mut(at)
            {
                *place = bucket;
                self.taken += 1;
            }
        }
        true
    }

    fn vacancy(&self, tag: u64) -> Place {
        let mut at = self.home(tag);
        for _ in 0..self.places.len() {
            match self.places.get(at) {
                Some(bucket) if bucket.tag == VACANT => return Place::Vacant(at),
                _ => at = self.after(at),
            }
        }
        Place::Nowhere
    }

    fn is_unripe(&self, now: u64) -> bool {
        self.ripe_at.is_some_and(|ripe| left(ripe, now).is_some())
    }

    /// Frees one bucket that is whole again, walking on from where the last sweep stopped.
    ///
    /// A round that finds none learns when there will be one, and until then costs nothing: what a
    /// bucket owes only grows.
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
            match left(bucket.whole_at, now) {
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

    /// How many keys have a bucket of their own.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Bytes the places take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Bucket>()
    }
}

fn answer<T, E>(
    owed: Option<u64>,
    decide: impl Fn(Option<u64>) -> Result<(T, u64), E>,
) -> (Result<T, E>, u64) {
    match decide(owed) {
        Ok((value, owes)) => (Ok(value), owes),
        Err(refusal) => (Err(refusal), owed.unwrap_or(0)),
    }
}

fn spend<T, E>(
    whole_at: &mut u64,
    now: u64,
    decide: impl Fn(Option<u64>) -> Result<(T, u64), E>,
) -> (Result<T, E>, u64) {
    let (verdict, owed) = answer(left(*whole_at, now), decide);
    if verdict.is_ok() {
        *whole_at = now.wrapping_add(owed);
    }
    (verdict, owed)
}
