//! Webhooks on routes of their own, through the real stack and over a socket.
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

use std::{net::SocketAddr, time::Duration};

use aws_lc_rs::hmac;
use axum::{Router, routing::post};
use base64::{Engine, engine::general_purpose::STANDARD};
use support::{Answer, Records, request, serve};
use tower_parapet::{
    ConfigError, Flow, Parapet, Peer, Policy, Principal, Rejection,
    auth::{
        StoreError,
        replay::{MemoryReplays, ReplayKey, ReplayStore},
        webhook::{Webhook, WebhookBuilder},
    },
    clock::ManualClock,
};

const NOW: u64 = 1_800_000_000;
const GITHUB: &str = "0123456789abcdef0123456789abcdef";
const STRIPE: &str = "whsec_0123456789abcdef0123456789ab";
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BODY: &str = r#"{ "paid" : true }"#;

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn github(secret: &str, body: &str) -> Vec<(&'static str, String)> {
    vec![("X-Hub-Signature-256", format!("sha256={}", hex(&mac(secret.as_bytes(), body))))]
}

fn stripe(sent: u64, body: &str) -> Vec<(&'static str, String)> {
    let tag = hex(&mac(STRIPE.as_bytes(), &format!("{sent}.{body}")));
    vec![("Stripe-Signature", format!("t={sent},v1={tag},v0=old"))]
}

fn standard(id: &str, sent: u64, body: &str) -> Vec<(&'static str, String)> {
    let key = STANDARD.decode(STANDARD_SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let tag = STANDARD.encode(mac(&key, &format!("{id}.{sent}.{body}")));
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", sent.to_string()),
        ("webhook-signature", format!("v1,{tag} v1a,other")),
    ]
}

struct Service {
    address: SocketAddr,
    records: Records,
    clock: ManualClock,
}

impl Service {
    async fn new(hooks: [(&str, WebhookBuilder); 3]) -> Self {
        let (records, clock) = (Records::default(), ManualClock::at_unix(Duration::from_secs(NOW)));
        let parapet = Parapet::builder()
            .peer(Peer::ConnectInfo)
            .observe(records.clone())
            .with_clock(clock.clone());
        let parapet = hooks.into_iter().fold(parapet, |parapet, (path, hook)| {
            parapet.route(&format!("POST {path}"), Policy::authenticated_by(hook))
        });
        let told = async |sender: Principal, body: String| {
            format!("{} {} {}: {body}", sender.issuer(), sender.subject(), sender.scheme())
        };
        let router = ["/github", "/stripe", "/standard", "/other"]
            .into_iter()
            .fold(Router::new(), |router, path| router.route(path, post(told)));
        let address = serve(parapet.build().unwrap().protect(router)).await;
        Self { address, records, clock }
    }

    async fn usual() -> Self {
        Self::new([
            ("/github", Webhook::github(GITHUB)),
            ("/stripe", Webhook::stripe(STRIPE)),
            ("/standard", Webhook::standard(STANDARD_SECRET)),
        ])
        .await
    }

