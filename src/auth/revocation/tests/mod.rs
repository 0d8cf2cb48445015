mod store;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderValue, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::memory::{Full, ISSUERS, Memory};
use super::{Revocation, RevocationKey, RevocationKind, Revocations, RevokeError};
use crate::auth::token::{CheckOrder, Presented, TokenCheck, TokenKind};
use crate::clock::ManualClock;
use crate::context::Principal;
use crate::guard::Exchange;
use crate::inspect::Findings;
use crate::rejection::{Reason, Rejection};

const ISS: &str = "https://id.example";
const NOW: u64 = 1_700_000_000;
const HOUR: u64 = 3600;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn clock() -> ManualClock {
    ManualClock::at_unix(seconds(NOW))
}

fn list(clock: &ManualClock) -> Revocations {
    let builder = Revocations::builder().longest_lifetime(seconds(HOUR));
    builder.with_clock(clock.clone()).build().unwrap()
}

/// Alice's token `jti` of the session `sid`, issued then and good for ten minutes.
fn token(jti: &str, sid: &str, issued_at: u64) -> Principal {
    with(json!({ "jti": jti, "sid": sid, "iat": issued_at }), issued_at + 600)
}

fn with(claims: Value, exp: u64) -> Principal {
    let Value::Object(claims) = claims else { panic!("not an object") };
    Principal::builder(ISS, "alice").claims(claims).expires_at(seconds(exp)).build()
}

fn ask(list: &Revocations, principal: &Principal, clock: &ManualClock) -> Result<(), Rejection> {
    let mut exchange = Exchange::test(Request::new(()), clock.clone());
    let value = HeaderValue::from_static("Bearer x");
    let token = Presented::new(TokenKind::Bearer, value, 7, principal.clone());
    list.check(&mut exchange, &token).wait().now_or_never().expect("it waits")
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it waits")
}

fn reason(judged: Result<(), Rejection>) -> Option<Reason> {
    judged.err().map(|rejection| rejection.reason())
}

#[test]
fn a_token_is_revoked_alone_also_when_it_was_found_good_before() {
    let (clock, one, other) = (clock(), token("1", "s", NOW), token("2", "s", NOW));
    let list = list(&clock);
    assert!(ask(&list, &one, &clock).is_ok() && ask(&list, &one, &clock).is_ok());
    now(list.revoke_token(&one)).unwrap();
    assert_eq!(reason(ask(&list, &one, &clock)), Some(Reason::RevokedCredentials));
    assert!(ask(&list, &other, &clock).is_ok());
    // The same token anew, without what was remembered of it.
    assert!(ask(&list, &token("1", "s", NOW), &clock).is_err());
    assert!(now(list.lift(RevocationKey::token(ISS, "1"))).unwrap());
    assert!(!now(list.lift(RevocationKey::token(ISS, "1"))).unwrap());
    assert!(ask(&list, &one, &clock).is_ok() && list.is_empty());
}

#[test]
fn a_session_ends_with_all_its_tokens_and_an_identity_with_those_until_now() {
    let clock = clock();
    let list = list(&clock);
    now(list.revoke_session(ISS, "s1")).unwrap();
    assert!(ask(&list, &token("1", "s1", NOW - 60), &clock).is_err());
    assert!(ask(&list, &token("2", "s1", NOW + 60), &clock).is_err(), "issued later too");
    assert!(ask(&list, &token("3", "s2", NOW - 60), &clock).is_ok());
    now(list.revoke_identity(ISS, "alice")).unwrap();
    assert!(ask(&list, &token("4", "s3", NOW - 60), &clock).is_err());
    assert!(ask(&list, &token("5", "s3", NOW), &clock).is_err(), "this very second");
    assert!(ask(&list, &token("6", "s3", NOW + 1), &clock).is_ok());
    now(list.revoke_session_of(&token("7", "s9", NOW + 1))).unwrap();
    assert!(ask(&list, &token("8", "s9", NOW + 1), &clock).is_err());
}

#[test]
fn another_issuers_sessions_and_subjects_are_others() {
    let clock = clock();
    let list = list(&clock);
    now(list.revoke_session("https://other.example", "s")).unwrap();
    now(list.revoke_identity("https://other.example", "alice")).unwrap();
    now(list.revoke_issued_before("https://other.example", seconds(NOW + HOUR))).unwrap();
    now(list.revoke_token_id("https://other.example", "1", None)).unwrap();
    assert!(ask(&list, &token("1", "s", NOW), &clock).is_ok());
    assert_eq!(list.len(), 4);
}

#[test]
fn issued_before_is_strictly_before_in_whole_seconds() {
    let clock = clock();
    let list = list(&clock);
    now(list.revoke_issued_before(ISS, seconds(NOW))).unwrap();
    assert!(ask(&list, &token("1", "s", NOW - 1), &clock).is_err());
    assert!(ask(&list, &token("2", "s", NOW), &clock).is_ok());
    let half = Duration::from_millis(NOW * 1000 + 500);
    now(list.revoke_identity_before(ISS, "alice", half)).unwrap();
    assert!(ask(&list, &token("2", "s", NOW), &clock).is_err(), "it may have been before the half");
    // An earlier time takes nothing back.
    now(list.revoke_issued_before(ISS, seconds(NOW - HOUR))).unwrap();
    assert!(ask(&list, &token("1", "t", NOW - 1), &clock).is_err());
}

