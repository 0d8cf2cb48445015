//! Back-channel logout, from the provider's call to the refusal of the session's tokens.
#![cfg(all(feature = "axum", feature = "testing", feature = "throttle"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[cfg(feature = "jwks")]
#[path = "support/authority.rs"]
mod authority;
#[cfg(feature = "jwks")]
#[path = "logout/keys.rs"]
mod keys;
mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing};
use http::Request;
use serde_json::json;
use support::{Answer, request, serve};
use tower_parapet::{
    Answer as Told, Body, Jwt, Parapet, Peer, Policy, Reason, Throttle,
    auth::{
        StoreError,
        jwt::Issuers,
        logout::BackchannelLogout,
        replay::{ReplayKey, ReplayStore},
        revocation::{Revocation, RevocationKey, RevocationStore, Revocations},
    },
    testing::{Recorder, TestIssuer, TestToken},
    throttle::Count,
};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const PATH: &str = "/backchannel-logout";

struct Service {
    issuer: TestIssuer,
    revocations: Revocations,
    jwt: Jwt,
    records: Recorder,
}

impl Service {
    fn new() -> Self {
        let issuer = TestIssuer::new("https://id.example");
        let revocations = Revocations::default();
        let jwt = issuer.jwt().check(revocations.clone()).build().unwrap();
        Self { issuer, revocations, jwt, records: Recorder::default() }
    }

    fn endpoint(&self) -> BackchannelLogout {
        self.revocations.backchannel_logout(&self.jwt).client("shop-web").build().unwrap()
    }

    async fn serve(&self, endpoint: BackchannelLogout) -> SocketAddr {
        let guesses = Throttle::per_hour(3).counting(Count::ForgedCredentials).named("guesses");
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .authenticate(self.jwt.clone())
            .public("POST /backchannel-logout", "the identity provider signs what it posts")
            .route("GET /orders", Policy::authenticated())
            .throttle(guesses)
            .observe(self.records.clone())
            .build()
            .unwrap();
        let app = Router::new().route("/orders", routing::get(async || "orders"));
        serve(parapet.protect(app.merge(endpoint.router(PATH)))).await
    }

    fn access(&self, sid: &str) -> String {
        self.issuer.token().subject("alice").claim("sid", sid).claim("jti", sid).sign()
    }

    fn logout(&self) -> TestToken {
        let token = self.issuer.token().subject("alice").audience("shop-web");
        token
            .header("typ", "logout+jwt")
            .claim("events", json!({ (EVENT): {} }))
            .claim("jti", "logout-1")
            .claim("sid", "s1")
    }
}

async fn post(address: SocketAddr, token: &str) -> Answer {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    request(address, "POST", PATH, &form, format!("logout_token={token}").as_bytes()).await
}

