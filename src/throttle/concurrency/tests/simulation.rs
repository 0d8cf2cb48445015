//! A service simulated event by event, on a clock that is moved by hand: so many workers serve one
//! request each, and what comes beyond them waits inside the service, where only latency tells.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::clock::{Clock, ManualClock};

use super::super::gradient::Sample;
use super::*;

const CLASSES: usize = Priority::COUNT;

/// What a phase of the simulation saw, by class.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    sent: [u32; CLASSES],
    served: [u32; CLASSES],
    /// Within five times the usual time.
    in_time: [u32; CLASSES],
}

impl Seen {
    fn share(&self, class: Priority) -> f64 {
        let at = class.rank();
        f64::from(self.in_time[at]) / f64::from(self.sent[at].max(1))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrives(usize),
    Done(usize),
    GivesUp(usize),
}

struct Request {
    class: usize,
    arrived: Duration,
    began: Duration,
    is_timed: bool,
    is_cheap: bool,
    permit: Option<Permit>,
}

struct World {
    room: Arc<Room>,
    clock: ManualClock,
    events: BinaryHeap<Reverse<(Duration, Event)>>,
    requests: Vec<Request>,
    waiting: Vec<(usize, Waiting)>,
    /// Inside the service, without a worker.
    backlog: VecDeque<usize>,
    busy: usize,
    workers: usize,
    /// How long a worker takes in the middle.
    service: Duration,
    /// The share of requests that ask for a cheap route, which takes a tenth.
    cheap: f64,
    /// Requests a second, by class.
    rates: [f64; CLASSES],
    seen: Seen,
    random: u64,
}

impl World {
    fn new(builder: ConcurrencyBuilder, workers: usize, service: Duration) -> Self {
        Self {
            room: room(builder.with_seed(7)),
            clock: ManualClock::default(),
            events: BinaryHeap::new(),
            requests: Vec::new(),
            waiting: Vec::new(),
            backlog: VecDeque::new(),
            busy: 0,
            workers,
            service,
            cheap: 0.0,
            rates: [0.0; CLASSES],
            seen: Seen::default(),
            random: 0x1234_5678_9abc_def1,
        }
    }

    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.events.push(Reverse((self.clock.now() + after, event)));
    }

    /// Random arrivals at a rate.
    fn next_arrival(&mut self, class: usize) {
        let rate = self.rates[class];
        if rate > 0.0 {
            let gap = -(1.0 - self.random()).ln() / rate;
            self.at(Duration::from_secs_f64(gap), Event::Arrives(class));
        }
    }

    /// Goes on for a time at these rates, critical, normal and low.
    fn run(&mut self, rates: [f64; CLASSES], time: Duration) -> Seen {
        self.rates = rates;
        self.seen = Seen::default();
        self.events.retain(|Reverse((_, event))| !matches!(event, Event::Arrives(_)));
        (0..CLASSES).for_each(|class| self.next_arrival(class));
        let end = self.clock.now() + time;
        while let Some(&Reverse((at, event))) = self.events.peek() {
            if at > end {
                break;
            }
            self.events.pop();
            self.clock.advance(at.saturating_sub(self.clock.now()));
            match event {
                Event::Arrives(class) => self.arrives(class),
                Event::Done(id) => self.done(id),
                Event::GivesUp(id) => self.waiting.retain(|(of, _)| *of != id),
            }
            self.look();
        }
        self.clock.advance(end.saturating_sub(self.clock.now()));
        self.seen
    }

    fn arrives(&mut self, class: usize) {
        self.next_arrival(class);
        self.seen.sent[class] += 1;
        let now = self.clock.now();
        let id = self.requests.len();
        let is_cheap = self.random() < self.cheap;
        self.requests.push(Request {
            class,
            arrived: now,
            began: now,
            is_timed: false,
            is_cheap,
            permit: None,
        });
        match enter(&self.room, 0, Priority::ALL[class], 1, now) {
            Entry::Now(permit) => self.begins(id, permit),
            Entry::Waits(waiting, patience) => {
                self.waiting.push((id, waiting));
                self.at(patience, Event::GivesUp(id));
            }
            Entry::Not(_) => {}
        }
    }

