//! Stores that panic, that never answer, and whose caller goes away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::Notify;
use tower_parapet::{
    Answer, Outcome, ParapetBuilder,
    auth::{
        StoreError,
        api_key::{ApiKey, ApiKeys, CachedKeys, KeyStore, StoredKey},
        basic::{Basic, StoredUser, UserStore},
        dpop::Dpop,
        replay::{ReplayKey, ReplayStore},
        revocation::{Revocation, RevocationKey, RevocationStore, Revocations},
        signature::{KnownKey, MessageSignatures, SignatureKeys},
    },
    testing::{TestIssuer, TestResponse},
};

use super::{House, client::Client, is, request, stack};

/// How a store behaves that is not well.
#[derive(Clone, Copy, Debug)]
enum Ill {
    Panics,
    PanicsLater,
    NeverAnswers,
}

impl Ill {
    fn answer<T: Send + 'static>(self) -> Answer<T> {
        match self {
            Ill::Panics => panic!("a store's own secret s3cret"),
            Ill::PanicsLater => Answer::later(async { panic!("a store's own secret s3cret") }),
            Ill::NeverAnswers => Answer::later(std::future::pending()),
        }
    }
}

impl KeyStore for Ill {
    fn find(&self, _: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
        self.answer()
    }
}

impl UserStore for Ill {
    fn find(&self, _: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>> {
        self.answer()
    }
}

impl SignatureKeys for Ill {
    fn find(&self, _: &str) -> Answer<Result<Option<Arc<KnownKey>>, StoreError>> {
        self.answer()
    }
}

impl ReplayStore for Ill {
    fn consume(&self, _: ReplayKey, _: Duration, _: Duration) -> Answer<Result<bool, StoreError>> {
        self.answer()
    }
}

impl RevocationStore for Ill {
    fn find(
        &self,
        _: &[RevocationKey],
        _: Duration,
    ) -> Answer<Result<Vec<Revocation>, StoreError>> {
        self.answer()
    }

    fn insert(&self, _: Revocation, _: Duration) -> Answer<Result<(), StoreError>> {
        self.answer()
    }

    fn remove(&self, _: RevocationKey) -> Answer<Result<bool, StoreError>> {
        self.answer()
    }
}

type Case = (ParapetBuilder, Vec<(&'static str, String)>);

/// A stack over such a store, and credentials that make it look.
fn cases(ill: Ill) -> [Case; 5] {
    let stack = || stack().handler_deadline(Duration::from_millis(20));
    let key = ApiKey::generate("shop").unwrap();
    let issuer = TestIssuer::default();
    let bearer = |token: String| vec![("authorization", format!("Bearer {token}"))];
    let list = Revocations::builder().with_store(ill).fail_closed();
    let client = Client::new();
    let bound = issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})).sign();
    let proof = client.proof("GET", "https://api.example/in", &bound, json!({}));
    let dpop = Dpop::required().origin("https://api.example").with_store(ill);
    let input = "a=(\"@method\" \"@authority\" \"@path\");created=1;keyid=\"k\"";
    [
        (
            stack().authenticate(ApiKeys::builder(ill)),
            vec![("x-api-key", key.text().expose().to_owned())],
        ),
        (
            stack().authenticate(Basic::builder(ill)),
            vec![("authorization", "Basic YTpi".to_owned())],
        ),
        (
            stack().authenticate(MessageSignatures::builder(ill)),
            vec![("signature-input", input.to_owned()), ("signature", "a=:AAAA:".to_owned())],
        ),
        (stack().authenticate(issuer.jwt().check(list)), bearer(issuer.token().sign())),
        (
            stack().authenticate(issuer.jwt().sender_constrained(dpop)),
            vec![("authorization", format!("DPoP {bound}")), ("dpop", proof)],
        ),
    ]
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, &**value)).collect()
}