#[test]
fn a_token_that_could_outlive_its_entry_is_refused_unless_that_was_asked_for() {
    let clock = clock();
    let strict = list(&clock);
    let builder = Revocations::builder().longest_lifetime(seconds(HOUR));
    let lenient = builder.with_clock(clock.clone()).dangerous().outliving_tokens().build().unwrap();
    let long = with(json!({ "iat": NOW }), NOW + HOUR + 1);
    let undated = with(json!({ "jti": "1" }), NOW + 60);
    let exact = with(json!({ "iat": NOW }), NOW + HOUR);
    let endless = Principal::builder(ISS, "alice").build();
    for token in [&long, &undated] {
        let refused = ask(&strict, token, &clock).unwrap_err();
        assert_eq!(refused.reason(), Reason::InvalidCredentials);
        assert_eq!(refused.public_detail(), "the token is not valid here");
        assert!(refused.private_expected().unwrap().contains("longest_lifetime"));
        assert!(ask(&lenient, token, &clock).is_ok());
    }
    assert!(ask(&strict, &exact, &clock).is_ok() && ask(&strict, &endless, &clock).is_ok());
    now(lenient.revoke_identity(ISS, "alice")).unwrap();
    assert!(ask(&lenient, &undated, &clock).is_err(), "it may have been issued before");
    let mut report = Findings::default();
    lenient.findings(&mut report);
    assert_eq!(report.iter().next().unwrap().code, "outliving-tokens");
}

#[test]
fn no_entry_ends_before_the_last_token_it_is_about() {
    let clock = clock();
    let list = list(&clock);
    now(list.revoke_session(ISS, "s")).unwrap();
    now(list.revoke_token(&token("1", "t", NOW))).unwrap();
    let ends: Vec<_> = list.entries().iter().map(|entry| (entry.kind, entry.ends)).collect();
    let skew = 120;
    assert_eq!(
        ends,
        [(RevocationKind::Token, NOW + 600 + skew), (RevocationKind::Session, NOW + HOUR + skew)]
    );
    clock.advance(seconds(600 + skew));
    assert_eq!(list.entries().len(), 1);
    clock.advance(seconds(HOUR));
    assert!(list.entries().is_empty());
    // The next entry makes room.
    (0..200).for_each(|n| now(list.revoke_session(ISS, &n.to_string())).unwrap());
    assert_eq!(list.entries().len(), 200);
}

#[test]
fn without_ids_there_is_nothing_to_revoke_by() {
    let list = Revocations::default();
    let bare = with(json!({ "iat": NOW, "jti": 7, "sid": ["x"] }), NOW + 60);
    assert!(matches!(now(list.revoke_token(&bare)), Err(RevokeError::NoTokenId)));
    assert!(matches!(now(list.revoke_session_of(&bare)), Err(RevokeError::NoSession)));
    assert!(list.is_empty());
}

#[test]
fn a_full_list_says_so_keeps_what_it_has_and_still_has_room_for_issuers() {
    let clock = clock();
    let builder = Revocations::builder().capacity(100).longest_lifetime(seconds(HOUR));
    let list = builder.with_clock(clock.clone()).build().unwrap();
    (0..100).for_each(|n| now(list.revoke_session(ISS, &n.to_string())).unwrap());
    assert!(matches!(now(list.revoke_session(ISS, "100")), Err(RevokeError::Full)));
    now(list.revoke_session(ISS, "7")).unwrap();
    assert_eq!(list.len(), 100);
    for n in 0..100 {
        let token = token("x", &n.to_string(), NOW);
        assert!(ask(&list, &token, &clock).is_err(), "{n}");
    }
    let mut report = Findings::default();
    list.findings(&mut report);
    assert_eq!(report.iter().next().unwrap().code, "revocations-full");
    assert!(ask(&list, &token("x", "100", NOW), &clock).is_ok());
    now(list.revoke_issued_before(ISS, seconds(NOW + 1))).unwrap();
    assert!(ask(&list, &token("x", "100", NOW), &clock).is_err());
    clock.advance(seconds(2 * HOUR));
    now(list.revoke_session(ISS, "101")).unwrap();
    let mut report = Findings::default();
    list.findings(&mut report);
    assert!(report.is_empty());
}

#[test]
fn room_for_issuers_has_an_end_too() {
    let memory = Memory::new(1);
    let entry = |n: usize| {
        let key = RevocationKey::issuer(&n.to_string());
        Revocation::new(RevocationKind::Issuer, key, Some(NOW), NOW + HOUR)
    };
    (0..ISSUERS).for_each(|n| memory.insert(entry(n), NOW).unwrap());
    assert_eq!(memory.insert(entry(ISSUERS), NOW), Err(Full));
    assert_eq!(memory.len(), ISSUERS);
}

