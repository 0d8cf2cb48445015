//! What the guard says to requests, and when it lets go of them.

use http::{Request, header};

use crate::clock::ManualClock;
use crate::compose::Shadow;
use crate::context::{Access, ClientAddr, Principal, Provenance, Route};
use crate::guard::{Exchange, Flow, Guard};
use crate::inspect::Findings;
use crate::rejection::{Reason, Rejection};
use crate::throttle::Key;

use super::*;

fn exchange() -> Exchange {
    Exchange::test(Request::new(()), ManualClock::default())
}

fn from(ip: &str) -> Exchange {
    let mut exchange = exchange();
    exchange.set_client(ClientAddr::new(ip.parse().unwrap(), Provenance::Peer));
    exchange
}

fn build(builder: ConcurrencyBuilder) -> Concurrency {
    builder.build().unwrap()
}

fn ask(guard: &impl Guard) -> (Exchange, Result<Flow, Rejection>) {
    let mut exchange = exchange();
    let flow = guard.check(&mut exchange);
    (exchange, flow)
}

fn retry_after(rejection: &Rejection) -> u64 {
    let mut headers = rejection.headers().iter();
    let (_, value) = headers.find(|(name, _)| *name == header::RETRY_AFTER).unwrap();
    value.to_str().unwrap().parse().unwrap()
}

#[test]
fn a_request_holds_its_place_as_long_as_its_exchange_lasts() {
    let guard = build(Concurrency::at_most(2));
    let (first, admitted) = ask(&guard);
    assert!(matches!(admitted, Ok(Flow::Continue)));
    let (_second, admitted) = ask(&guard);
    assert!(admitted.is_ok());
    assert_eq!(guard.stats().in_flight(), 2);
    let (_, refused) = ask(&guard);
    assert_eq!(refused.unwrap_err().reason(), Reason::Overloaded);
    drop(first);
    assert_eq!(guard.stats().in_flight(), 1);
    assert!(ask(&guard).1.is_ok());
}

#[test]
fn beyond_a_cap_of_ones_own_it_is_429_and_beyond_one_for_all_503() {
    for (builder, reason, status) in [
        (Concurrency::at_most(1), Reason::Overloaded, 503),
        (Concurrency::at_most(1).by(Key::Route), Reason::Overloaded, 503),
        (Concurrency::at_most(1).by(Key::ClientNet), Reason::TooManyConcurrent, 429),
        (
            Concurrency::at_most(1).by(Key::ClientNet.and(Key::Route)),
            Reason::TooManyConcurrent,
            429,
        ),
    ] {
        let guard = build(builder);
        let mut first = from("192.0.2.1");
        guard.check(&mut first).unwrap();
        let mut second = from("192.0.2.1");
        let refused = guard.check(&mut second).unwrap_err();
        assert_eq!((refused.reason(), refused.status().as_u16()), (reason, status));
        assert!((1..=5).contains(&retry_after(&refused)));
        assert!(!refused.public_detail().is_empty());
        assert_eq!(guard.stats().shed(Priority::Normal), 1);
        let notes = &second.later.as_ref().unwrap().notes;
        assert!(notes[0].0 == "shed" && notes[0].1.ends_with(": full, normal"), "{notes:?}");
    }
}

#[test]
fn each_key_has_a_cap_of_its_own() {
    let guard = build(Concurrency::at_most(1).by(Key::ClientNet));
    let mut held = Vec::new();
    for (ip, is_admitted) in [
        ("192.0.2.1", true),
        ("192.0.2.1", false),
        ("192.0.2.2", true),
        ("2001:db8::1", true),
        ("2001:db8::ffff", false),
        ("2001:db8:0:1::1", true),
    ] {
        let mut exchange = from(ip);
        assert_eq!(guard.check(&mut exchange).is_ok(), is_admitted, "{ip}");
        held.push(exchange);
    }
    assert_eq!((guard.stats().in_flight(), guard.stats().keys()), (4, Some(4)));
    held.clear();
    assert_eq!((guard.stats().in_flight(), guard.stats().keys()), (0, Some(0)));
    let refused = guard.check(&mut exchange()).unwrap_err();
    assert_eq!(refused.reason(), Reason::AddressUnknown);
}

#[test]
fn a_cap_by_principal_is_skipped_on_public_routes() {
    let guard = build(Concurrency::at_most(1).by(Key::Principal));
    let on_route = |access| {
        let mut exchange = exchange();
        exchange.set_route(Arc::new(Route::new("/x", access)));
        exchange
    };
    for _ in 0..2 {
        let mut exchange = on_route(Access::Public { reason: "a test".into() });
        assert!(guard.check(&mut exchange).is_ok());
        assert_eq!(guard.stats().in_flight(), 0);
    }
    let mut mine = on_route(Access::Authenticated);
    mine.set_principal(Principal::builder("test", "alice").build());
    assert!(guard.check(&mut mine).is_ok());
    let nobody = guard.check(&mut on_route(Access::Authenticated)).unwrap_err();
    assert_eq!(nobody.reason(), Reason::MissingCredentials);
}