async fn orders(address: SocketAddr, token: &str) -> Answer {
    support::get(address, "/orders", &[("authorization", &format!("Bearer {token}"))]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_provider_ends_is_over_here_and_no_other() {
    let service = Service::new();
    let address = service.serve(service.endpoint()).await;
    let (ended, other) = (service.access("s1"), service.access("s2"));
    assert_eq!(orders(address, &ended).await.status, 200);
    let answer = post(address, &service.logout().sign()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    assert!(answer.body.is_empty());
    let refused = orders(address, &ended).await;
    assert_eq!((refused.status, &*refused.code()), (401, "revoked-credentials"));
    let challenge = refused.header("www-authenticate").unwrap();
    assert_eq!(
        challenge,
        "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"the token has been revoked\""
    );
    assert_eq!(orders(address, &other).await.status, 200);
    service.records.wait_for(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_is_taken_once_and_is_no_access_token_nor_the_reverse() {
    let service = Service::new();
    let address = service.serve(service.endpoint()).await;
    let logout = service.logout().sign();
    assert_eq!(post(address, &logout).await.status, 200);
    let again = post(address, &logout).await;
    assert_eq!(again.status, 400);
    let records = service.records.wait_for(2);
    let why = records[1].rejection.as_ref().unwrap();
    assert_eq!(why.private_found(), Some("one that was"));
    assert_eq!(orders(address, &logout).await.status, 401);
    assert_eq!(post(address, &service.access("s1")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_the_subject_is_revoked_up_to_the_logout() {
    let service = Service::new();
    let address = service.serve(service.endpoint()).await;
    let old = service.access("s1");
    assert_eq!(orders(address, &old).await.status, 200);
    let logout = service.logout().without("sid");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(post(address, &logout.sign()).await.status, 200);
    assert_eq!(orders(address, &old).await.status, 401);
    let later = service.issuer.token().subject("alice").claim("iat", now + 5);
    assert_eq!(orders(address, &later.sign()).await.status, 200, "signed in anew");
    let bob = service.issuer.token().subject("bob");
    assert_eq!(orders(address, &bob.sign()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tokens_have_no_session_the_whole_identity_is_revoked() {
    let service = Service::new();
    let builder = service.revocations.backchannel_logout(&service.jwt).client("shop-web");
    let address = service.serve(builder.whole_identity().build().unwrap()).await;
    let token = service.issuer.token().subject("alice").sign();
    assert_eq!(orders(address, &token).await.status, 200);
    assert_eq!(post(address, &service.logout().sign()).await.status, 200);
    assert_eq!(orders(address, &token).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_logout_token_gets_one_answer_and_a_record_of_its_own() {
    let service = Service::new();
    let issuer = TestIssuer::new("https://evil.example");
    let good = || service.logout();
    let bad = [
        good().foreign().sign(),
        good().unsigned().sign(),
        good().audience("orders").sign(),
        good().claim("iss", "https://evil.example").sign(),
        issuer.token().audience("shop-web").claim("events", json!({ (EVENT): {} })).sign(),
        good().expired().sign(),
        good().without("exp").sign(),
        good().without("jti").sign(),
        good().without("events").sign(),
        good().claim("nonce", "n").sign(),
        good().without("sub").without("sid").sign(),
        good().header("typ", "at+jwt").sign(),
        good().header("crit", json!(["b64"])).sign(),
        "garbage".to_owned(),
        "a.b.c".to_owned(),
    ];
    for token in bad {
        // Anew each time: forged tokens use up what their sender may try.
        service.records.clear();
        let address = service.serve(service.endpoint()).await;
        let answer = post(address, &token).await;
        assert_eq!(answer.status, 400, "{token}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.json()["error"], "invalid_request");
        let text = answer.text();
        assert_eq!(
            text,
            r#"{"error":"invalid_request","error_description":"the logout token is not valid here"}"#
        );
        let record = &service.records.wait_for(1)[0];
        let why = record.rejection.as_ref().unwrap();
        assert_eq!(why.reason(), Reason::BadLogoutToken);
        assert_eq!(why.guard(), Some("backchannel-logout"));
        let told = format!(
            "{:?} {:?} {:?}",
            why.private_expected().unwrap(),
            why.private_found().unwrap(),
            why.private_cause().map(ToString::to_string)
        );
        let signature = token.rsplit('.').next().unwrap();
        assert!(signature.len() < 8 || !told.contains(signature), "{told}");
        assert!(service.revocations.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_of_a_provider_is_refused() {
    let service = Service::new();
    let endpoint = service.endpoint();
    let call = |method: &str, media: &str, body: String| {
        let request = Request::builder().method(method).uri(PATH).header("content-type", media);
        let (endpoint, body) = (endpoint.clone(), Body::from(body));
        async move { endpoint.answer(request.body(body).unwrap()).await }
    };
    let form = "application/x-www-form-urlencoded";
    let token = service.logout().sign();
    for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
        let answer = call(method, form, format!("logout_token={token}")).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["allow"]),
            (405, &"POST".parse().unwrap())
        );
    }
    for (media, body) in [
        ("application/json", format!("{{\"logout_token\":\"{token}\"}}")),
        ("text/plain", format!("logout_token={token}")),
        (form, String::new()),
        (form, format!("logout_token={token}&logout_token={token}")),
        (form, format!("logout_token={}", "a".repeat(20_000))),
        (form, format!("logout_token={token}&pad={}", "a".repeat(20_000))),
    ] {
        assert_eq!(call("POST", media, body).await.status(), 400);
    }
    let media = "application/x-www-form-urlencoded;charset=UTF-8";
    let answer = call("POST", media, format!("other=1&logout_token={token}")).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_logout_tokens_cost_the_senders_network_and_revoked_tokens_do_not() {
    let service = Service::new();
    let address = service.serve(service.endpoint()).await;
    let token = service.access("s1");
    assert_eq!(post(address, &service.logout().sign()).await.status, 200);
    for _ in 0..6 {
        assert_eq!(orders(address, &token).await.status, 401);
    }
    service.records.wait_for(7);
    for _ in 0..3 {
        assert_eq!(post(address, &service.logout().foreign().sign()).await.status, 400);
    }
    service.records.wait_for(10);
    assert_eq!(orders(address, &service.access("s2")).await.status, 429);
}

/// A list or a store against replays that fails as long as it is told to.
#[derive(Clone, Default)]
struct Flaky(Arc<AtomicBool>);

impl Flaky {
    fn told<T>(&self, value: T) -> Told<Result<T, StoreError>> {
        match self.0.load(Ordering::SeqCst) {
            true => Err(StoreError::new("down")).into(),
            false => Ok(value).into(),
        }
    }
}

impl RevocationStore for Flaky {
    fn find(&self, _: &[RevocationKey], _: Duration) -> Told<Result<Vec<Revocation>, StoreError>> {
        self.told(Vec::new())
    }
    fn insert(&self, _: Revocation, _: Duration) -> Told<Result<(), StoreError>> {
        self.told(())
    }
    fn remove(&self, _: RevocationKey) -> Told<Result<bool, StoreError>> {
        self.told(false)
    }
}

impl ReplayStore for Flaky {
    fn consume(&self, _: ReplayKey, _: Duration, _: Duration) -> Told<Result<bool, StoreError>> {
        self.told(true)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_that_could_not_be_kept_is_503_and_may_be_repeated() {
    let service = Service::new();
    let (list, replays) = (Flaky::default(), Flaky::default());
    let revocations =
        Revocations::builder().with_store(list.clone()).fail_closed().build().unwrap();
    let endpoint = revocations
        .backchannel_logout(&service.jwt)
        .client("shop-web")
        .with_replays(replays.clone())
        .build()
        .unwrap();
    let address = service.serve(endpoint).await;
    let token = service.logout().sign();
    for failing in [&list, &replays] {
        failing.0.store(true, Ordering::SeqCst);
        let answer = post(address, &token).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert_eq!(answer.json(), json!({ "error": "temporarily_unavailable" }));
        failing.0.store(false, Ordering::SeqCst);
    }
    assert_eq!(post(address, &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_issuers_each_ends_its_own_sessions() {
    let (staff, shop) = (TestIssuer::new("https://staff.example"), Service::new());
    let list = &shop.revocations;
    let scheme =
        Issuers::of([staff.jwt().check(list.clone()), shop.issuer.jwt().check(list.clone())]);
    let endpoint = list.backchannel_logout(&scheme.build().unwrap()).client("shop-web");
    let address = shop.serve(endpoint.build().unwrap()).await;
    let logout = |issuer: &TestIssuer, jti: &str| {
        let token = issuer.token().header("typ", "JWT").audience("shop-web").claim("jti", jti);
        token.claim("sid", "s1").claim("events", json!({ (EVENT): {} }))
    };
    assert_eq!(post(address, &logout(&staff, "1").sign()).await.status, 200);
    assert_eq!(orders(address, &shop.access("s1")).await.status, 200, "another issuer's `s1`");
    let forged = logout(&staff, "2").claim("iss", "https://id.example");
    assert_eq!(post(address, &forged.sign()).await.status, 400, "with the keys of another issuer");
    assert_eq!(post(address, &logout(&shop.issuer, "3").sign()).await.status, 200);
    assert_eq!(orders(address, &shop.access("s1")).await.status, 401);
}

#[test]
fn an_endpoint_without_a_client_is_not_built() {
    let service = Service::new();
    let error = service.revocations.backchannel_logout(&service.jwt).build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "client");
}
