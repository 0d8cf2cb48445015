//! What requests are charged, and what becomes of the charge.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::{HeaderMap, Request, Response, response};
use proptest::prelude::*;

use super::Cost;
use crate::clock::ManualClock;
use crate::context::{ClientAddr, Provenance};
use crate::guard::{Exchange, Guard, ReplyHook};
use crate::rejection::{Reason, Rejection};
use crate::throttle::{Limit, Throttle, ThrottleBuilder};

fn call(clock: &ManualClock, method: &str, target: &str) -> Exchange {
    let request = Request::builder().method(method).uri(target).body(()).unwrap();
    let mut exchange = Exchange::test(request, clock.clone());
    exchange.set_client(ClientAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), Provenance::Peer));
    exchange
}

/// Sends a request that the handler answers with such headers, and returns the answer's.
fn answered(
    throttle: &Throttle,
    clock: &ManualClock,
    answer: &[(&'static str, &str)],
) -> Result<HeaderMap, Rejection> {
    let mut exchange = call(clock, "GET", "/");
    throttle.check(&mut exchange)?;
    let mut response = Response::builder();
    for (name, value) in answer {
        response = response.header(*name, *value);
    }
    Ok(reply(exchange, response.body(()).unwrap().into_parts().0).headers)
}

fn reply(mut exchange: Exchange, mut parts: response::Parts) -> response::Parts {
    let later = exchange.later.take();
    for hook in later.into_iter().flat_map(|later| later.reply_hooks).rev() {
        match hook.work {
            ReplyHook::Head(hook) => hook(&mut parts).unwrap(),
            ReplyHook::Whole(_) => panic!("nobody asked for the body"),
        }
    }
    parts
}

/// How many are left, asked without spending any.
fn left(throttle: &Throttle, clock: &ManualClock) -> u64 {
    let mut low = 0;
    for cost in 1..=1_000 {
        let mut exchange = call(clock, "GET", &format!("/?{cost}"));
        exchange.rehearsal = Some(Box::default());
        match throttle.check(&mut exchange) {
            Ok(_) => low = cost,
            Err(_) => break,
        }
    }
    low
}

fn by_query(exchange: &Exchange) -> u32 {
    exchange.uri().query().and_then(|query| query.parse().ok()).unwrap_or(10)
}

fn hundred() -> ThrottleBuilder {
    Throttle::per_hour(100).cost_by(by_query)
}

#[test]
fn a_request_costs_what_its_route_says_else_the_closure_else_the_same_as_any() {
    let clock = ManualClock::default();
    let throttle = hundred().cost_on("POST /reports", 25).build().unwrap();
    assert!(throttle.check(&mut call(&clock, "POST", "/reports?3")).is_ok());
    assert_eq!(left(&throttle, &clock), 75);
    assert!(throttle.check(&mut call(&clock, "GET", "/reports?3")).is_ok());
    assert_eq!(left(&throttle, &clock), 72);
    let plain = Throttle::per_hour(10).cost(3).cost_on("/dear", 6).build().unwrap();
    let asked = |path| plain.check(&mut call(&clock, "GET", path)).is_ok();
    assert_eq!(
        [asked("/dear"), asked("/dear"), asked("/"), asked("/")],
        [true, false, true, false]
    );
}

#[test]
fn what_costs_more_than_can_ever_be_spent_is_refused_clearly_and_charged_nothing() {
    let clock = ManualClock::default();
    let throttle = hundred().and(Limit::per_second(40)).build().unwrap();
    let refusal = throttle.check(&mut call(&clock, "GET", "/?41")).unwrap_err();
    assert_eq!(refusal.reason(), Reason::TooCostly);
    assert!(refusal.public_detail().contains("41") && refusal.public_detail().contains("40"));
    assert!(refusal.headers().is_empty(), "no waiting helps");
    assert_eq!(left(&throttle, &clock), 40);
    let quiet = hundred().quiet().build().unwrap();
    let refusal = quiet.check(&mut call(&clock, "GET", "/?4294967295")).unwrap_err();
    assert!(!refusal.public_detail().contains("100"), "{}", refusal.public_detail());
}

#[test]
fn a_request_that_costs_nothing_is_let_through_until_the_key_owes() {
    let clock = ManualClock::default();
    let throttle = hundred().settle_by("x-cost").build().unwrap();
    assert!(throttle.check(&mut call(&clock, "GET", "/?100")).is_ok());
    assert!(throttle.check(&mut call(&clock, "GET", "/?0")).is_ok());
    assert!(throttle.check(&mut call(&clock, "GET", "/?1")).is_err());
    clock.advance(Duration::from_secs(360));
    answered(&throttle, &clock, &[("x-cost", "50")]).unwrap();
    assert!(throttle.check(&mut call(&clock, "GET", "/?0")).is_err(), "it owes 40");
}

#[test]
fn the_handler_s_figure_takes_the_place_of_the_estimate_and_its_header_is_taken_out() {
    let clock = ManualClock::default();
    let throttle = hundred().settle_by("X-Cost").build().unwrap();
    let told = answered(&throttle, &clock, &[("x-cost", "4"), ("x-other", "1")]).unwrap();
    assert!(!told.contains_key("x-cost") && told.contains_key("x-other"));
    assert_eq!(left(&throttle, &clock), 96);
    answered(&throttle, &clock, &[("x-cost", "0")]).unwrap();
    assert_eq!(left(&throttle, &clock), 96);
    answered(&throttle, &clock, &[]).unwrap();
    assert_eq!(left(&throttle, &clock), 86, "no figure: the estimate");
    answered(&throttle, &clock, &[("x-cost", "36")]).unwrap();
    assert_eq!(left(&throttle, &clock), 50);
}

#[test]
fn a_figure_beyond_what_is_left_is_owed_and_waited_off() {
    let clock = ManualClock::default();
    let throttle = hundred().settle_by("x-cost").build().unwrap();
    answered(&throttle, &clock, &[("x-cost", "150")]).unwrap();
    assert_eq!(left(&throttle, &clock), 0);
    clock.advance(Duration::from_secs(1_800));
    assert_eq!(left(&throttle, &clock), 0);
    clock.advance(Duration::from_secs(360));
    assert_eq!(left(&throttle, &clock), 10);
    // However much it is, it is paid within two years.
    let trusting = hundred().settle_by("x-cost").settle_at_most(u32::MAX).build().unwrap();
    answered(&trusting, &clock, &[("x-cost", "4294967295")]).unwrap();
    clock.advance(Duration::from_secs(733 * 86_400));
    assert_eq!(left(&trusting, &clock), 100);
}

#[test]
fn a_figure_that_cannot_be_one_leaves_the_estimate() {
    for bad in [
        &[("x-cost", "-4")][..],
        &[("x-cost", "4.5")],
        &[("x-cost", "")],
        &[("x-cost", "1001")],
        &[("x-cost", "4294967295")],
        &[("x-cost", "4294967296")],
        &[("x-cost", "00000000004")],
        &[("x-cost", "99999999999999999999999999")],
        &[("x-cost", "4"), ("x-cost", "4")],
    ] {
        let clock = ManualClock::default();
        let throttle = hundred().settle_by("x-cost").build().unwrap();
        let told = answered(&throttle, &clock, bad).unwrap();
        assert!(!told.contains_key("x-cost"), "it is taken out all the same");
        assert_eq!(left(&throttle, &clock), 90, "{bad:?}");
    }
}

#[test]
fn several_throttles_settle_by_one_header_which_may_be_shown() {
    let clock = ManualClock::default();
    let both = [
        hundred().settle_by("x-cost").build().unwrap(),
        Throttle::per_day(1_000).cost_by(by_query).settle_by("x-cost").build().unwrap(),
    ];
    let mut exchange = call(&clock, "GET", "/");
    both.iter().for_each(|throttle| drop(throttle.check(&mut exchange).unwrap()));
    let parts = Response::builder().header("x-cost", "4").body(()).unwrap().into_parts().0;
    assert!(reply(exchange, parts).headers.is_empty());
    assert_eq!(both.each_ref().map(|throttle| left(throttle, &clock)), [96, 996]);
    let shown = hundred().settle_by("x-cost").show_cost().build().unwrap();
    let told = answered(&shown, &clock, &[("x-cost", "4")]).unwrap();
    assert_eq!(told["x-cost"], "4");
    assert_eq!(left(&shown, &clock), 96);
}

#[test]
fn a_handler_settles_by_the_handle_of_its_request() {
    let clock = ManualClock::default();
    let throttle = hundred().settle_by_handler().settle_by("x-cost").build().unwrap();
    let mut exchange = call(&clock, "GET", "/");
    throttle.check(&mut exchange).unwrap();
    let handle = exchange.head().extensions.get::<Cost>().unwrap().clone();
    handle.set(30);
    handle.add(3);
    let parts = Response::builder().header("x-cost", "4").body(()).unwrap().into_parts().0;
    assert!(reply(exchange, parts).headers.is_empty());
    assert_eq!(left(&throttle, &clock), 67);
    handle.set(1);
    assert_eq!(left(&throttle, &clock), 67, "it is settled once");
}

#[test]
fn a_handle_that_nobody_set_tells_nothing_and_never_more_than_can_be_told() {
    let handle = Cost::default();
    assert_eq!(handle.told(), None);
    handle.add(u32::MAX);
    handle.add(u32::MAX);
    assert_eq!(handle.told(), Some(u32::MAX));
    handle.set(0);
    assert_eq!(handle.told(), Some(0));
}

proptest! {
    #[test]
    fn whatever_is_settled_has_been_charged_in_the_end(
        calls in prop::collection::vec((1..20_u32, prop::option::of(0..40_u32)), 1..20),
    ) {
        let clock = ManualClock::default();
        for limit in [
            Limit::per_day(500),
            Limit::fixed(500, Duration::from_secs(86_400)),
            Limit::sliding(500, Duration::from_secs(86_400)),
        ] {
            let throttle =
                Throttle::of(limit).cost_by(by_query).settle_by("x-cost").build().unwrap();
            let mut spent = 0;
            for (estimate, real) in &calls {
                let mut exchange = call(&clock, "GET", &format!("/?{estimate}"));
                let admitted = throttle.check(&mut exchange).is_ok();
                prop_assert_eq!(admitted, spent + estimate <= 500);
                if admitted {
                    let mut answer = Response::builder();
                    if let Some(real) = real {
                        answer = answer.header("x-cost", *real);
                    }
                    reply(exchange, answer.body(()).unwrap().into_parts().0);
                    spent += real.unwrap_or(*estimate);
                }
            }
            prop_assert_eq!(left(&throttle, &clock), u64::from(500_u32.saturating_sub(spent)));
        }
    }
}
