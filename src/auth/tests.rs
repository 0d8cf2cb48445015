use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Request, header::WWW_AUTHENTICATE};

use super::{Attempt, Authenticate, Scheme};
use crate::{
    clock::ManualClock,
    context::{Access, Principal, Route},
    guard::{Exchange, Flow, Guard},
    rejection::{Reason, Rejection},
};

/// Reads its own header; `good` is good, `absent` is none after all, anything else is bad.
struct Word(&'static str);

impl Scheme for Word {
    fn name(&self) -> &'static str {
        self.0
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(self.0)
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        match exchange.headers().get(self.0).map(HeaderValue::as_bytes) {
            Some(b"good") => Ok(Attempt::Verified(Principal::builder(self.0, "alice").build())),
            Some(b"absent") | None => Ok(Attempt::Absent),
            Some(_) => Err(Rejection::new(Reason::InvalidCredentials)),
        }
    }

    fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(self.0)
    }
}

fn guard() -> Authenticate {
    Authenticate::with(Word("one")).or(Word("two"))
}

fn exchange(access: Option<Access>, headers: &[(&'static str, &'static str)]) -> Exchange {
    let mut request = Request::new(());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    let mut exchange = Exchange::test(request, ManualClock::at_unix(Duration::ZERO));
    if let Some(access) = access {
        exchange.set_route(Arc::new(Route {
            pattern: Arc::from("/"),
            listed: true,
            access,
            body_limit: None,
            deadline: None,
            guards: Vec::new(),
        }));
    }
    exchange
}

fn judge(
    guard: &Authenticate,
    access: Option<Access>,
    headers: &[(&'static str, &'static str)],
) -> Result<Option<String>, Rejection> {
    let mut exchange = exchange(access, headers);
    match guard.check(&mut exchange)? {
        Flow::Continue => Ok(exchange.principal().map(|caller| caller.issuer().to_owned())),
        other => panic!("{other:?}"),
    }
}

fn reason(judged: Result<Option<String>, Rejection>) -> Reason {
    judged.unwrap_err().reason()
}

fn challenges(rejection: &Rejection) -> Vec<&str> {
    let headers = rejection.headers().iter().filter(|(name, _)| name == WWW_AUTHENTICATE);
    headers.filter_map(|(_, value)| value.to_str().ok()).collect()
}

fn public() -> Option<Access> {
    Some(Access::Public { reason: Arc::from("shop window") })
}

#[test]
fn either_scheme_settles_the_principal() {
    for access in [None, Some(Access::Optional), Some(Access::Authenticated)] {
        for scheme in ["one", "two"] {
            let judged = judge(&guard(), access.clone(), &[(scheme, "good")]);
            assert_eq!(judged.unwrap().as_deref(), Some(scheme));
        }
    }
}

#[test]
fn without_credentials_every_scheme_gives_its_challenge() {
    for access in [None, Some(Access::Authenticated)] {
        let refused = judge(&guard(), access, &[]).unwrap_err();
        assert_eq!(refused.reason(), Reason::MissingCredentials);
        assert_eq!(challenges(&refused), ["one", "two"]);
    }
}

#[test]
fn optional_admits_only_absent_credentials_never_bad_ones() {
    for (guard, access) in [(guard().optional(), None), (guard(), Some(Access::Optional))] {
        let judge = |headers: &[_]| judge(&guard, access.clone(), headers);
        assert_eq!(judge(&[]).unwrap(), None);
        assert_eq!(judge(&[("one", "absent")]).unwrap(), None);
        assert_eq!(reason(judge(&[("one", "bad")])), Reason::InvalidCredentials);
        assert_eq!(reason(judge(&[("two", "")])), Reason::InvalidCredentials);
        assert_eq!(reason(judge(&[("authorization", "Basic eA==")])), Reason::InvalidCredentials);
    }
}

#[test]
fn a_route_decides_over_the_setting_of_the_guard() {
    let optional = guard().optional();
    let judged = judge(&optional, Some(Access::Authenticated), &[]);
    assert_eq!(reason(judged), Reason::MissingCredentials);
}

#[test]
fn on_a_public_route_credentials_are_not_looked_at() {
    for value in ["good", "bad"] {
        assert_eq!(judge(&guard(), public(), &[("one", value)]).unwrap(), None);
    }
}

#[test]
fn credentials_of_two_schemes_are_refused_even_if_both_are_good() {
    let judged = judge(&guard(), None, &[("one", "good"), ("two", "good")]);
    assert_eq!(reason(judged), Reason::AmbiguousCredentials);
}

#[test]
fn a_refusal_is_told_with_the_challenge_and_under_the_name_of_its_scheme() {
    let refused = judge(&guard(), None, &[("two", "bad")]).unwrap_err();
    assert_eq!(challenges(&refused), ["two"]);
    assert_eq!(refused.guard(), Some("two"));
}

#[test]
fn who_is_let_through_without_credentials_meets_the_challenges_later() {
    for access in [public(), Some(Access::Optional)] {
        let mut exchange = exchange(access, &[]);
        guard().check(&mut exchange).unwrap();
        assert_eq!(challenges(&exchange.context.unauthenticated()), ["one", "two"]);
    }
}

#[test]
fn a_guard_without_schemes_refuses_and_says_so_in_the_audit() {
    let guard = Authenticate::from_iter([]);
    assert_eq!(reason(judge(&guard, None, &[("one", "good")])), Reason::MissingCredentials);
    let mut report = crate::inspect::Findings::default();
    guard.findings(&mut report);
    assert_eq!(report.iter().count(), 1);
}

#[test]
fn the_manifest_names_the_schemes() {
    assert_eq!(guard().summary(), "one or two");
    assert_eq!(guard().schemes().collect::<Vec<_>>(), ["one", "two"]);
}

#[test]
fn authorization_is_kept_and_marked_sensitive() {
    let mut exchange = exchange(None, &[("one", "good"), ("authorization", "Bearer x")]);
    guard().check(&mut exchange).unwrap();
    assert!(exchange.headers()["authorization"].is_sensitive());
}
