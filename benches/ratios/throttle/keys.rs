//! The throttle's store beside governor's keyed limiter: the check of one key, on one thread and on
//! two, with few keys and many.
//!
//! A request reads the clock once, for all that ask for the time, so a check of ours is handed it; a
//! check of governor's reads its clock. Both are there with their clocks, too.

use std::{
    fs,
    hint::black_box,
    num::NonZeroU32,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::{
    measure::{Effort, Side, measure},
    report::{Bar, Report},
};

use super::{
    limits::{Limits, Ruled},
    memory::Memory,
    order::{Mode, Order},
    rule::{Moment, Rate, Rule},
    sip::Secret,
};

/// A hundred thousand a day, and as many at once: every check is admitted, and every key is in use
/// when it comes again.
const DAILY: u32 = 100_000;
const DAY: u64 = 86_400_000_000_000;

struct Ours {
    memory: Memory,
    limits: Arc<Limits>,
    secret: Secret,
    begun: Instant,
}

impl Ours {
    fn new(keys: usize) -> Self {
        let rate = Rate::new(DAILY, DAY, DAILY).unwrap();
        let limits = Arc::new(Limits(vec![Ruled { rule: Rule::Rate(rate) }]));
        let (secret, begun) = (Secret::random(), Instant::now());
        Self { memory: Memory::new(keys), limits, secret, begun }
    }

    fn check(&self, key: u64) -> bool {
        let now = self.begun.elapsed();
        self.check_at(key, now.as_secs() * 1_000_000_000 + u64::from(now.subsec_nanos()))
    }

    fn check_at(&self, key: u64, now: u64) -> bool {
        let mut hash = self.secret.hasher();
        hash.word(key);
        let (limits, at) = (&self.limits, Moment { now, unix: 0 });
        let order = Order {
            tag: hash.finish(),
            digest: &|| [0; 16],
            limits,
            cost: 1,
            mode: Mode::Spend,
            at,
        };
        self.memory.charge(&order).admitted()
    }
}

fn governor() -> DefaultKeyedRateLimiter<u64> {
    RateLimiter::keyed(
        Quota::with_period(Duration::from_nanos(DAY / u64::from(DAILY)))
            .unwrap()
            .allow_burst(NonZeroU32::new(DAILY).unwrap()),
    )
}

/// Keys in an order that nothing foresees.
struct Keys(u64, u64);

impl Keys {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0) * u128::from(self.1)) >> 64) as u64
    }
}

/// So many threads, each of which checks its own share of the requests, whose keys no other side
/// has just asked about. A check is told a time that
/// passes as its requests come.
fn together<'a>(
    threads: u64,
    keys: u64,
    mut seed: u64,
    check: impl Fn(u64, u64) -> bool + Sync + 'a,
) -> Side<'a> {
    let mut now = 1_000_000_000_u64;
    Box::new(move |requests| {
        seed = seed.wrapping_add(threads);
        now += requests as u64 * 50;
        let start = Barrier::new(threads as usize);
        let run = |thread: u64| {
            let mut keys = Keys((seed + thread).wrapping_mul(0x9E37_79B9_7F4A_7C15), keys);
            start.wait();
            let begun = Instant::now();
            let check = |i: usize| check(black_box(keys.next()), now + i as u64 * 50);
            let admitted = (0..requests).map(check).filter(|admitted| *admitted).count();
            let took = begun.elapsed();
            assert_eq!(admitted, requests);
            took
        };
        let took = match threads {
            1 => Some(run(0)),
            _ => thread::scope(|scope| {
                let run = &run;
                let running: Vec<_> =
                    (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
                running.into_iter().map(|thread| thread.join().unwrap()).max()
            }),
        };
        took.unwrap_or_default() / threads as u32
    })
}

pub(crate) fn keyed_checks(report: &mut Report) {
    for (keys, name) in [(10_000, "10 000"), (1_000_000, "1 000 000")] {
        // One in eight more than there are keys: shards fill unevenly.
        let before = resident();
        let ours = Ours::new(keys + keys / 8);
        (0..keys as u64).for_each(|key| assert!(ours.check_at(key, 0)));
        let own = resident().saturating_sub(before);
        let before = resident();
        let governor = governor();
        (0..keys as u64).for_each(|key| assert!(governor.check_key(&key).is_ok()));
        let its = resident().saturating_sub(before);
        if keys == 1_000_000 {
            let (own, its) = (own as f64 / keys as f64, its as f64 / keys as f64);
            report.figure("(f) resident bytes a key at 1 000 000 / governor's", own, its, 56.0);
        }
        let effort = Effort {
            batches: report.effort.batches.div_ceil(3),
            requests: report.effort.requests * 32,
        };
        for (threads, bar) in [(1, Bar::None), (2, Bar::Faster(1.5))] {
            let [handed, read, its] = measure(
                effort,
                [
                    together(threads, keys as u64, 1 << 32, |key, now| ours.check_at(key, now)),
                    together(threads, keys as u64, 2 << 32, |key, _| ours.check(key)),
                    together(threads, keys as u64, 3 << 32, |key, _| {
                        governor.check_key(&key).is_ok()
                    }),
                ],
            );
            let row = format!("(g) a check of one of {name} keys, threads: {threads} / governor's");
            report.row(&row, handed.median(), its.median(), bar);
            let row = "    that reads the clock as governor's does / governor's";
            report.row(row, read.median(), its.median(), Bar::None);
        }
    }
}

/// A full store whose keys run out one after the other while new ones come a little faster, so that
/// some find a place at once, some by a round, and some none. The same steps are taken several times:
/// the longest is the one that takes longest at its best, so that it is no pause of the machine's.
pub(crate) fn eviction(report: &mut Report) {
    let keys: u64 = 100_000;
    let interval = DAY / u64::from(DAILY);
    let steps = keys + report.effort.requests as u64 * 400;
    let secret = Secret::random();
    let mut least = vec![u64::MAX; steps as usize];
    for _ in 0..report.effort.batches.clamp(2, 7) {
        let store = Ours { secret, ..Ours::new(keys as usize) };
        for (step, least) in (0..).zip(&mut least) {
            let now = step * (interval / (keys + keys / 50));
            let begun = Instant::now();
            black_box(store.check_at(step, now));
            *least = (*least).min(begun.elapsed().as_nanos() as u64);
        }
    }
    let longest = least.iter().copied().max().unwrap_or(0) as f64;
    let mean = least.iter().sum::<u64>() as f64 / steps as f64;
    report.figure("(h) longest step of a full store, ns / mean", longest, mean, 500_000.0);
}

/// Bytes of memory this process has.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
