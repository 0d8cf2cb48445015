use super::*;
use crate::clock::ManualClock;
use crate::observe::Ticket;
use crate::throttle::{Count, Key, Throttle, ThrottleBuilder};

fn answered(status: u16) -> Record {
    let mut exchange = Exchange::test(http::Request::new(()), ManualClock::default());
    let record = Ticket::open(&mut exchange, false).lock().record.clone();
    Record { status: http::StatusCode::from_u16(status).ok(), ..record }
}

#[test]
fn the_first_signal_that_is_shown_says_what_a_request_has_cost() {
    let outcomes = Outcomes::new(&[
        (Signal::status(304), Effect::Refund),
        (Signal::NotFound, Effect::Penalty(7)),
        (Signal::statuses(400..=499), Effect::Cost(2)),
    ]);
    let outcomes = outcomes.unwrap();
    for (status, more) in [(200, 0), (304, -5), (404, 7), (410, -3), (500, 0)] {
        assert_eq!(outcomes.more(&answered(status), 5), more, "{status}");
    }
    assert!(Outcomes::new(&[]).is_none());
}

fn mistakes(builder: ThrottleBuilder) -> Vec<(String, String)> {
    let error = builder.build().unwrap_err();
    let each = error.mistakes().iter();
    each.map(|mistake| (mistake.setter().to_owned(), mistake.value().to_owned())).collect()
}

#[test]
fn outcomes_that_make_no_sense_are_refused() {
    let limit = || Throttle::per_minute(10);
    let one = |setter: &str, value: &str| vec![(setter.to_owned(), value.to_owned())];
    let table = [
        (limit().on(Signal::status(99), Effect::Refund), one("on", "99..=99")),
        (limit().on(Signal::NotFound, Effect::Penalty(0)), one("on", "not found, Penalty(0)")),
        (limit().on(Signal::NotFound, Effect::Penalty(101)), one("on", "not found, Penalty(101)")),
        (limit().on(Signal::NotFound, Effect::Cost(101)), one("on", "not found, Cost(101)")),
        (
            limit().on(Signal::Fault, Effect::Refund).on(Signal::Fault, Effect::Cost(2)),
            one("on", "fault of this service"),
        ),
        (limit().counting(Count::Outcomes), one("counting", "Outcomes")),
        (
            limit().counting(Count::Outcomes).on(Signal::Fault, Effect::Refund),
            one("on", "fault of this service, Refund"),
        ),
        (
            limit().counting(Count::ForgedCredentials).on(Signal::NotFound, Effect::Penalty(1)),
            one("on", ""),
        ),
        (
            limit().by(Key::Principal).on(Signal::FailedLogin, Effect::Penalty(1)),
            one("on", "failed login, Penalty(1)"),
        ),
        (
            limit().settle_by("x-cost").on(Signal::Fault, Effect::Refund),
            one("on", "fault of this service, Refund"),
        ),
    ];
    for (builder, expected) in table {
        assert_eq!(mistakes(builder), expected);
    }
    for good in [
        limit().settle_by("x-cost").on(Signal::NotFound, Effect::Penalty(1)),
        limit().on(Signal::NotFound, Effect::Penalty(100)).on(Signal::Fault, Effect::Cost(0)),
        limit().by(Key::Principal).on(Signal::NotFound, Effect::Penalty(1)),
    ] {
        assert!(good.build().is_ok());
    }
}

#[test]
fn the_summary_says_what_outcomes_cost() {
    use crate::guard::Guard;
    let throttle = Throttle::per_minute(10)
        .on(Signal::status(304), Effect::Refund)
        .on(Signal::NotFound, Effect::Penalty(5));
    let summary = throttle.build().unwrap().summary().into_owned();
    assert!(summary.contains("nothing for status 304, 5 more for not found"), "{summary}");
}

#[test]
fn a_limit_on_failed_logins_is_a_limit_on_guesses() {
    use crate::guard::Guard;
    let throttle = Throttle::per_minute(10).counting(Count::Outcomes);
    let throttle = throttle.on(Signal::FailedLogin, Effect::Penalty(1)).build().unwrap();
    let mut report = crate::inspect::Findings::default();
    throttle.findings(&mut report);
    assert!(report.is_marked("guess-limit"));
}
