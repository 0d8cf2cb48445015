//! A list that several processes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{HOUR, ISS, NOW, ask, clock, now, seconds, token};
use crate::answer::Answer;
use crate::auth::StoreError;
use crate::auth::revocation::{
    Revocation, RevocationKey, RevocationKind, RevocationStore, Revocations, RevokeError,
};
use crate::auth::token::TokenCheck;
use crate::inspect::Findings;
use crate::rejection::Reason;

/// A store that can be slow, or fail.
#[derive(Clone, Default)]
struct Table {
    memory: Arc<std::sync::Mutex<Vec<Revocation>>>,
    fails: Arc<AtomicBool>,
    is_slow: bool,
    asked: Arc<AtomicUsize>,
}

impl Table {
    fn answer<T: Send + 'static>(&self, value: T) -> Answer<Result<T, StoreError>> {
        let told = match self.fails.load(Ordering::Relaxed) {
            true => Err(StoreError::new("down")),
            false => Ok(value),
        };
        if self.is_slow { Answer::later(async move { told }) } else { Answer::Now(told) }
    }
}

impl RevocationStore for Table {
    fn find(
        &self,
        keys: &[RevocationKey],
        _: Duration,
    ) -> Answer<Result<Vec<Revocation>, StoreError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let all = self.memory.lock().unwrap();
        self.answer(all.iter().filter(|entry| keys.contains(&entry.key)).copied().collect())
    }

    fn insert(&self, entry: Revocation, _: Duration) -> Answer<Result<(), StoreError>> {
        self.memory.lock().unwrap().push(entry);
        self.answer(())
    }

    fn remove(&self, key: RevocationKey) -> Answer<Result<bool, StoreError>> {
        let mut all = self.memory.lock().unwrap();
        let before = all.len();
        all.retain(|entry| entry.key != key);
        self.answer(before > all.len())
    }
}

#[test]
fn a_shared_store_is_asked_with_every_request_and_hears_of_every_entry() {
    for is_slow in [false, true] {
        let (clock, table) = (clock(), Table { is_slow, ..Table::default() });
        let build = || {
            let builder = Revocations::builder().with_store(table.clone()).fail_closed();
            builder.with_clock(clock.clone()).build().unwrap()
        };
        let (here, there) = (build(), build());
        let token = token("1", "s", NOW);
        assert!(ask(&here, &token, &clock).is_ok() && ask(&here, &token, &clock).is_ok());
        now(there.revoke_session(ISS, "s")).unwrap();
        let refused = ask(&here, &token, &clock).unwrap_err();
        assert_eq!(refused.reason(), Reason::RevokedCredentials);
        assert!(now(here.lift(RevocationKey::session(ISS, "s"))).unwrap());
        assert!(ask(&there, &token, &clock).is_ok());
        assert_eq!(table.asked.load(Ordering::Relaxed), 4);
    }
}

#[test]
fn what_is_done_when_the_store_fails_has_to_be_said_and_is_done() {
    let error = Revocations::builder().with_store(Table::default()).build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "with_store");
    let error = Revocations::builder().fail_closed().build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "fail_closed");
    let (clock, token) = (clock(), token("1", "s", NOW));
    for is_slow in [false, true] {
        let table = Table { is_slow, ..Table::default() };
        table.fails.store(true, Ordering::Relaxed);
        let builder = || Revocations::builder().with_store(table.clone());
        let closed = builder().fail_closed().build().unwrap();
        let refused = ask(&closed, &token, &clock).unwrap_err();
        assert_eq!(refused.reason(), Reason::Unavailable);
        assert!(refused.headers().iter().any(|(name, _)| name == "retry-after"));
        assert!(matches!(now(closed.revoke_session(ISS, "s")), Err(RevokeError::Store(_))));
        let open = builder().dangerous().fail_open().build().unwrap();
        assert!(ask(&open, &token, &clock).is_ok());
        let mut report = Findings::default();
        open.findings(&mut report);
        assert_eq!(report.iter().next().unwrap().code, "revocations-open");
    }
}

#[test]
fn a_stores_good_word_is_remembered_where_asked_for_and_never_its_failure() {
    let (clock, table) = (clock(), Table::default());
    let build = || {
        let builder = Revocations::builder().with_store(table.clone()).dangerous().fail_open();
        builder.remember(seconds(5)).with_clock(clock.clone()).build().unwrap()
    };
    let (list, elsewhere) = (build(), build());
    let token = token("1", "s", NOW);
    table.fails.store(true, Ordering::Relaxed);
    assert!(ask(&list, &token, &clock).is_ok());
    table.fails.store(false, Ordering::Relaxed);
    assert!(ask(&list, &token, &clock).is_ok() && ask(&list, &token, &clock).is_ok());
    assert_eq!(table.asked.load(Ordering::Relaxed), 2);
    now(elsewhere.revoke_token(&token)).unwrap();
    clock.advance(Duration::from_millis(4999));
    assert!(ask(&list, &token, &clock).is_ok());
    clock.advance(Duration::from_millis(1));
    assert!(ask(&list, &token, &clock).is_err());
    assert!(ask(&list, &token, &clock).is_err(), "a refusal is asked about anew");
    assert_eq!(table.asked.load(Ordering::Relaxed), 4);
    let other = super::token("2", "t", NOW);
    assert!(ask(&list, &other, &clock).is_ok() && ask(&list, &other, &clock).is_ok());
    assert_eq!(table.asked.load(Ordering::Relaxed), 5);
    now(list.revoke_session(ISS, "t")).unwrap();
    assert!(ask(&list, &other, &clock).is_err(), "what this process revokes it hears at once");
}

#[test]
fn a_store_that_answers_about_others_refuses_nobody() {
    struct Careless;
    impl RevocationStore for Careless {
        fn find(
            &self,
            _: &[RevocationKey],
            _: Duration,
        ) -> Answer<Result<Vec<Revocation>, StoreError>> {
            let key = RevocationKey::session("https://other.example", "s");
            let over = RevocationKey::session(ISS, "s");
            Answer::Now(Ok(vec![
                Revocation::new(RevocationKind::Session, key, None, NOW + HOUR),
                Revocation::new(RevocationKind::Session, over, None, NOW),
            ]))
        }
        fn insert(&self, _: Revocation, _: Duration) -> Answer<Result<(), StoreError>> {
            Answer::Now(Ok(()))
        }
        fn remove(&self, _: RevocationKey) -> Answer<Result<bool, StoreError>> {
            Answer::Now(Ok(false))
        }
    }
    let list = Revocations::builder().with_store(Careless).fail_closed().build().unwrap();
    assert!(ask(&list, &token("1", "s", NOW), &clock()).is_ok());
}
