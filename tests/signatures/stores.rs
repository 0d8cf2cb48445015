//! Stores that answer later, or not at all.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tower_parapet::{
    Answer, Reason,
    auth::{
        StoreError,
        replay::{MemoryReplays, ReplayKey, ReplayStore},
        signature::{KnownKey, MemorySignatureKeys, MessageSignatures, SignatureKeys},
    },
};

use super::{BODY, Service, get, keys, post, sign, signer};

/// Answers on the next turn of the runtime, or fails.
struct Slow<T>(T, bool);

impl SignatureKeys for Slow<MemorySignatureKeys> {
    fn find(&self, keyid: &str) -> Answer<Result<Option<Arc<KnownKey>>, StoreError>> {
        let (found, fails) = (self.0.find(keyid), self.1);
        Answer::later(async move {
            tokio::task::yield_now().await;
            if fails { Err(StoreError::new("no route to the store")) } else { found.wait().await }
        })
    }
}

impl ReplayStore for Slow<MemoryReplays> {
    fn consume(
        &self,
        key: ReplayKey,
        until: Duration,
        now: Duration,
    ) -> Answer<Result<bool, StoreError>> {
        let (first, fails) = (self.0.consume(key, until, now), self.1);
        Answer::later(async move {
            tokio::task::yield_now().await;
            if fails { Err(StoreError::new("no route to the store")) } else { first.wait().await }
        })
    }
}

#[tokio::test]
async fn stores_that_answer_later_decide_alike() {
    let scheme = MessageSignatures::builder(Slow(keys(), false))
        .with_replays(Slow(MemoryReplays::default(), false));
    let service = Service::new(scheme);
    for request in [get("/orders/7"), post("/orders/7", BODY)] {
        let body = request.body().clone();
        let request = sign(signer(), request);
        let said = service.says(request.clone()).await;
        assert_eq!(said, format!("partners robot signature: {body}"));
        let (reason, found) = service.refuses(request).await;
        assert_eq!((reason, &*found), (Reason::InvalidCredentials, "a nonce that was used before"));
    }
    let records = service.records.wait_for(4);
    assert_eq!(records.iter().filter(|record| record.principal.is_some()).count(), 2);
    let forged = super::with(sign(signer(), get("/orders/7")), "signature", "sig=:AAAA:");
    assert_eq!(service.refuses(forged).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_store_that_fails_is_our_fault_and_not_the_callers() {
    let no_keys = MessageSignatures::builder(Slow(keys(), true));
    let no_replays =
        MessageSignatures::builder(keys()).with_replays(Slow(MemoryReplays::default(), true));
    let full = MessageSignatures::builder(keys()).with_replays(Full);
    for scheme in [no_keys, no_replays, full] {
        let service = Service::new(scheme);
        for request in [get("/orders/7"), post("/orders/7", BODY)] {
            let response = service.ask(sign(signer(), request)).await;
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()["retry-after"], "5");
            assert!(!response.headers().contains_key("www-authenticate"));
            let (_, record) = service.record(response).await;
            assert!(record.principal.is_none());
            let cause = record.rejection.as_ref().unwrap().private_cause().unwrap().to_string();
            assert!(cause.contains("the store failed"), "{cause}");
        }
    }
}

struct Full;

impl ReplayStore for Full {
    fn consume(&self, _: ReplayKey, _: Duration, _: Duration) -> Answer<Result<bool, StoreError>> {
        Answer::Now(Err(StoreError::new("the store is full")))
    }
}