#[test]
fn what_is_good_under_one_list_says_nothing_about_another() {
    let (clock, token) = (clock(), token("1", "s", NOW));
    let (one, other) = (list(&clock), list(&clock));
    now(other.revoke_token(&token)).unwrap();
    for _ in 0..3 {
        assert!(ask(&one, &token, &clock).is_ok());
        assert!(ask(&other, &token, &clock).is_err());
    }
}

#[test]
fn a_list_is_written_down_without_names_and_restored() {
    let clock = clock();
    let first = list(&clock);
    now(first.revoke_token(&token("secret-jti", "s", NOW))).unwrap();
    now(first.revoke_identity(ISS, "alice")).unwrap();
    let text = serde_json::to_string(&first.entries()).unwrap();
    assert!(
        !text.contains("alice") && !text.contains("secret-jti") && !text.contains("id.example")
    );
    let second = list(&clock);
    let entries: Vec<Revocation> = serde_json::from_str(&text).unwrap();
    now(second.restore(entries)).unwrap();
    assert_eq!(second.entries(), first.entries());
    assert!(ask(&second, &token("2", "t", NOW), &clock).is_err());
    for bad in ["\"zz\"", "\"+1234567890123456789012345678901\"", "7"] {
        let text = format!(r#"{{"kind":"token","key":{bad},"issued_until":null,"ends":1}}"#);
        assert!(serde_json::from_str::<Revocation>(&text).is_err(), "{bad}");
    }
}

#[test]
fn it_runs_before_what_costs_the_sender_something() {
    assert!(Revocations::default().order() < CheckOrder::Proof);
}

#[test]
fn a_list_that_is_written_and_read_at_once_never_lets_a_revoked_token_through() {
    let memory = Revocations::builder().capacity(100_000).build().unwrap();
    let now_unix = crate::clock::Clock::unix(&crate::clock::SystemClock::default()).as_secs();
    let tokens: Vec<_> = (0..64).map(|n| token("x", &format!("s{n}"), now_unix)).collect();
    let revoked = AtomicUsize::new(0);
    let clock = ManualClock::at_unix(seconds(now_unix));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..64 {
                now(memory.revoke_session(ISS, &format!("s{n}"))).unwrap();
                revoked.store(n + 1, Ordering::SeqCst);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while revoked.load(Ordering::SeqCst) < 64 {
                    let before = revoked.load(Ordering::SeqCst);
                    for (n, token) in tokens.iter().enumerate() {
                        let refused = ask(&memory, token, &clock).is_err();
                        assert!(refused || n >= before, "s{n} of {before}");
                    }
                }
            });
        }
    });
}

proptest! {
    /// Against the plainest list there is.
    #[test]
    fn it_says_what_a_plain_list_says(
        steps in prop::collection::vec((0u8..6, 0u64..4, 0u64..4, 0u64..200), 1..60)
    ) {
        let clock = clock();
        let list = list(&clock);
        let mut plain: Vec<Revocation> = Vec::new();
        for (what, a, b, time) in steps {
            let (id, at) = (a.to_string(), NOW - 100 + time);
            match what {
                0 => {
                    now(list.revoke_token_id(ISS, &id, None)).unwrap();
                    let key = RevocationKey::token(ISS, &id);
                    plain.push(Revocation::new(RevocationKind::Token, key, None, 0));
                }
                1 => {
                    now(list.revoke_session(ISS, &id)).unwrap();
                    let key = RevocationKey::session(ISS, &id);
                    plain.push(Revocation::new(RevocationKind::Session, key, None, 0));
                }
                2 if b == 0 => {
                    now(list.revoke_identity_before(ISS, "alice", seconds(at))).unwrap();
                    let key = RevocationKey::identity(ISS, "alice");
                    plain.push(Revocation::new(RevocationKind::Identity, key, Some(at - 1), 0));
                }
                3 => {
                    now(list.lift(RevocationKey::session(ISS, &id))).unwrap();
                    plain.retain(|entry| entry.key != RevocationKey::session(ISS, &id));
                }
                4 if b == 0 => {
                    now(list.lift(RevocationKey::identity(ISS, "alice"))).unwrap();
                    plain.retain(|entry| entry.key != RevocationKey::identity(ISS, "alice"));
                }
                _ => {}
            }
            let token = token(&id, &b.to_string(), at);
            let keys = [
                RevocationKey::token(ISS, &id),
                RevocationKey::session(ISS, &b.to_string()),
                RevocationKey::identity(ISS, "alice"),
            ];
            let expected = plain
                .iter()
                .any(|entry| keys.contains(&entry.key) && entry.issued_until.is_none_or(|last| at <= last));
            prop_assert_eq!(ask(&list, &token, &clock).is_err(), expected);
            prop_assert_eq!(ask(&list, &token, &clock).is_err(), expected);
        }
    }
}