#[test]
fn retries_are_spread() {
    let guard = build(Concurrency::at_most(1));
    let _held = ask(&guard);
    let told: std::collections::HashSet<_> = (1..200)
        .map(|millis| {
            let clock = ManualClock::default();
            clock.advance(ms(millis));
            let mut exchange = Exchange::test(Request::new(()), clock);
            retry_after(&guard.check(&mut exchange).unwrap_err())
        })
        .collect();
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn a_closure_classes_requests_and_the_route_does_where_it_says_nothing() {
    let builder = Concurrency::at_most(10).share(Priority::Low, 10).priority_of(|exchange| {
        exchange.headers().contains_key("x-batch").then_some(Priority::Low)
    });
    let guard = build(builder);
    let _held = ask(&guard);
    let low = |header: bool, route: bool| {
        let mut exchange = exchange();
        if header {
            exchange.set_header(http::HeaderName::from_static("x-batch"), "1".parse().unwrap());
        }
        if route {
            exchange.set_priority(Priority::Low);
        }
        guard.check(&mut exchange).is_err()
    };
    assert_eq!([low(true, false), low(false, true), low(false, false)], [true, true, false]);
    assert_eq!(guard.stats().shed(Priority::Low), 2);
}

#[test]
fn a_cap_on_trial_counts_what_it_would_refuse_and_makes_nobody_wait() {
    let cap = build(Concurrency::at_most(1));
    let shadow = Shadow::of(cap.clone()).unwrap();
    let held = ask(&shadow);
    assert_eq!(cap.stats().in_flight(), 1);
    let (refused, flow) = ask(&shadow);
    assert!(matches!(flow, Ok(Flow::Continue)));
    let notes = &refused.later.as_ref().unwrap().notes;
    assert!(notes.iter().any(|note| *note == ("would-reject", "concurrency: overloaded".into())));
    drop(held);
    assert_eq!(cap.stats().in_flight(), 0);

    let cap = build(Concurrency::at_most(1).queue(5, ms(100)));
    let shadow = Shadow::of(cap.clone()).unwrap();
    let _held = ask(&shadow);
    let (would_wait, flow) = ask(&shadow);
    assert!(matches!(flow, Ok(Flow::Continue)));
    assert_eq!(would_wait.later.as_ref().unwrap().notes, [("would-wait", "all".into())]);
    assert_eq!(cap.stats().waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waited_too_long_is_refused_and_has_left_the_queue() {
    let guard = build(Concurrency::at_most(1).queue(5, ms(100)));
    let _held = ask(&guard);
    let began = tokio::time::Instant::now();
    let (mut exchange, flow) = ask(&guard);
    assert_eq!((guard.stats().waiting(), guard.stats().waited()), (1, 1));
    let refused = crate::guard::drive(flow.unwrap(), &mut exchange).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Overloaded);
    assert_eq!(refused.private_found(), Some("one more, normal: waited-too-long"));
    assert!(began.elapsed() >= ms(100) && began.elapsed() < ms(120));
    assert_eq!((guard.stats().waiting(), guard.stats().in_flight()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_let_in_as_soon_as_somebody_is_done() {
    let guard = build(Concurrency::at_most(1).queue(5, ms(100)));
    let held = ask(&guard);
    let (mut exchange, flow) = ask(&guard);
    let waiting = tokio::spawn(async move {
        let flow = crate::guard::drive(flow.unwrap(), &mut exchange).await;
        (exchange, flow)
    });
    tokio::task::yield_now().await;
    drop(held);
    let (exchange, flow) = waiting.await.unwrap();
    assert!(matches!(flow, Ok(Flow::Continue)));
    assert_eq!((guard.stats().waiting(), guard.stats().in_flight()), (0, 1));
    assert!(exchange.later.as_ref().unwrap().notes.iter().any(|(key, _)| *key == "waited"));
    drop(exchange);
    assert_eq!(guard.stats().in_flight(), 0);
}

#[test]
fn the_self_audit_reports_what_can_be_evaded_and_who_waits_too_long() {
    let codes = |guard: &Concurrency| {
        let mut findings = Findings::default();
        guard.findings(&mut findings);
        let codes = findings.iter().map(|finding| finding.code.to_owned());
        codes.collect::<Vec<_>>()
    };
    for (builder, expected) in [
        (Concurrency::at_most(1), None),
        (Concurrency::adaptive(), None),
        (Concurrency::at_most(1).by(Key::ClientNet).ipv6_prefix(128), Some("ipv6-keys")),
        (Concurrency::at_most(1).by(Key::header("x-tenant")), Some("evadable-limit")),
        (Concurrency::at_most(1).queue(1, ms(6_000)), Some("long-wait")),
    ] {
        assert_eq!(codes(&build(builder)), Vec::from_iter(expected));
    }
    let guard = build(Concurrency::at_most(1));
    let mut findings = Findings::default();
    guard.findings(&mut findings);
    guard.clone().findings(&mut findings);
    assert_eq!(findings.iter().count(), 1);
}