#[tokio::test]
async fn a_store_that_panics_is_a_refusal_and_one_record() {
    for ill in [Ill::Panics, Ill::PanicsLater] {
        for (number, (stack, headers)) in cases(ill).into_iter().enumerate() {
            let house = House::of(stack);
            for _ in 0..2 {
                let refused = house.get("/in", &borrowed(&headers)).await;
                assert_eq!(refused, is(500, "internal-error"), "{ill:?} {number}");
            }
            let records = house.records.wait_for(2);
            assert_eq!(records.len(), 2);
            assert!(records.iter().all(|record| record.outcome == Outcome::Panicked));
            assert!(records.iter().all(|record| record.principal.is_none()));
            let response = house.send(request("GET", "/in", &borrowed(&headers))).await;
            assert!(!response.text().await.unwrap().contains("s3cret"));
        }
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_503_within_the_deadline() {
    for (number, (stack, headers)) in cases(Ill::NeverAnswers).into_iter().enumerate() {
        let house = House::of(stack);
        let refused = house.get("/in", &borrowed(&headers)).await;
        assert_eq!(refused, is(503, "unavailable"), "{number}");
        assert_eq!(house.only_record().outcome, Outcome::Rejected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheme_that_is_a_layer_by_itself_does_not_wait_forever_either() {
    use tower::{Layer, ServiceExt};
    let keys = ApiKeys::builder(Ill::NeverAnswers).build().unwrap();
    let inner = tower::service_fn(async |_: http::Request<tower_parapet::Body>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(tower_parapet::Body::empty()))
    });
    let key = ApiKey::generate("shop").unwrap();
    let asked =
        keys.layer(inner).oneshot(request("GET", "/", &[("x-api-key", key.text().expose())]));
    let answered = tokio::time::timeout(Duration::from_secs(300), asked).await;
    assert_eq!(answered.expect("an answer in time").unwrap().status(), 503);
}

#[tokio::test]
async fn public_routes_never_ask_a_store() {
    for (stack, headers) in cases(Ill::Panics) {
        let house = House::of(stack);
        assert_eq!(house.get("/open", &borrowed(&headers)).await, is(200, "open"));
    }
}

#[tokio::test]
async fn a_caller_who_goes_away_while_a_store_is_asked_leaves_one_record_and_no_guess() {
    for (stack, headers) in cases(Ill::NeverAnswers) {
        let house = House::of(stack);
        let headers = borrowed(&headers);
        let mut asking = Box::pin(house.get("/in", &headers));
        assert!(asking.as_mut().now_or_never().is_none());
        drop(asking);
        let record = house.only_record();
        assert_eq!(record.outcome, Outcome::Cancelled);
        assert!(record.principal.is_none());
    }
}

#[tokio::test]
async fn a_look_up_that_panics_refuses_all_who_wait_for_it_and_nobody_after_them() {
    let key = ApiKey::generate("shop").unwrap();
    let stored = key.stored().owner("robot").build().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let (counted, gate) = (calls.clone(), Arc::new(Notify::new()));
    let opened = gate.clone();
    let store = CachedKeys::of(move |_: String| {
        let number = counted.fetch_add(1, SeqCst);
        let (stored, opened) = (stored.clone(), opened.clone());
        async move {
            if number == 0 {
                opened.notified().await;
                panic!("out of luck");
            }
            Ok(Some(stored))
        }
    });
    let house = House::of(stack().authenticate(ApiKeys::builder(store.build().unwrap())));
    let headers = [("x-api-key", key.text().expose())];
    let all = (0..8).map(|_| house.get("/in", &headers));
    let mut all = Box::pin(futures_util::future::join_all(all));
    assert!(all.as_mut().now_or_never().is_none());
    gate.notify_one();
    for answer in all.await {
        assert_eq!(answer, is(500, "internal-error"));
    }
    assert_eq!(house.get("/in", &headers).await, is(200, "robot"));
    assert_eq!(calls.load(SeqCst), 2);
    assert_eq!(house.records.wait_for(9).len(), 9);
}
