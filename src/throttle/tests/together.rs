//! Several limits of one key, decided together through the store, against [the model](super::model).

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::throttle::limits::Limits;
use crate::throttle::memory::Memory;
use crate::throttle::order::{Mode, Order, Receipt};
use crate::throttle::rule::Moment;
use crate::throttle::verdict::Verdict;

use super::model::{Bucket, Clocks, Defined, Said};
use super::rules::{Turn, defined, turns};

/// The keyed hashes of a few keys.
const KEYS: u64 = 6;

fn tag(turn: &Turn) -> u64 {
    (u64::from(turn.whose) % KEYS + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

struct Ours {
    memory: Memory,
    limits: Arc<Limits>,
}

impl Ours {
    fn new(each: &[Defined], buckets: usize) -> Self {
        let each = each.iter().map(|defined| defined.ruled()).collect();
        let limits = Arc::new(Limits::new(3, each, String::new()));
        Self { memory: Memory::new(buckets), limits }
    }

    fn ask(&self, tag: u64, at: Clocks, cost: u32, mode: Mode) -> Verdict {
        let at = Moment { now: at.now, unix: at.unix };
        let (limits, cost) = (&self.limits, cost.into());
        self.memory.charge(&Order { tag, digest: &|| [0; 16], limits, cost, mode, at })
    }

    fn settle(&self, receipt: &Charged, more: i64) {
        let (limits, at) = (self.limits.clone(), receipt.at);
        let at = Moment { now: at.now, unix: at.unix };
        let receipt = Receipt { tag: receipt.tag, digest: None, limits, at, verdict: receipt.ours };
        self.memory.settle(&receipt, more);
    }
}

struct Charged {
    tag: u64,
    at: Clocks,
    ours: Verdict,
    windows: Vec<u64>,
}

/// Buckets by key and limit; keys for whom there is no room share those of `None`.
struct Model {
    each: Vec<Defined>,
    cap: usize,
    buckets: HashMap<(Option<u64>, usize), Bucket>,
}

impl Model {
    fn new(each: &[Defined], cap: usize) -> Self {
        Self { each: each.to_vec(), cap, buckets: HashMap::new() }
    }

    fn bucket(&mut self, tag: Option<u64>, limit: usize) -> &mut Bucket {
        let is = self.each[limit];
        self.buckets.entry((tag, limit)).or_insert(Bucket::new(is))
    }

    /// Whose bucket each limit of a key is counted in.
    fn whose(&mut self, tag: u64, at: Clocks) -> Vec<Option<u64>> {
        let live = self.buckets.iter().filter(|((tag, _), b)| tag.is_some() && b.is_live(at));
        let live = live.count();
        let mine: Vec<_> =
            (0..self.each.len()).map(|i| self.bucket(Some(tag), i).is_live(at)).collect();
        let has_room = live + mine.iter().filter(|live| !**live).count() <= self.cap;
        mine.into_iter().map(|live| (live || has_room).then_some(tag)).collect()
    }

    fn ask(&mut self, tag: u64, at: Clocks, cost: u32, charge: bool) -> (Vec<Said>, bool) {
        let whose = self.whose(tag, at);
        let mut said: Vec<_> = whose
            .iter()
            .enumerate()
            .map(|(i, whose)| self.bucket(*whose, i).ask(at, cost))
            .collect();
        let admitted = said.iter().all(|said| said.admitted);
        for (i, whose) in whose.iter().enumerate() {
            let bucket = self.bucket(*whose, i);
            if !admitted {
                said[i].remaining = bucket.left(at);
            } else if charge {
                *bucket = bucket.charged(at, cost);
            }
        }
        (said, admitted)
    }

    /// As of the time of the last request.
    fn settle(&mut self, receipt: &Charged, at: Clocks, more: i64) {
        let (tag, cost) = (receipt.tag, u32::try_from(more.abs()).unwrap());
        if more > 0 {
            for (i, whose) in self.whose(tag, at).into_iter().enumerate() {
                let bucket = self.bucket(whose, i);
                *bucket = bucket.charged(at, cost);
            }
            return;
        }
        for (i, standing) in receipt.ours.standings().iter().enumerate() {
            if !standing.shared {
                let bucket = self.bucket(Some(tag), i);
                *bucket = bucket.refunded(at, receipt.windows[i], cost);
            }
        }
    }
}

fn limits() -> impl Strategy<Value = Vec<Defined>> {
    prop::collection::vec(defined(), 1..=4)
}

fn begin() -> Clocks {
    let year = 366 * 86_400 * 1_000_000_000;
    Clocks { now: 5 * year, unix: 30 * year }
}

fn same(ours: &Verdict, theirs: &(Vec<Said>, bool)) -> Result<(), TestCaseError> {
    let numbers: Vec<_> =
        ours.standings().iter().map(|s| (s.admitted, s.remaining, s.wait)).collect();
    let theirs_too: Vec<_> = theirs.0.iter().map(|s| (s.admitted, s.remaining, s.wait)).collect();
    prop_assert_eq!(numbers, theirs_too);
    prop_assert_eq!(ours.admitted(), theirs.1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// The wall clock is set to and fro meanwhile, and charges are changed long after.
    #[test]
    fn all_limits_of_a_key_are_charged_or_none_and_settled_as_the_model_says(
        each in limits(), beat in any::<prop::sample::Index>(), turns in turns(0),
    ) {
        let (ours, mut theirs) = (Ours::new(&each, 1_000), Model::new(&each, 1_000));
        let beat = beat.get(&each).beat();
        let capacity = each.iter().map(|defined| defined.capacity()).min().unwrap();
        let mut charges: Vec<Charged> = Vec::new();
        let mut at = begin();
        let mut latest = at;
        for turn in turns {
            turn.pass(&mut at, beat);
            let tag = tag(&turn);
            match (turn.what % 8, charges.len()) {
                (0 | 1, 1..) => {
                    let receipt = charges.swap_remove(turn.pick % charges.len());
                    let cost = i64::from(turn.cost % capacity.min(1_000_000_000));
                    let more = if turn.what % 8 == 0 { -cost } else { cost };
                    ours.settle(&receipt, more);
                    theirs.settle(&receipt, latest, more);
                }
                (2, _) => {
                    let cost = turn.cost.min(capacity);
                    let peeked = ours.ask(tag, at, cost, Mode::Peek);
                    same(&peeked, &theirs.ask(tag, at, cost, false))?;
                }
                _ => {
                    latest = at;
                    let cost = turn.cost.min(capacity);
                    let verdict = ours.ask(tag, at, cost, Mode::Spend);
                    let said = theirs.ask(tag, at, cost, true);
                    same(&verdict, &said)?;
                    if said.1 {
                        let windows = said.0.iter().map(|said| said.window).collect();
                        charges.push(Charged { tag, at, ours: verdict, windows });
                    }
                }
            }
        }
    }

    /// Where only a few buckets have room, and what finds none shares.
    #[test]
    fn where_room_is_scarce_nothing_charged_is_lost_and_what_is_shared_is_as_stated(
        each in limits(), beat in any::<prop::sample::Index>(), spare in 0..6_usize,
        turns in turns(0),
    ) {
        let cap = each.len() + spare;
        let (ours, mut theirs) = (Ours::new(&each, cap), Model::new(&each, cap));
        let beat = beat.get(&each).beat();
        let capacity = each.iter().map(|defined| defined.capacity()).min().unwrap();
        let mut at = begin();
        for turn in turns {
            turn.pass(&mut at, beat);
            let (tag, cost) = (tag(&turn), turn.cost.min(capacity));
            let peeked = ours.ask(tag, at, cost, Mode::Peek);
            let verdict = ours.ask(tag, at, cost, Mode::Spend);
            prop_assert_eq!(peeked, verdict);
            let said = theirs.ask(tag, at, cost, true);
            same(&verdict, &said)?;
            if said.1 && turn.what.is_multiple_of(2) {
                let windows = said.0.iter().map(|said| said.window).collect();
                let receipt = Charged { tag, at, ours: verdict, windows };
                let cost = i64::from(turn.cost % capacity.min(1_000_000_000));
                let more = if turn.what.is_multiple_of(4) { -cost } else { cost };
                ours.settle(&receipt, more);
                theirs.settle(&receipt, at, more);
            }
            prop_assert!(ours.memory.buckets() <= cap);
        }
    }
}
