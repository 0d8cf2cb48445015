//! The throttle's store beside governor's keyed limiter: the check of one key, clock included, on
//! one thread and on two, with few keys and many.

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
    throttle::{
        limits::{Limits, Ruled},
        memory::Memory,
        order::{Mode, Order},
        rule::{Moment, Rate, Rule},
        sip::Secret,
    },
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
        (u128::from(self.0) * u128::from(self.1) >> 64) as u64
    }
}

/// So many threads, each of which checks its own share of the requests.
fn together<'a>(threads: u64, keys: u64, check: impl Fn(u64) -> bool + Sync + 'a) -> Side<'a> {
    let mut seed = 1_u64;
    Box::new(move |requests| {
        seed = seed.wrapping_add(threads);
        let start = Barrier::new(threads as usize);
        let run = |thread: u64| {
            let mut keys = Keys((seed + thread).wrapping_mul(0x9E37_79B9_7F4A_7C15), keys);
            start.wait();
            let begun = Instant::now();
            let admitted = (0..requests).filter(|_| check(black_box(keys.next()))).count();
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
        (0..keys as u64).for_each(|key| assert!(ours.check(key)));
        let own = resident().saturating_sub(before);
        let before = resident();
        let governor = governor();
        (0..keys as u64).for_each(|key| assert!(governor.check_key(&key).is_ok()));
        let its = resident().saturating_sub(before);
        let effort = Effort {
            batches: report.effort.batches.div_ceil(3),
            requests: report.effort.requests * 64,
        };
        for (threads, bar) in [(1, Bar::None), (2, Bar::Faster(1.5))] {
            let sides = [
                together(threads, keys as u64, |key| ours.check(key)),
                together(threads, keys as u64, |key| governor.check_key(&key).is_ok()),
            ];
            let [own, its] = measure(effort, sides);
            let thread = if threads == 1 { "thread" } else { "threads" };
            let row = format!("(f) a check of one of {name} keys, {threads} {thread} / governor's");
            report.row(&row, own.median(), its.median(), bar);
        }
        if keys == 1_000_000 {
            let (own, its) = (own as f64 / keys as f64, its as f64 / keys as f64);
            report.figure("(g) resident bytes a key at 1 000 000 / governor's", own, its, 56.0);
        }
    }
}

/// A full store whose keys run out one after the other while new ones come, so that each of these
/// waits for places to be found, and for rounds that find none.
pub(crate) fn eviction(report: &mut Report) {
    let keys: u64 = 100_000;
    let store = Ours::new(keys as usize);
    let interval = DAY / u64::from(DAILY);
    let (mut longest, mut least, mut all) = (0, u64::MAX, 0);
    let steps = report.effort.requests as u64 * 400;
    for step in 0..keys + steps {
        // Keys come a little faster than those before them run out.
        let now = step * (interval / (keys + keys / 50));
        let began = cpu();
        store.check_at(step, now);
        let took = cpu() - began;
        least = least.min(took);
        all += took - least.min(took);
        longest = longest.max(took);
    }
    // Reading that clock takes time of its own.
    let longest = longest.saturating_sub(least) as f64;
    report.figure(
        "(h) longest step of a full store that evicts, of thread CPU time, ns",
        longest,
        all as f64 / (keys + steps) as f64,
        500_000.0,
    );
}

/// Nanoseconds this thread has run.
fn cpu() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// Bytes of memory this process has.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
