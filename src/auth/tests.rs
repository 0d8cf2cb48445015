use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Request, header::WWW_AUTHENTICATE};

use super::{Attempt, Authenticate, Scheme};
use crate::{
    clock::ManualClock,
    context::{Access, Principal, Route},
    guard::{Exchange, Flow, Guard, drive},
    rejection::{Reason, Rejection},
};

/// Reads a header; one word is good, `absent` is none after all, some say how they are bad.
struct Word {
    name: &'static str,
    header: HeaderName,
    good: &'static str,
    is_slow: bool,
}

impl Scheme for Word {
    fn name(&self) -> &'static str {
        self.name
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&self.header)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(&self.header)
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let word = exchange.headers().get(&self.header).and_then(|word| word.to_str().ok());
        let (name, ending) = word.unwrap_or_default().split_once('-').unwrap_or_default();
        match word {
            Some("absent") | None => Ok(Attempt::Absent),
            Some("slow") if !self.is_slow => Err(Rejection::new(Reason::InvalidCredentials)),
            Some("slow") => Ok(Attempt::suspend(|exchange| {
                Box::pin(async move {
                    exchange.note("asked", "elsewhere");
                    Ok(Attempt::suspend(|_| {
                        Box::pin(async move {
                            Ok(Attempt::Verified(Principal::builder("slow", "alice").build()))
                        })
                    }))
                })
            })),
            Some("slow-forged") => Ok(Attempt::suspend(|_| {
                Box::pin(async move { Err(Rejection::new(Reason::InvalidCredentials)) })
            })),
            Some(word) if word == self.good => {
                Ok(Attempt::Verified(Principal::builder(self.name, "alice").build()))
            }
            Some(_) if (name, ending) == (self.name, "expired") => {
                Err(Rejection::new(Reason::ExpiredCredentials))
            }
            Some("down") => Err(Rejection::new(Reason::Unavailable)),
            Some(_) => {
                Err(Rejection::new(Reason::InvalidCredentials).found(format!("not {}", self.good)))
            }
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![HeaderValue::from_static(self.name)]
    }
}

/// Reads the header of its own name, where `good` is good.
fn word(name: &'static str) -> Word {
    Word { name, header: HeaderName::from_static(name), good: "good", is_slow: true }
}

fn guard() -> Authenticate {
    Authenticate::with(word("one")).or(word("two"))
}

/// Two schemes that read one header, as two issuers of bearer tokens do.
fn alternatives() -> Authenticate {
    let of = |name| Word {
        name,
        header: HeaderName::from_static("key"),
        good: name,
        is_slow: name == "two",
    };
    Authenticate::with(of("one")).or(of("two"))
}

fn exchange(access: Option<Access>, headers: &[(&'static str, &'static str)]) -> Exchange {
    let mut request = Request::new(());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    let mut exchange = Exchange::test(request, ManualClock::at_unix(Duration::ZERO));
    if let Some(access) = access {
        exchange.set_route(Arc::new(Route::new("/", access)));
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

fn judge_to_the_end(
    guard: &Authenticate,
    access: Option<Access>,
    headers: &[(&'static str, &'static str)],
) -> Result<Option<String>, Rejection> {
    let mut exchange = exchange(access, headers);
    let flow = guard.check(&mut exchange)?;
    assert!(matches!(flow, Flow::Suspend(_)), "{flow:?}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(drive(flow, &mut exchange))? {
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
    assert_eq!(challenges(&refused), ["one", "two"]);
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
fn credentials_are_kept_and_marked_sensitive_on_public_routes_too() {
    for access in [None, public()] {
        let sent = [("one", "good"), ("authorization", "x"), ("authorization", "y")];
        let mut exchange = exchange(access, &sent);
        let _ = guard().check(&mut exchange);
        let headers = exchange.headers();
        assert_eq!(headers.get_all("authorization").iter().count(), 2);
        assert!(headers.values().all(HeaderValue::is_sensitive), "{headers:?}");
    }
}

#[test]
fn good_credentials_beside_an_authorization_that_no_scheme_reads_are_refused() {
    for access in [None, Some(Access::Optional), Some(Access::Authenticated)] {
        let sent = [("one", "good"), ("authorization", "Basic eA==")];
        assert_eq!(reason(judge(&guard(), access, &sent)), Reason::AmbiguousCredentials);
    }
}

#[test]
fn two_schemes_that_read_one_header_are_asked_in_turn() {
    for (sent, who) in [("one", "one"), ("two", "two")] {
        assert_eq!(judge(&alternatives(), None, &[("key", sent)]).unwrap().as_deref(), Some(who));
    }
    let judge = |sent| judge(&alternatives(), None, &[("key", sent)]);
    let nobodys = judge("neither").unwrap_err();
    assert_eq!(nobodys.reason(), Reason::InvalidCredentials);
    assert_eq!(nobodys.private_found(), Some("not one; not two"));
    assert_eq!(reason(judge("absent")), Reason::MissingCredentials);
}

#[test]
fn credentials_that_one_of_two_schemes_knows_as_its_own_are_refused_in_its_words() {
    let judge = |sent| judge(&alternatives(), None, &[("key", sent)]);
    assert_eq!(reason(judge("one-expired")), Reason::ExpiredCredentials);
    let expired = judge("two-expired").unwrap_err();
    assert_eq!(expired.reason(), Reason::ExpiredCredentials);
    assert_eq!((expired.guard(), challenges(&expired)), (Some("two"), vec!["one", "two"]));
    assert_eq!(reason(judge("down")), Reason::Unavailable);
}

#[test]
fn two_values_of_a_header_are_refused_even_if_both_are_good() {
    let judged = judge(&alternatives(), None, &[("key", "one"), ("key", "two")]);
    assert_eq!(reason(judged), Reason::AmbiguousCredentials);
    let judged = judge(&guard(), None, &[("one", "good"), ("one", "good")]);
    assert_eq!(reason(judged), Reason::AmbiguousCredentials);
}

#[test]
fn a_scheme_may_wait_before_it_settles_the_principal() {
    let judged = judge_to_the_end(&guard(), None, &[("two", "slow")]);
    assert_eq!(judged.unwrap().as_deref(), Some("slow"));
}

#[test]
fn after_a_scheme_that_waited_in_vain_the_next_one_is_asked() {
    let guard = alternatives();
    let judged = judge_to_the_end(&guard, Some(Access::Optional), &[("key", "slow")]);
    assert_eq!(judged.unwrap().as_deref(), Some("slow"));
    let refused = judge_to_the_end(&guard, Some(Access::Optional), &[("key", "slow-forged")]);
    let refused = refused.unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidCredentials);
    assert_eq!(challenges(&refused), ["one", "two"]);
}

#[test]
fn a_refusal_of_one_scheme_lists_the_challenges_of_all() {
    let refused = judge(&guard(), None, &[("two", "bad")]).unwrap_err();
    assert_eq!(challenges(&refused), ["one", "two"]);
}