    fn look(&mut self) {
        for (id, mut waiter) in std::mem::take(&mut self.waiting) {
            match poll(&mut waiter) {
                Poll::Pending => self.waiting.push((id, waiter)),
                Poll::Ready(Ok(permit)) => self.begins(id, permit),
                Poll::Ready(Err(_)) => {}
            }
        }
    }

    fn begins(&mut self, id: usize, permit: Permit) {
        let now = self.clock.now();
        let is_timed = self.room.times(now);
        let request = &mut self.requests[id];
        (request.began, request.is_timed, request.permit) = (now, is_timed, Some(permit));
        self.backlog.push_back(id);
        self.work();
    }

    fn work(&mut self) {
        while self.busy < self.workers {
            let Some(id) = self.backlog.pop_front() else { return };
            self.busy += 1;
            let scatter = 0.5 + self.random();
            let scale = if self.requests[id].is_cheap { 0.1 } else { 1.0 };
            self.at(self.service.mul_f64(scale * scatter), Event::Done(id));
        }
    }

    fn done(&mut self, id: usize) {
        self.busy -= 1;
        let now = self.clock.now();
        let in_time = self.service * 5;
        let request = &mut self.requests[id];
        let permit = request.permit.take();
        let sample = Sample {
            route: u64::from(request.is_cheap),
            began: request.began,
            took: now - request.began,
        };
        self.seen.served[request.class] += 1;
        self.seen.in_time[request.class] += u32::from(now - request.arrived <= in_time);
        if request.is_timed {
            self.room.sample(sample, now);
        }
        drop(permit);
        self.work();
    }

    fn limit(&self) -> u32 {
        self.room.stats().limit().unwrap()
    }
}

const S: Duration = Duration::from_secs(1);

/// 20 workers at 20 ms: a thousand requests a second.
fn world(builder: ConcurrencyBuilder) -> World {
    World::new(builder, 20, ms(20))
}

fn between(limit: u32, least: u32, most: u32) {
    assert!((least..=most).contains(&limit), "{limit} is not within {least} and {most}");
}

#[test]
fn under_overload_the_limit_comes_down_to_what_the_handlers_can_take() {
    for initial in [10, 50, 400] {
        let builder = Concurrency::adaptive().between(4, 500).starting_at(initial);
        let mut world = world(builder.share(Priority::Normal, 100));
        world.run([0.0, 500.0, 0.0], 20 * S);
        world.run([0.0, 5_000.0, 0.0], 60 * S);
        between(world.limit(), 15, 50);
        let seen = world.run([0.0, 5_000.0, 0.0], 20 * S);
        let goodput = f64::from(seen.in_time[1]) / 20.0;
        assert!(goodput > 900.0, "{goodput} of 1000 a second, beginning with {initial}");
    }
}

#[test]
fn a_service_that_starts_under_overload_finds_its_limit_all_the_same() {
    let builder = Concurrency::adaptive().between(4, 500).starting_at(300).remeasure(10 * S);
    let mut world = world(builder.share(Priority::Normal, 100));
    world.run([0.0, 5_000.0, 0.0], 60 * S);
    between(world.limit(), 12, 60);
    let seen = world.run([0.0, 5_000.0, 0.0], 20 * S);
    assert!(seen.in_time[1] > 17_000, "{seen:?}");
}

#[test]
fn without_overload_nobody_is_shed() {
    let mut world = world(Concurrency::adaptive().between(4, 500));
    let seen = world.run([100.0, 300.0, 100.0], 180 * S);
    for class in Priority::ALL {
        assert!(seen.share(class) > 0.995, "{class}: {seen:?}");
    }
}

