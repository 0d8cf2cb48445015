//! Revoked tokens over a real stack: from the next request on, whatever is remembered of them.
#![cfg(all(feature = "axum", feature = "testing"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::State, routing};
use http::StatusCode;
use support::{get, request, serve};
use tower_parapet::{
    Answer as Told, Guarded, Parapet, Peer, Principal, Reason,
    auth::{
        StoreError,
        revocation::{Revocation, RevocationKey, RevocationStore, Revocations},
    },
    testing::{Recorder, TestIssuer},
};

async fn sign_out(State(list): State<Revocations>, caller: Principal) -> StatusCode {
    match list.revoke_token(&caller).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::CONFLICT,
    }
}

fn app(issuer: &TestIssuer, list: &Revocations, records: &Recorder) -> Guarded<Router> {
    let router = Router::new()
        .route("/orders", routing::get(async || "orders"))
        .route("/sign-out", routing::post(sign_out))
        .with_state(list.clone());
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(issuer.jwt().check(list.clone()))
        .observe(records.clone())
        .build()
        .unwrap();
    parapet.protect(router)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_signs_out_is_out_with_the_next_request() {
    let (issuer, list, records) =
        (TestIssuer::default(), Revocations::default(), Recorder::default());
    let address = serve(app(&issuer, &list, &records)).await;
    let bearer = format!("Bearer {}", issuer.token().claim("jti", "t1").sign());
    let other = format!("Bearer {}", issuer.token().claim("jti", "t2").sign());
    let sent = [("authorization", bearer.as_str())];
    for _ in 0..3 {
        assert_eq!(get(address, "/orders", &sent).await.status, 200);
    }
    assert_eq!(request(address, "POST", "/sign-out", &sent, b"").await.status, 204);
    let refused = get(address, "/orders", &sent).await;
    assert_eq!((refused.status, &*refused.code()), (401, "revoked-credentials"));
    assert_eq!(get(address, "/orders", &[("authorization", &other)]).await.status, 200);
    let record = &records.wait_for(6)[4];
    let why = record.rejection.as_ref().unwrap();
    assert_eq!((why.reason(), why.guard()), (Reason::RevokedCredentials, Some("revocations")));
    assert_eq!(why.private_found(), Some("a token that was revoked by its `jti`"));
    let key = RevocationKey::token(issuer.name(), "t1");
    assert!(why.private_cause().unwrap().to_string().contains(&key.to_string()));
    assert!(list.lift(key).await.unwrap());
    assert_eq!(get(address, "/orders", &sent).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_an_id_cannot_be_revoked_alone_and_its_holder_is_told() {
    let (issuer, list, records) =
        (TestIssuer::default(), Revocations::default(), Recorder::default());
    let address = serve(app(&issuer, &list, &records)).await;
    let bearer = format!("Bearer {}", issuer.token().sign());
    let sent = [("authorization", bearer.as_str())];
    assert_eq!(request(address, "POST", "/sign-out", &sent, b"").await.status, 409);
    assert_eq!(get(address, "/orders", &sent).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_says_that_tokens_are_asked_about() {
    let issuer = TestIssuer::default();
    let scheme = issuer.jwt().check(Revocations::builder());
    let parapet = Parapet::builder().authenticate(scheme).build().unwrap();
    assert!(parapet.manifest().to_string().contains("not revoked"), "{}", parapet.manifest());
    let broken = Revocations::builder().capacity(0);
    let error = Parapet::builder().authenticate(issuer.jwt().check(broken)).build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "authenticate.check.capacity");
}

/// A table in another process, which takes a while and may be gone.
#[derive(Clone, Default)]
struct Remote {
    list: Revocations,
    is_down: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Remote {
    fn told<T: Send + 'static>(&self, value: T) -> Told<Result<T, StoreError>> {
        let (down, hangs) =
            (self.is_down.load(Ordering::SeqCst), self.hangs.load(Ordering::SeqCst));
        Told::later(async move {
            tokio::task::yield_now().await;
            if hangs {
                std::future::pending::<()>().await;
            }
            if down { Err(StoreError::new("connection refused")) } else { Ok(value) }
        })
    }
}

impl RevocationStore for Remote {
    fn find(
        &self,
        keys: &[RevocationKey],
        _: Duration,
    ) -> Told<Result<Vec<Revocation>, StoreError>> {
        let entries = self.list.entries();
        self.told(entries.into_iter().filter(|entry| keys.contains(&entry.key)).collect())
    }

    fn insert(&self, entry: Revocation, _: Duration) -> Told<Result<(), StoreError>> {
        let list = self.list.clone();
        Told::later(async move { list.restore([entry]).await.map_err(StoreError::new) })
    }

    fn remove(&self, key: RevocationKey) -> Told<Result<bool, StoreError>> {
        let list = self.list.clone();
        Told::later(async move { list.lift(key).await.map_err(StoreError::new) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_in_one_process_is_heard_in_another_and_no_answer_is_503() {
    let (issuer, remote, records) = (TestIssuer::default(), Remote::default(), Recorder::default());
    let list = || {
        let builder = Revocations::builder().with_store(remote.clone()).fail_closed();
        builder.store_deadline(Duration::from_millis(50)).build().unwrap()
    };
    let here = serve(app(&issuer, &list(), &records)).await;
    let there = serve(app(&issuer, &list(), &records)).await;
    let bearer = format!("Bearer {}", issuer.token().claim("jti", "t1").sign());
    let sent = [("authorization", bearer.as_str())];
    assert_eq!(get(here, "/orders", &sent).await.status, 200);
    for trouble in [&remote.is_down, &remote.hangs] {
        trouble.store(true, Ordering::SeqCst);
        let refused = get(here, "/orders", &sent).await;
        assert_eq!((refused.status, &*refused.code()), (503, "unavailable"));
        assert_eq!(refused.header("retry-after"), Some("5"));
        trouble.store(false, Ordering::SeqCst);
    }
    assert_eq!(request(there, "POST", "/sign-out", &sent, b"").await.status, 204);
    let refused = get(here, "/orders", &sent).await;
    assert_eq!((refused.status, &*refused.code()), (401, "revoked-credentials"));
}
