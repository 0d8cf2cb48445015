use std::sync::Arc;

use http::{Method, StatusCode};

use super::super::{Outcome, Ticket};
use super::*;
use crate::clock::ManualClock;
use crate::context::{Access, Route};
use crate::guard::Exchange;
use crate::rejection::Rejection;

fn record() -> Record {
    let mut exchange = Exchange::test(http::Request::new(()), ManualClock::default());
    Ticket::open(&mut exchange, false).lock().record.clone()
}

fn refused(reason: Reason) -> Record {
    let status = Some(reason.status());
    Record { rejection: Some(Rejection::new(reason)), status, ..record() }
}

fn answered(method: Method, status: u16) -> Record {
    let status = Some(StatusCode::from_u16(status).unwrap());
    Record { method, status, outcome: Outcome::Answered, ..record() }
}

fn shown(record: &Record) -> Vec<String> {
    use Signal::{FailedLogin, Fault, Forbidden, ForgedCredentials, Invalid, Limited, NotFound};
    [ForgedCredentials, FailedLogin, NotFound, Invalid, Forbidden, Limited, Fault]
        .iter()
        .filter(|signal| signal.is_shown_by(record))
        .map(ToString::to_string)
        .collect()
}

#[test]
fn a_refusal_shows_what_its_reason_says_and_nothing_else() {
    let table: &[(Reason, &[&str])] = &[
        (Reason::InvalidCredentials, &["forged credentials", "failed login"]),
        (Reason::InvalidProof, &["forged credentials", "failed login"]),
        (Reason::ExpiredCredentials, &[]),
        (Reason::RevokedCredentials, &[]),
        (Reason::MissingCredentials, &[]),
        (Reason::NotFound, &["not found"]),
        (Reason::SchemaViolation, &["invalid request"]),
        (Reason::JsonMalformed, &["invalid request"]),
        (Reason::BrokenBody, &[]),
        (Reason::Forbidden, &["forbidden"]),
        (Reason::InsufficientScope, &["forbidden"]),
        (Reason::AddressDenied, &[]),
        (Reason::CrossSite, &[]),
        (Reason::InsecureCredentials, &[]),
        (Reason::RateLimited, &["past a limit"]),
        (Reason::Unavailable, &["fault of this service"]),
    ];
    for (reason, signals) in table {
        assert_eq!(shown(&refused(*reason)), *signals, "{reason:?}");
    }
}

#[test]
fn a_handlers_own_answer_shows_what_its_status_says() {
    assert_eq!(shown(&answered(Method::GET, 200)), [""; 0]);
    assert_eq!(shown(&answered(Method::POST, 401)), ["failed login"]);
    assert_eq!(
        shown(&answered(Method::GET, 401)),
        [""; 0],
        "a page behind a login, not yet logged in"
    );
    assert_eq!(shown(&answered(Method::GET, 404)), ["not found"]);
    assert_eq!(shown(&answered(Method::POST, 422)), ["invalid request"]);
    assert_eq!(shown(&answered(Method::GET, 403)), ["forbidden"]);
    assert_eq!(shown(&answered(Method::GET, 500)), ["fault of this service"]);
}

#[test]
fn a_status_of_grpc_counts_as_the_status_of_http_that_says_the_same() {
    let table: &[(&'static str, &[&str])] = &[
        ("0", &[]),
        ("3", &["invalid request"]),
        ("5", &["not found"]),
        ("7", &["forbidden"]),
        ("13", &["fault of this service"]),
        ("16", &["failed login"]),
    ];
    for (code, signals) in table {
        let notes = vec![("grpc-status", (*code).into())];
        let record = Record { notes, ..answered(Method::POST, 200) };
        assert_eq!(shown(&record), *signals, "{code}");
    }
}

#[test]
fn a_stranger_on_a_path_nobody_named_is_looking_for_what_may_be_there() {
    let mut route = Route::new("*", Access::Authenticated);
    let named =
        Record { route: Some(Arc::new(route.clone())), ..refused(Reason::MissingCredentials) };
    assert_eq!(shown(&named), [""; 0]);
    route.listed = false;
    let record = Record { route: Some(Arc::new(route)), ..named };
    assert_eq!(shown(&record), ["not found"]);
}

#[test]
fn what_browsers_ask_for_by_themselves_is_no_scan() {
    for path in
        ["/favicon.ico", "/apple-touch-icon-precomposed.png", "/.well-known/x", "/robots.txt"]
    {
        let record = Record { uri: path.parse().unwrap(), ..answered(Method::GET, 404) };
        assert_eq!(shown(&record), [""; 0], "{path}");
    }
}

#[test]
fn a_client_that_leaves_before_the_answer_is_out_has_shown_it_all_the_same() {
    let record = Record { outcome: Outcome::Cancelled, ..answered(Method::GET, 404) };
    assert_eq!(shown(&record), ["not found"]);
}

#[test]
fn a_report_is_known_by_its_word_and_a_status_by_its_range() {
    let notes = vec![("reported", "card-declined".into()), ("other", "x".into())];
    let record = Record { notes, ..answered(Method::POST, 304) };
    assert!(Signal::reported("card-declined").is_shown_by(&record));
    assert!(!Signal::reported("x").is_shown_by(&record));
    assert!(Signal::status(304).is_shown_by(&record));
    assert!(!Signal::statuses(400..=499).is_shown_by(&record));
}

#[test]
fn what_can_never_be_shown_is_a_flaw() {
    #[expect(clippy::reversed_empty_ranges, reason = "the mistake that is looked for")]
    let nonsense = [
        Signal::status(99),
        Signal::statuses(500..=600),
        Signal::statuses(500..=400),
        Signal::reported(""),
        Signal::reported("two words"),
    ];
    assert!(nonsense.iter().all(|signal| signal.flaw().is_some()));
    assert!(Signal::status(304).flaw().is_none() && Signal::FailedLogin.flaw().is_none());
}
