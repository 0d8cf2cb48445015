//! Threads that call all the time, while the limits are changed under them and the clock goes on: of
//! each limit that ever stood, each key got exactly what it allows.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_parapet::{
    Body, Parapet, Peer, PeerAddr,
    clock::ManualClock,
    compose::Reloadable,
    throttle::{Limit, Throttle, ThrottleBuilder},
};

use super::{ALONE, answer, block_on, is_full};

const KEYS: usize = 4;
const THREADS: usize = 3;
const TENTH: Duration = Duration::from_millis(100);
/// No window ends within a soak.
const LONG: Duration = Duration::from_secs(300 * 86_400);

/// A limit that stands for a while, under the name clients see.
struct Generation {
    burst: u64,
    /// Of a rate, what comes back in a tenth of a second.
    per_tenth: u64,
    tenths: AtomicU64,
    admitted: [AtomicU64; KEYS],
}

/// The throttle of a generation, and what it allows.
fn throttle(number: usize) -> (ThrottleBuilder, Generation) {
    let burst = 7 + number as u32 % 20;
    let rate = || Limit::per_second(30).burst(burst);
    let (throttle, per_tenth) = match number % 4 {
        0 => (Throttle::of(rate()), 3),
        1 => (Throttle::of(Limit::fixed(burst, LONG)), 0),
        2 => (Throttle::of(Limit::sliding(burst, LONG)), 0),
        // The window holds what the rate would let through.
        _ => {
            let day = Limit::fixed(burst, LONG).named("window");
            (Throttle::of(Limit::per_second(30).burst(2 * burst)).and(day), 0)
        }
    };
    let generation = Generation {
        burst: burst.into(),
        per_tenth,
        tenths: AtomicU64::new(0),
        admitted: Default::default(),
    };
    (throttle.named(format!("g{number}")), generation)
}

struct Soak {
    generations: Mutex<Vec<Arc<Generation>>>,
    ended: AtomicBool,
    asked: [AtomicU64; THREADS],
}

impl Soak {
    /// Counts an answer for the generation that says it is its own, and whether it was admitted.
    fn count(&self, key: usize, response: &Response<Body>) -> bool {
        let policies = response.headers().get_all("ratelimit-policy").iter();
        let named = policies.filter_map(|policy| policy.to_str().unwrap().split_once("\"g"));
        let number = named.map(|(_, rest)| rest.split('"').next().unwrap()).next().unwrap();
        let generation = self.generations.lock().unwrap()[number.parse::<usize>().unwrap()].clone();
        let admitted = response.status() == 200;
        if admitted {
            generation.admitted[key].fetch_add(1, Ordering::SeqCst);
        }
        admitted
    }

    /// Waits until every thread has begun and ended a request since.
    fn settle(&self) {
        let before: Vec<_> = self.asked.iter().map(|asked| asked.load(Ordering::SeqCst)).collect();
        for (asked, before) in self.asked.iter().zip(before) {
            while asked.load(Ordering::SeqCst) < before + 2 {
                thread::yield_now();
            }
        }
    }
}

#[test]
fn limits_that_change_under_callers_admit_exactly_what_each_of_them_allows() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let length = Duration::from_secs(if is_full() { 120 } else { 2 });
    let clock = ManualClock::default();
    let (first, generation) = throttle(0);
    let reloadable = Reloadable::of(first).unwrap();
    let builder = Parapet::builder().peer(Peer::Extension).with_clock(clock.clone());
    let parapet = builder.guard(reloadable.clone()).dangerous().bare().build().unwrap();
    let soak = Soak {
        generations: Mutex::new(vec![Arc::new(generation)]),
        ended: AtomicBool::new(false),
        asked: Default::default(),
    };
    let service = || {
        let mut app = parapet.layer(service_fn(answer));
        move |key: usize| {
            let ip = Ipv4Addr::new(192, 0, 2, key as u8);
            let request = Request::get("/").extension(PeerAddr::new(SocketAddr::new(ip.into(), 1)));
            let called = app.call(request.body(Body::empty()).unwrap());
            async { called.await.unwrap() }
        }
    };

    thread::scope(|scope| {
        for number in 0..THREADS {
            let (soak, mut call) = (&soak, service());
            scope.spawn(move || {
                block_on(async {
                    let mut key = number;
                    while !soak.ended.load(Ordering::SeqCst) {
                        key = (key * 5 + 1) % (KEYS * 8);
                        let response = call(key % KEYS).await;
                        soak.count(key % KEYS, &response);
                        soak.asked[number].fetch_add(1, Ordering::SeqCst);
                    }
                });
            });
        }
        let (begun, mut call) = (Instant::now(), service());
        let mut drain = || {
            block_on(async {
                for key in 0..KEYS {
                    while soak.count(key, &call(key).await) {}
                }
            });
        };
        let mut number = 0;
        while begun.elapsed() < length {
            drain();
            for _ in 0..number % 5 {
                clock.advance(TENTH);
                soak.generations.lock().unwrap()[number].tenths.fetch_add(1, Ordering::SeqCst);
                drain();
            }
            // Nobody holds a time from before the last step any more.
            soak.settle();
            number += 1;
            let (next, generation) = throttle(number);
            soak.generations.lock().unwrap().push(Arc::new(generation));
            // A replacement that does not build changes nothing.
            assert!(reloadable.replace(Throttle::per_second(0)).is_err());
            reloadable.replace(next).unwrap();
            // Nor the throttle before this one, which a later time would give more.
            soak.settle();
        }
        drain();
        soak.ended.store(true, Ordering::SeqCst);
    });

    let asked: u64 = soak.asked.iter().map(|asked| asked.load(Ordering::SeqCst)).sum();
    let generations = soak.generations.into_inner().unwrap();
    let mut admitted = 0;
    for (number, generation) in generations.iter().enumerate() {
        let tenths = generation.tenths.load(Ordering::SeqCst);
        let allowed = generation.burst + tenths * generation.per_tenth;
        for (key, own) in generation.admitted.iter().enumerate() {
            let own = own.load(Ordering::SeqCst);
            assert_eq!(own, allowed, "generation {number}, key {key}, {tenths} tenths");
            admitted += own;
        }
    }
    println!(
        "{} limits, {asked} requests of {THREADS} threads, {admitted} admitted, none miscounted",
        generations.len()
    );
}
