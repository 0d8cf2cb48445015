//! Threads that come, wait, leave and go under one cap.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;

use crate::context::Priority;

#[path = "../../../src/throttle/concurrency/hall.rs"]
mod hall;
#[path = "../../../src/throttle/concurrency/keyed.rs"]
mod keyed;
#[path = "../../../src/throttle/concurrency/lock.rs"]
mod lock;
#[path = "../../../src/throttle/concurrency/pool.rs"]
mod pool;
#[path = "../../../src/throttle/concurrency/queue.rs"]
mod queue;
#[path = "../../../src/throttle/concurrency/terms.rs"]
mod terms;
#[path = "../../../src/throttle/concurrency/waiter.rs"]
mod waiter;

use hall::{Entered, Hall, Place};
use keyed::{Keyed, Seat};
use terms::{Terms, Waits};
use waiter::Verdict;

const TERMS: Terms = Terms {
    limit: 1,
    shares: [100; Priority::COUNT],
    waits: Some(Waits { length: 8, wait: Duration::from_secs(1) }),
};

fn enter(hall: &Hall) -> Entered {
    hall.enter(Priority::Normal, || 1, Duration::ZERO)
}

/// Waits until it has a verdict; a wake-up that is lost is a deadlock here.
fn wait(place: &Place) {
    let verdict = block_on(poll_fn(|cx| place.waiter.poll(cx)));
    assert_eq!(verdict, Verdict::Granted);
}

/// Whether it was handed a permit by now.
fn look(place: &Place) -> bool {
    match place.waiter.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(verdict) => verdict == Verdict::Granted,
        Poll::Pending => false,
    }
}

/// Waits for its turn, is in flight, and goes.
fn stay(hall: &Hall, most: u32) {
    match enter(hall) {
        Entered::Now => {}
        Entered::Waits(place, _) => wait(&place),
        Entered::Not(shed) => panic!("{shed:?}"),
    }
    assert!((1..=most).contains(&hall.in_flight()));
    hall.release();
}

/// Leaves where it has to wait, perhaps as it is handed a permit.
fn leave(hall: &Hall) {
    match enter(hall) {
        Entered::Now => hall.release(),
        Entered::Waits(place, _) if look(&place) => hall.release(),
        Entered::Waits(place, _) => hall.leave(&place),
        Entered::Not(shed) => panic!("{shed:?}"),
    }
}

fn over(hall: &Hall) {
    assert_eq!((hall.in_flight(), hall.waiting()), (0, 0));
}

#[test]
fn whoever_waits_is_handed_the_permit() {
    loom::model(|| {
        let hall = Arc::new(Hall::new(TERMS));
        let other = hall.clone();
        let thread = thread::spawn(move || stay(&other, 1));
        stay(&hall, 1);
        thread.join().unwrap();
        over(&hall);
    });
}

#[test]
fn whoever_leaves_takes_no_permit_along() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let hall = Arc::new(Hall::new(TERMS));
        let (one, two) = (hall.clone(), hall.clone());
        let leaves = thread::spawn(move || leave(&one));
        let stays = thread::spawn(move || stay(&two, 1));
        leave(&hall);
        leaves.join().unwrap();
        stays.join().unwrap();
        over(&hall);
    });
}

#[test]
fn a_limit_that_changes_forgets_nobody() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let hall = Arc::new(Hall::new(TERMS));
        let (one, two) = (hall.clone(), hall.clone());
        let stays = thread::spawn(move || stay(&one, 2));
        let changes = thread::spawn(move || {
            two.resize(2);
            two.resize(1);
        });
        leave(&hall);
        stays.join().unwrap();
        changes.join().unwrap();
        over(&hall);
    });
}

/// One request under a key: leaves where it has to wait and is told to.
fn pass(keyed: &Keyed, stays: bool) {
    let (seat, entered): (Seat, Entered) = keyed.enter(7, Priority::Normal, Duration::ZERO);
    match entered {
        Entered::Now => keyed.release(seat),
        Entered::Waits(place, _) if stays => {
            wait(&place);
            keyed.release(seat);
        }
        Entered::Waits(place, _) => keyed.leave(seat, &place),
        Entered::Not(shed) => panic!("{shed:?}"),
    }
}

#[test]
fn a_key_that_vanishes_takes_nobody_along_who_waits_for_it() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let keyed = Arc::new(Keyed::new(TERMS, 1));
        let (one, two) = (keyed.clone(), keyed.clone());
        let stays = thread::spawn(move || pass(&one, true));
        let leaves = thread::spawn(move || pass(&two, false));
        pass(&keyed, true);
        stays.join().unwrap();
        leaves.join().unwrap();
        assert_eq!((keyed.in_flight(), keyed.waiting()), ((0, 0), 0));
    });
}