    async fn tell(&self, path: &str, headers: &[(&'static str, String)], body: &str) -> Answer {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        request(self.address, "POST", path, &headers, body.as_bytes()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sender_is_known_on_its_route_and_the_handler_gets_the_very_body() {
    let service = Service::usual().await;
    for (sender, headers) in [
        ("github", github(GITHUB, BODY)),
        ("stripe", stripe(NOW, BODY)),
        ("standard", standard("msg_1", NOW, BODY)),
    ] {
        let answer = service.tell(&format!("/{sender}"), &headers, BODY).await;
        assert_eq!(answer.text(), format!("webhook {sender} webhook: {BODY}"));
    }
    let records = service.records.wait_for(3);
    assert!(records.iter().all(|record| record.principal.is_some() && record.notes.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_did_not_sign_is_refused_and_not_named() {
    let service = Service::usual().await;
    let forged = "fedcba9876543210fedcba9876543210";
    for (path, headers, code, claim) in [
        ("/github", vec![], "missing-credentials", None),
        ("/github", github(forged, BODY), "invalid-credentials", Some("webhook github")),
        ("/github", github(GITHUB, "{}"), "invalid-credentials", Some("webhook github")),
        ("/github", stripe(NOW, BODY), "missing-credentials", None),
        ("/stripe", stripe(NOW, "{}"), "invalid-credentials", Some("webhook stripe")),
        ("/stripe", stripe(NOW - 300, BODY), "expired-credentials", Some("webhook stripe")),
        ("/stripe", stripe(NOW + 301, BODY), "invalid-credentials", Some("webhook stripe")),
        ("/standard", standard("a.b", NOW, BODY), "invalid-credentials", None),
        (
            "/standard",
            standard("a", NOW - 300, BODY),
            "expired-credentials",
            Some("webhook standard"),
        ),
    ] {
        let before = service.records.all().len();
        let answer = service.tell(path, &headers, BODY).await;
        assert_eq!((answer.status, &*answer.code()), (401, code), "{path} {headers:?}");
        let header = match path {
            "/github" => "X-Hub-Signature-256",
            "/stripe" => "Stripe-Signature",
            _ => "Webhook-Signature",
        };
        let challenge = format!("Webhook header=\"{header}\"");
        assert_eq!(answer.all("www-authenticate"), [&*challenge]);
        let record = service.records.wait_for(before + 1).pop().unwrap();
        assert!(record.principal.is_none());
        let rejection = record.rejection.as_ref().unwrap();
        assert_eq!(rejection.guard(), Some("webhook"));
        let found = rejection.private_found().unwrap();
        assert!(!answer.text().contains(found), "{found}");
        let note = record.notes.iter().find(|(key, _)| *key == "claimed-principal");
        assert_eq!(note.map(|(_, value)| &**value), claim);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_taken_once_and_a_retry_that_is_signed_anew_again() {
    let service = Service::usual().await;
    for (path, headers) in [
        ("/github", github(GITHUB, BODY)),
        ("/stripe", stripe(NOW, BODY)),
        ("/standard", standard("msg_1", NOW, BODY)),
    ] {
        assert_eq!(service.tell(path, &headers, BODY).await.status, 200);
        let again = service.tell(path, &headers, BODY).await;
        assert_eq!(again.code(), "invalid-credentials");
    }
    service.clock.advance(Duration::from_secs(5));
    assert_eq!(service.tell("/stripe", &stripe(NOW + 5, BODY), BODY).await.status, 200);
    let retry = standard("msg_1", NOW + 5, BODY);
    assert_eq!(service.tell("/standard", &retry, BODY).await.status, 200);
    service.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(service.tell("/github", &github(GITHUB, BODY), BODY).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_signature_over_the_same_delivery_is_a_replay_too() {
    let new = "fedcba9876543210fedcba9876543210";
    let service = Service::new([
        ("/github", Webhook::github(GITHUB).secret(new).sender("forge")),
        ("/stripe", Webhook::stripe(STRIPE)),
        ("/standard", Webhook::standard(STANDARD_SECRET)),
    ])
    .await;
    let answer = service.tell("/github", &github(GITHUB, BODY), BODY).await;
    assert_eq!(answer.text(), format!("webhook forge webhook: {BODY}"));
    let again = service.tell("/github", &github(new, BODY), BODY).await;
    assert_eq!(again.code(), "invalid-credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_delivery_uses_nothing_up_and_replays_may_be_allowed() {
    let replays = MemoryReplays::new(16);
    let service = Service::new([
        ("/github", Webhook::github(GITHUB).with_replays(replays.clone())),
        ("/stripe", Webhook::stripe(STRIPE).dangerous().allow_replays()),
        ("/standard", Webhook::standard(STANDARD_SECRET)),
    ])
    .await;
    assert_eq!(service.tell("/github", &github(STRIPE, BODY), BODY).await.status, 401);
    assert!(replays.is_empty());
    assert_eq!(service.tell("/github", &github(GITHUB, BODY), BODY).await.status, 200);
    for _ in 0..2 {
        assert_eq!(service.tell("/stripe", &stripe(NOW, BODY), BODY).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_nobody_on_other_routes() {
    let service = Service::usual().await;
    let answer = service.tell("/other", &github(GITHUB, BODY), BODY).await;
    assert_eq!((answer.status, &*answer.code()), (401, "missing-credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_answers_later_decides_alike_and_one_that_fails_is_our_fault() {
    struct Later(MemoryReplays);
    impl ReplayStore for Later {
        fn consume(
            &self,
            key: ReplayKey,
            until: Duration,
            now: Duration,
        ) -> tower_parapet::Answer<Result<bool, StoreError>> {
            let first = self.0.consume(key, until, now);
            tower_parapet::Answer::later(async move {
                tokio::task::yield_now().await;
                first.wait().await
            })
        }
    }
    struct Lost;
    impl ReplayStore for Lost {
        fn consume(
            &self,
            _: ReplayKey,
            _: Duration,
            _: Duration,
        ) -> tower_parapet::Answer<Result<bool, StoreError>> {
            tower_parapet::Answer::later(async { Err(StoreError::new("no route to the store")) })
        }
    }
    let service = Service::new([
        ("/github", Webhook::github(GITHUB).with_replays(Later(MemoryReplays::default()))),
        ("/stripe", Webhook::stripe(STRIPE).with_replays(Lost)),
        ("/standard", Webhook::standard(STANDARD_SECRET)),
    ])
    .await;
    assert_eq!(service.tell("/github", &github(GITHUB, BODY), BODY).await.status, 200);
    assert_eq!(service.tell("/github", &github(GITHUB, BODY), BODY).await.status, 401);
    let answer = service.tell("/stripe", &stripe(NOW, BODY), BODY).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    let record = service.records.wait_for(3).pop().unwrap();
    assert!(record.principal.is_none());
    assert!(record.rejection.as_ref().and_then(Rejection::private_cause).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_nobody_proves_never_reaches_the_handler() {
    let claims = support::does(|exchange| {
        exchange.set_principal(Principal::builder("partners", "acme").build());
        exchange.claim();
        Ok(Flow::Continue)
    });
    let records = Records::default();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .observe(records.clone())
        .route("POST /orders", Policy::optional().guard(claims));
    let router = Router::new().route("/orders", post(async || "done"));
    let address = serve(parapet.build().unwrap().protect(router)).await;
    let answer = request(address, "POST", "/orders", &[], b"{}").await;
    assert_eq!((answer.status, &*answer.code()), (401, "missing-credentials"));
    assert!(records.wait_for(1)[0].principal.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_unread() {
    let service = Service::usual().await;
    let body = "x".repeat((1 << 20) + 1);
    let answer = service.tell("/github", &github(GITHUB, &body), &body).await;
    assert_eq!(answer.code(), "body-too-large");
    assert!(service.records.wait_for(1)[0].principal.is_none());
}

#[test]
fn a_stack_of_webhooks_alone_builds_and_says_what_it_takes() -> Result<(), ConfigError> {
    let parapet = Parapet::builder()
        .route("POST /github", Policy::authenticated_by(Webhook::github(GITHUB)))
        .route(
            "POST /stripe",
            Policy::authenticated_by(Webhook::stripe(STRIPE).dangerous().allow_replays()),
        )
        .build()?;
    let manifest = parapet.manifest().to_string();
    assert!(manifest.contains("X-Hub-Signature-256, signed by github"), "{manifest}");
    assert!(
        manifest.contains("Stripe-Signature, signed by stripe, 300 s old at most"),
        "{manifest}"
    );
    let codes: Vec<_> = parapet.findings().iter().map(|it| it.code.to_owned()).collect();
    assert!(codes.contains(&"signature-replay".to_owned()), "{codes:?}");
    assert!(!codes.contains(&"optional-write".to_owned()), "{codes:?}");
    let weak = Policy::authenticated_by(Webhook::github("hunter2"));
    let error = Parapet::builder().route("POST /github", weak).build().unwrap_err().to_string();
    assert!(error.contains("secret") && !error.contains("hunter2"), "{error}");
    Ok(())
}
