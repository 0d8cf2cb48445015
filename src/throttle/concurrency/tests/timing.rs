//! What is taken for the time that a handler takes.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, response};

use crate::clock::ManualClock;
use crate::guard::{Exchange, Guard, ReplyHook};

use super::*;

fn adaptive() -> Concurrency {
    Concurrency::adaptive().between(4, 500).starting_at(60).window(ms(10)).build().unwrap()
}

fn head(status: StatusCode) -> response::Parts {
    let mut parts = Response::new(()).into_parts().0;
    parts.status = status;
    parts
}

fn begin(guard: &Concurrency, clock: &ManualClock, method: Method) -> Exchange {
    let request = Request::builder().method(method).body(()).unwrap();
    let mut exchange = Exchange::test(request, clock.clone());
    guard.check(&mut exchange).unwrap();
    exchange
}

fn answer(exchange: &mut Exchange, status: StatusCode) {
    for hook in exchange.later.as_mut().unwrap().reply_hooks.drain(..) {
        if let ReplyHook::Head(hook) = hook.work {
            hook(&mut head(status)).unwrap();
        }
    }
}

/// What the limit has become after answers that took so long each, always fifty in flight.
fn limit_after(
    guard: &Concurrency,
    clock: &ManualClock,
    took: Duration,
    status: StatusCode,
) -> u32 {
    for _ in 0..20 {
        let busy: Vec<_> = (0..50).map(|_| begin(guard, clock, Method::GET)).collect();
        clock.advance(took);
        busy.into_iter().for_each(|mut exchange| answer(&mut exchange, status));
    }
    guard.stats().limit().unwrap()
}

#[test]
fn slow_answers_bring_the_limit_down_and_failures_say_nothing() {
    let (guard, clock) = (adaptive(), ManualClock::default());
    let steady = limit_after(&guard, &clock, ms(20), StatusCode::OK);
    assert!(steady >= 50, "{steady}");
    let failing = limit_after(&guard, &clock, ms(900), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(failing, steady);
    let refusing = limit_after(&guard, &clock, ms(1), StatusCode::NOT_FOUND);
    assert_eq!(refusing, steady);
    for _ in 0..3 {
        clock.advance(ms(10));
        let busy: Vec<_> = (0..50).map(|_| begin(&guard, &clock, Method::GET)).collect();
        clock.advance(ms(900));
        busy.into_iter().for_each(|mut exchange| answer(&mut exchange, StatusCode::OK));
        if guard.stats().limit().unwrap() < steady {
            return;
        }
    }
    panic!("the limit stays at {steady}");
}

#[test]
fn the_time_that_a_handler_waits_for_its_client_does_not_count() {
    let (guard, clock) = (adaptive(), ManualClock::default());
    let steady = limit_after(&guard, &clock, ms(20), StatusCode::OK);
    let mut uploads: Vec<_> = (0..50).map(|_| begin(&guard, &clock, Method::POST)).collect();
    for _ in 0..10 {
        clock.advance(ms(1_000));
        for exchange in &mut uploads {
            for watch in &mut exchange.later.as_mut().unwrap().watches {
                watch.work.chunk(&Bytes::from_static(b"a drop")).unwrap();
            }
        }
    }
    clock.advance(ms(20));
    uploads.iter_mut().for_each(|exchange| answer(exchange, StatusCode::OK));
    drop(uploads);
    assert!(guard.stats().limit().unwrap() >= steady);
    // Nor does it where the client stalls, and is given up on.
    let stalled: Vec<_> = (0..50).map(|_| begin(&guard, &clock, Method::POST)).collect();
    clock.advance(ms(30_000));
    drop(stalled);
    assert!(guard.stats().limit().unwrap() >= steady);
}

#[test]
fn handlers_that_were_given_up_on_count_where_they_had_taken_long() {
    let (guard, clock) = (adaptive(), ManualClock::default());
    let steady = limit_after(&guard, &clock, ms(20), StatusCode::OK);
    let left_soon: Vec<_> = (0..50).map(|_| begin(&guard, &clock, Method::GET)).collect();
    clock.advance(ms(15));
    drop(left_soon);
    assert_eq!(guard.stats().limit().unwrap(), steady);
    for _ in 0..2 {
        let stuck: Vec<_> = (0..50).map(|_| begin(&guard, &clock, Method::GET)).collect();
        clock.advance(ms(15_000));
        drop(stuck);
    }
    assert!(guard.stats().limit().unwrap() < steady);
    assert_eq!(guard.stats().in_flight(), 0);
}
