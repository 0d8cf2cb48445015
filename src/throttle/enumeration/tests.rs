//! Who is found, who is not, and what it costs.

use std::{collections::HashSet, convert::Infallible, net::SocketAddr, time::Duration};

use axum_core::body::Body;
use futures_util::FutureExt;
use http::{Method, Request, Response, StatusCode};
use proptest::prelude::*;
use tower::{Layer, ServiceExt, service_fn};

use super::{
    Enumeration, EnumerationBuilder, Outcomes, Refusing, sketch::EXACT, table::Table, trail::Trail,
};
use crate::{
    Exchange, Guard, Parapet, Peer, PeerAddr, Record,
    clock::ManualClock,
    compose::Shadow,
    guard::{ByHeader, IntoGuard},
    observe::Observer,
};

const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Clone, Default)]
struct Notes(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Observer for Notes {
    fn completed(&self, record: &Record) {
        let notes = record.notes.iter().map(|(key, value)| format!("{key}={value}"));
        self.0.lock().unwrap().extend(notes);
    }
}

struct Service {
    stack: Parapet,
    clock: ManualClock,
    notes: Notes,
}

fn service(guard: impl IntoGuard) -> Service {
    let (clock, notes) = (ManualClock::default(), Notes::default());
    let stack = Parapet::builder()
        .dangerous()
        .bare()
        .peer(Peer::Extension)
        .with_clock(clock.clone())
        .guard(ByHeader)
        .guard(guard)
        .observe(notes.clone())
        .build()
        .unwrap();
    Service { stack, clock, notes }
}

impl Service {
    /// Asks a service that finds what is below a million.
    fn ask_as(
        &self,
        caller: Option<&str>,
        peer: &str,
        method: Method,
        path: &str,
    ) -> Response<Body> {
        let handler = service_fn(|request: Request<Body>| {
            let id = request.uri().path().rsplit('/').next().unwrap().parse::<u64>();
            let is_there = id.is_ok_and(|id| id < 1_000_000);
            let status = if is_there { StatusCode::OK } else { StatusCode::NOT_FOUND };
            let answer = Response::builder().status(status).body(Body::empty()).unwrap();
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let mut request = Request::builder().method(method).uri(path);
        if let Some(caller) = caller {
            request = request.header("x-caller", caller);
        }
        let peer: SocketAddr = peer.parse().unwrap();
        let request = request.extension(PeerAddr::new(peer)).body(Body::empty()).unwrap();
        self.stack.layer(handler).oneshot(request).now_or_never().unwrap().unwrap()
    }

    fn get(&self, caller: &str, id: u64) -> u16 {
        let path = format!("/orders/{id}");
        self.ask_as(Some(caller), "192.0.2.1:1", Method::GET, &path).status().as_u16()
    }

    fn told(&self) -> Vec<String> {
        let notes = self.notes.0.lock().unwrap();
        notes.iter().filter(|note| *note != "reported=enumeration").cloned().collect()
    }
}

fn orders(most: u32) -> EnumerationBuilder {
    Enumeration::named("orders").routes(["GET /orders/{id}"]).at_most(most)
}

#[test]
fn who_walks_through_ids_is_told_once_for_a_window_and_refused_nothing() {
    let service = service(orders(100));
    for id in 0..100 {
        assert_eq!(service.get("eve", id), 200);
    }
    assert!(service.told().is_empty());
    for id in 100..300 {
        assert_eq!(service.get("eve", id), 200);
    }
    assert_eq!(service.told(), ["enumeration=orders: 101 objects within 3600 s"]);
    // She walks on: once more for each window.
    for _ in 0..4 {
        service.clock.advance(HOUR / 2);
        (0..300).for_each(|id| assert_eq!(service.get("eve", id), 200));
    }
    assert_eq!(service.told().len(), 3);
}

#[test]
fn whoever_reads_the_same_objects_all_day_is_never_found() {
    let service = service(orders(50).refusing(Refusing::Everything));
    for minute in 0..24 * 60 {
        for id in [minute % 50, minute * 7 % 50] {
            assert_eq!(service.get("ada", id), 200);
        }
        service.clock.advance(Duration::from_secs(60));
    }
    assert!(service.told().is_empty());
}

#[test]
fn callers_are_counted_apart_and_anonymous_ones_by_network() {
    let service = service(orders(10).refusing(Refusing::Everything));
    for id in 0..11 {
        assert_eq!(service.get("eve", id), 200);
    }
    assert_eq!(service.get("eve", 0), 429);
    assert_eq!(service.get("ada", 0), 200);
    let anonymous = |peer: &str, id: u64| {
        let path = format!("/orders/{id}");
        service.ask_as(None, peer, Method::GET, &path).status().as_u16()
    };
    // One customer's /64, however many addresses of it.
    for id in 0..11 {
        assert_eq!(anonymous(&format!("[2001:db8::{id}]:1"), id), 200);
    }
    assert_eq!(anonymous("[2001:db8::ffff]:1", 0), 429);
    assert_eq!(anonymous("[2001:db8:0:1::1]:1", 0), 200);
    assert_eq!(anonymous("192.0.2.1:1", 0), 200);
}

#[test]
fn without_a_principal_and_an_address_it_refuses() {
    let detector = orders(10).build().unwrap();
    let request = Request::builder().uri("/orders/1").body(()).unwrap();
    let mut exchange = Exchange::test(request, ManualClock::default());
    let rejection = detector.check(&mut exchange).unwrap_err();
    assert_eq!(rejection.reason(), crate::Reason::AddressUnknown);
    let request = Request::builder().uri("/else").body(()).unwrap();
    let mut exchange = Exchange::test(request, ManualClock::default());
    assert!(detector.check(&mut exchange).is_ok());
}

#[test]
fn unseen_objects_are_refused_and_those_of_before_go_on_until_the_window_is_over() {
    let service = service(orders(20).refusing(Refusing::Unseen));
    (0..20).for_each(|id| assert_eq!(service.get("eve", id), 200));
    (20..40).for_each(|id| assert_eq!(service.get("eve", id), 429));
    (0..20).for_each(|id| assert_eq!(service.get("eve", id), 200));
    assert_eq!(service.told(), ["enumeration=orders: 20 objects within 3600 s"]);
    let refused = service.ask_as(Some("eve"), "192.0.2.1:1", Method::GET, "/orders/77");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    // Both halves: what was asked for in this one counts until the next one is over.
    assert!((3_600..=4_501).contains(&wait), "{wait}");
    service.clock.advance(Duration::from_secs(3_600));
    assert_eq!(service.get("eve", 77), 200);
}

#[test]
fn what_counts_is_what_the_answer_says() {
    let found = service(orders(5).refusing(Refusing::Everything));
    let missed = service(orders(5).counting(Outcomes::Missed).refusing(Refusing::Everything));
    let all = service(orders(5).counting(Outcomes::All).refusing(Refusing::Everything));
    let walk = |service: &Service, ids: std::ops::Range<u64>| {
        ids.map(|id| service.get("eve", id)).filter(|status| *status == 429).count()
    };
    assert_eq!(walk(&found, 2_000_000..2_000_050), 0);
    assert_eq!(walk(&found, 0..50), 44);
    assert_eq!(walk(&missed, 0..50), 0);
    assert_eq!(walk(&missed, 2_000_000..2_000_050), 44);
    assert_eq!(walk(&all, 999_997..1_000_047), 44);
}

#[test]
fn no_spelling_of_a_path_hides_an_object_or_makes_two_of_it() {
    let all = orders(1).counting(Outcomes::All).refusing(Refusing::Everything);
    let service = service(all);
    let ask =
        |path| service.ask_as(Some("eve"), "192.0.2.1:1", Method::GET, path).status().as_u16();
    for path in ["/orders/7", "/orders/%37", "/orders/7?x=1", "/orders/7/"] {
        assert_ne!(ask(path), 429, "{path}");
    }
    let head = service.ask_as(Some("eve"), "192.0.2.1:1", Method::HEAD, "/orders/8");
    assert_eq!(head.status(), 200);
    assert_eq!(ask("/orders/%37"), 429);
    // What is no route of its is none of its business.
    let post = service.ask_as(Some("eve"), "192.0.2.1:1", Method::POST, "/orders/7");
    assert_eq!((post.status().as_u16(), ask("/else/7")), (200, 200));
}

#[test]
fn on_trial_every_request_counts_and_nothing_is_refused() {
    let trial = Shadow::of(orders(5).refusing(Refusing::Everything)).unwrap();
    let service = service(trial);
    (0..8).for_each(|id| assert_eq!(service.get("eve", id), 200));
    let told = service.told();
    assert!(told.contains(&"would-reject=enumeration: rate-limited".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|note| note.starts_with("enumeration=")).count(), 1);
}

#[test]
fn an_explanation_counts_nothing() {
    let service = service(orders(5).refusing(Refusing::Everything));
    for id in 0..50 {
        let request = Request::builder().uri(format!("/orders/{id}")).header("x-caller", "eve");
        let request = request.body(()).unwrap();
        let explained = service.stack.explain(&request).into_future().now_or_never().unwrap();
        assert!(!format!("{explained:?}").contains("Refused"), "{id}");
    }
}

#[test]
fn every_mistake_is_reported_at_once_with_its_value_and_its_remedy() {
    let setters = |builder: EnumerationBuilder| -> Vec<_> {
        let error = builder.build().unwrap_err();
        for mistake in error.mistakes() {
            assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
        }
        error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect()
    };
    let all = Enumeration::named("two words")
        .routes(["orders/{id}", "/orders"])
        .at_most(0)
        .within(Duration::from_secs(1))
        .max_callers(0);
    assert_eq!(setters(all), ["named", "routes", "routes", "at_most", "within", "max_callers"]);
    assert_eq!(setters(Enumeration::named("a")), ["routes", "at_most"]);
    assert_eq!(setters(orders(1_000_001)), ["at_most"]);
    assert_eq!(setters(orders(1_025).refusing(Refusing::Unseen)), ["at_most"]);
    assert_eq!(setters(orders(1).within(32 * 24 * HOUR)), ["within"]);
    assert_eq!(setters(orders(1).routes(["/orders/{{id}}"])), ["routes"]);
    assert_eq!(setters(orders(1).routes(["/orders/{other}"])), ["routes"]);
    for good in [
        orders(1),
        orders(1_000_000).refusing(Refusing::Everything).within(31 * 24 * HOUR),
        orders(1_024).refusing(Refusing::Unseen).max_callers(1),
        orders(1).routes(["POST /orders/{id}", "/files/{*rest}"]),
    ] {
        assert!(good.build().is_ok());
    }
}

#[test]
fn a_crowd_of_new_callers_takes_the_place_of_one_another_and_not_of_who_walks() {
    let table = Table::new(1_000);
    let walker = 0x1234_5678_9abc_def0;
    for object in 0..10 {
        table.change(walker, 0, |trail| trail.add(object, EXACT));
    }
    let mut tag = 1_u64;
    for _ in 0..100_000 {
        tag = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        table.change(tag, 0, |trail| trail.add(7, EXACT));
    }
    assert_eq!(table.look(walker, 0, |trail| trail.count()), Some(10));
    let callers = table.all(|_| ()).len();
    assert!(callers <= 1_024, "{callers}");
}

#[test]
fn memory_is_bounded_however_many_callers_there_are_and_objects_they_ask_for() {
    let table = Table::new(200);
    let mut tag = 1_u64;
    for caller in 0..2_000_u64 {
        tag = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        for half in 0..2 {
            for object in 0..140_u64 {
                let hash = (object * 2_000 + caller).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                table.change(tag, half, |trail| trail.add(hash, EXACT));
            }
        }
    }
    let bytes: usize = table.all(Trail::bytes).iter().sum();
    println!("2000 callers with 280 objects each: {} KiB for 200 of them", bytes / 1024);
    assert!(bytes <= 200 * 2 * 1_024, "{bytes}");
}

proptest! {
    #[test]
    fn nobody_is_found_for_less_than_the_limit_within_a_window_nor_missed_for_more_within_half_of_one(
        most in 1_u32..100,
        steps in prop::collection::vec((0_u64..150, 0_u64..400), 1..400),
    ) {
        let service = service(orders(most).refusing(Refusing::Everything));
        let (mut now, mut seen) = (0_u64, Vec::new());
        for (id, pause) in steps {
            now += pause;
            service.clock.advance(Duration::from_secs(pause));
            let since = |seconds: u64| -> HashSet<u64> {
                let from = now.saturating_sub(seconds);
                let is_since = |(at, _): &&(u64, u64)| *at > from || seconds > now;
                seen.iter().filter(is_since).map(|(_, id)| *id).collect()
            };
            let (whole, half) = (since(3_600).len(), since(1_800).len());
            let is_refused = service.get("eve", id) == 429;
            if whole <= most as usize {
                prop_assert!(!is_refused, "{} within a window", whole);
            }
            // What came within half a window is counted whole only from the last two halves on.
            if half > most as usize {
                prop_assert!(is_refused, "{} within half a window", half);
            }
            if !is_refused {
                seen.push((now, id));
            }
        }
    }

    #[test]
    fn a_walker_is_found_within_the_stated_error(most in 150_u32..1_500, offset in any::<u32>()) {
        let detector = orders(most).build().unwrap();
        let service = service(detector);
        let limit = (f64::from(most) * (1.0 + 5.0 * 0.0325)) as u64;
        let mut id = u64::from(offset) % 500_000;
        let mut asked = 0;
        while service.told().is_empty() {
            prop_assert!(asked <= limit, "{asked} objects, and {most} allowed");
            prop_assert_eq!(service.get("eve", id), 200);
            (id, asked) = (id + 1, asked + 1);
        }
        prop_assert!(asked as f64 >= f64::from(most) * (1.0 - 5.0 * 0.0325), "{asked} of {most}");
    }
}
