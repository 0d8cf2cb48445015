//! Threads that spend, settle and make room in one shard.

use std::sync::Arc as StdArc;

use loom::sync::Arc;
use loom::thread;

use super::limits::{Limits, Ruled};
use super::memory::Memory;
use super::order::{Mode, Order, Receipt};
use super::rule::{Fixed, Moment, Rate, Rule, SECOND, Sliding, Span};
use super::verdict::Verdict;

const HOUR: u64 = 3_600 * SECOND;

/// So many an hour at once.
fn rate(burst: u32) -> Rule {
    Rule::Rate(Rate::new(burst, HOUR, burst).unwrap())
}

/// One in a millisecond, so that a bucket is soon whole again and its place is free.
fn brief() -> Rule {
    Rule::Rate(Rate::new(1, SECOND / 1_000, 1).unwrap())
}

fn fixed(quota: u32) -> Rule {
    Rule::Fixed(Fixed::new(quota, Span::Every(HOUR)))
}

fn sliding(quota: u32) -> Rule {
    Rule::Sliding(Sliding::new(quota, HOUR))
}

struct Store {
    memory: Memory,
    limits: StdArc<Limits>,
}

impl Store {
    fn new(rules: Vec<Rule>, buckets: usize) -> Arc<Self> {
        let limits = rules.into_iter().map(|rule| Ruled { rule }).collect();
        Arc::new(Self { memory: Memory::new(buckets), limits: StdArc::new(Limits(limits)) })
    }

    fn ask(&self, key: u64, mode: Mode, now: u64, cost: u64) -> Verdict {
        let (limits, at) = (&self.limits, Moment { now, unix: now });
        let order = Order { tag: key << 40, digest: &|| [0; 16], limits, cost, mode, at };
        self.memory.charge(&order)
    }

    fn spend(&self, key: u64) -> bool {
        self.ask(key, Mode::Spend, SECOND, 1).admitted()
    }

    fn settle(&self, key: u64, verdict: Verdict, more: i64) {
        let (limits, at) = (self.limits.clone(), Moment { now: SECOND, unix: SECOND });
        let receipt = Receipt { tag: key << 40, digest: None, limits, at, verdict };
        self.memory.settle(&receipt, more);
    }

    /// What each limit of a key has left.
    fn left(&self, key: u64) -> Vec<u64> {
        let verdict = self.ask(key, Mode::Peek, SECOND, 0);
        verdict.standings().iter().map(|standing| standing.remaining).collect()
    }
}

fn sum(threads: impl IntoIterator<Item = thread::JoinHandle<usize>>) -> usize {
    threads.into_iter().map(|thread| thread.join().unwrap()).sum()
}

/// Runs something on each of three threads: as many as there can be, with the one that waits.
fn on_three(store: &Arc<Store>, run: impl Fn(&Store, u64) + Copy + Send + 'static) {
    let start = |thread| {
        let store = store.clone();
        thread::spawn(move || run(&store, thread))
    };
    let threads = [start(1), start(2)];
    run(store, 0);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn threads_on_one_key_get_the_burst_and_no_more() {
    for rule in [rate as fn(u32) -> Rule, fixed, sliding] {
        for (threads, each, burst) in [(3, 1, 2), (2, 2, 3)] {
            loom::model(move || {
                let store = Store::new(vec![rule(burst)], 8);
                let start = |_| {
                    let store = store.clone();
                    thread::spawn(move || (0..each).filter(|_| store.spend(7)).count())
                };
                let threads: Vec<_> = (0..threads).map(start).collect();
                assert_eq!(sum(threads), burst as usize);
                assert_eq!(store.left(7), [0]);
            });
        }
    }
}

#[test]
fn all_limits_of_a_key_are_charged_or_none() {
    loom::model(|| {
        let store = Store::new(vec![rate(3), fixed(2), sliding(5)], 9);
        on_three(&store, |store, _| {
            store.spend(7);
        });
        // Two of three were admitted, whichever they were, and the third has cost nothing.
        assert_eq!(store.left(7), [1, 0, 3]);
    });
}

#[test]
fn refunds_and_extra_charges_meet_spending_without_a_loss() {
    loom::model(|| {
        let store = Store::new(vec![rate(9), fixed(9)], 8);
        on_three(&store, |store, thread| {
            let verdict = store.ask(7, Mode::Spend, SECOND, 2);
            assert!(verdict.admitted());
            match thread {
                0 => store.settle(7, verdict, -1),
                1 => store.settle(7, verdict, 2),
                _ => {}
            }
        });
        // Three charges of two, one given back, two more.
        assert_eq!(store.left(7), [2, 2]);
    });
}

#[test]
fn new_keys_make_room_of_what_has_run_out_and_of_nothing_else() {
    loom::model(|| {
        // Room for two keys, one of which is whole again a millisecond later.
        let store = Store::new(vec![brief()], 2);
        assert!(store.ask(1, Mode::Spend, 0, 1).admitted());
        assert!(store.ask(2, Mode::Spend, 2 * SECOND, 1).admitted());
        let start = |key| {
            let store = store.clone();
            thread::spawn(move || {
                let verdict = store.ask(key, Mode::Spend, 2 * SECOND, 1);
                usize::from(verdict.admitted() && !verdict.standings()[0].shared)
            })
        };
        let threads = [start(3), start(4)];
        // The one in use is refused all the while.
        assert!(!store.ask(2, Mode::Spend, 2 * SECOND, 1).admitted());
        assert_eq!(sum(threads), 1);
        assert!(!store.ask(2, Mode::Spend, 2 * SECOND, 1).admitted());
    });
}

#[test]
fn keys_without_room_share_one_bucket_in_any_order() {
    loom::model(|| {
        let store = Store::new(vec![rate(2)], 1);
        assert!(store.spend(9));
        let start = |key| {
            let store = store.clone();
            thread::spawn(move || (0..2).filter(|_| store.spend(key)).count())
        };
        assert_eq!(sum([start(1), start(2)]), 2);
        assert_eq!(store.left(9), [1]);
    });
}