#[test]
fn under_overload_the_critical_class_keeps_its_goodput_and_the_low_one_is_not_starved() {
    let mut world = world(Concurrency::adaptive().between(4, 500));
    world.run([200.0, 200.0, 100.0], 30 * S);
    let seen = world.run([300.0, 2_000.0, 2_000.0], 120 * S);
    let shares = Priority::ALL.map(|class| seen.share(class));
    assert!(shares[0] > 0.97, "{shares:?} {seen:?}");
    assert!(shares[1] > shares[2], "{shares:?}");
    assert!(seen.served[2] > 100, "{seen:?}");
    let goodput = f64::from(seen.in_time.iter().sum::<u32>()) / 120.0;
    assert!(goodput > 850.0, "{goodput} of 1000 a second");
    // And afterwards everybody is served again.
    world.run([200.0, 300.0, 100.0], 5 * S);
    let after = world.run([200.0, 300.0, 100.0], 30 * S);
    for class in Priority::ALL {
        assert!(after.share(class) > 0.99, "{class}: {after:?}");
    }
}

#[test]
fn a_cap_without_classes_loses_the_critical_class_under_the_same_overload() {
    let mut world = world(Concurrency::at_most(400));
    let seen = world.run([300.0, 2_000.0, 2_000.0], 60 * S);
    assert!(seen.share(Priority::Critical) < 0.5, "{seen:?}");
}

#[test]
fn handlers_that_become_slower_for_good_are_given_the_limit_that_they_need() {
    let mut world = world(Concurrency::adaptive().between(4, 500).remeasure(10 * S));
    world.run([0.0, 800.0, 0.0], 30 * S);
    // Four times as many workers that take four times as long: the same throughput.
    (world.workers, world.service) = (80, ms(80));
    world.run([0.0, 800.0, 0.0], 60 * S);
    let seen = world.run([0.0, 800.0, 0.0], 30 * S);
    assert!(seen.share(Priority::Normal) > 0.97, "{} {seen:?}", world.limit());
}

#[test]
fn handlers_that_recover_are_given_more_again() {
    let mut world = world(Concurrency::adaptive().between(4, 500));
    world.run([0.0, 800.0, 0.0], 30 * S);
    world.workers = 5;
    world.run([0.0, 800.0, 0.0], 30 * S);
    between(world.limit(), 4, 25);
    world.workers = 20;
    world.run([0.0, 800.0, 0.0], 10 * S);
    let seen = world.run([0.0, 800.0, 0.0], 30 * S);
    assert!(seen.share(Priority::Normal) > 0.97, "{} {seen:?}", world.limit());
}

#[test]
fn a_flood_of_cheap_requests_does_not_make_the_others_look_slow() {
    let mut world = world(Concurrency::adaptive().between(4, 500));
    world.run([0.0, 300.0, 0.0], 30 * S);
    world.cheap = 0.95;
    world.run([0.0, 1_500.0, 0.0], 60 * S);
    world.cheap = 0.0;
    // At once, while the typical time of all together would still be that of the cheap ones.
    let seen = world.run([0.0, 700.0, 0.0], 5 * S);
    assert!(seen.share(Priority::Normal) > 0.97, "{} {seen:?}", world.limit());
}

#[test]
fn a_short_queue_takes_a_burst_and_does_not_let_overload_make_everybody_late() {
    let builder = || Concurrency::at_most(20).queue(200, ms(200));
    let mut bursty = world(builder());
    let mut seen = Seen::default();
    for _ in 0..20 {
        bursty.run([0.0, 100.0, 0.0], S);
        let burst = bursty.run([0.0, 3_000.0, 0.0], ms(60));
        let rest = bursty.run([0.0, 0.001, 0.0], ms(200));
        seen.sent[1] += burst.sent[1];
        seen.served[1] += burst.served[1] + rest.served[1];
    }
    assert!(seen.served[1] as f64 > 0.97 * f64::from(seen.sent[1]), "{seen:?}");
    let mut overloaded = world(builder());
    overloaded.run([0.0, 3_000.0, 0.0], S);
    let seen = overloaded.run([0.0, 3_000.0, 0.0], 20 * S);
    // Those who are let in have hardly waited, and the workers never rest.
    assert!(seen.served[1] > 19_000, "{seen:?}");
    assert!(seen.in_time[1] >= seen.served[1] - 10, "{seen:?}");
}
