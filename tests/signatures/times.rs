//! When a signature counts, and how often.

use std::time::Duration;

use tower_parapet::{
    Parapet, Policy, Principal, Reason,
    auth::{
        replay::MemoryReplays,
        signature::{MessageSignatures, SignatureKey, Signer, SigningKey},
    },
    compose::Shadow,
};

use super::{BODY, NOW, Service, clock, get, post, scheme, sign, signer};

#[tokio::test]
async fn a_signature_counts_from_its_making_to_its_age() {
    for (now, reason) in [
        (NOW - 31, Some(Reason::InvalidCredentials)),
        (NOW - 30, None),
        (NOW + 299, None),
        (NOW + 300, Some(Reason::ExpiredCredentials)),
    ] {
        let service = Service::new(scheme());
        service.clock.set_unix(Duration::from_secs(now));
        let request = sign(signer(), post("/orders/7", BODY));
        match reason {
            Some(reason) => assert_eq!(service.refuses(request).await.0, reason, "{now}"),
            None => assert!(service.says(request).await.ends_with(BODY)),
        }
    }
}

#[tokio::test]
async fn an_end_of_its_own_counts_before_the_age() {
    let request = || {
        let signer = signer().expires_after(Duration::from_secs(60)).without_nonce();
        sign(signer, get("/orders/7"))
    };
    let service = Service::new(scheme());
    service.clock.set_unix(Duration::from_secs(NOW + 59));
    assert_eq!(service.says(request()).await, "partners robot signature: ");
    service.clock.set_unix(Duration::from_secs(NOW + 60));
    assert_eq!(service.refuses(request()).await.0, Reason::ExpiredCredentials);
}

#[tokio::test]
async fn a_forged_signature_is_forged_also_when_it_is_old() {
    let service = Service::new(scheme());
    service.clock.set_unix(Duration::from_secs(NOW + 3000));
    let mut request = sign(signer(), get("/orders/7"));
    *request.uri_mut() = "https://api.example/orders/8".parse().unwrap();
    assert_eq!(service.refuses(request).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_nonce_counts_once_and_without_one_a_request_may_come_again() {
    let service = Service::new(scheme());
    let once = sign(signer(), post("/orders/7", BODY));
    assert!(service.says(once.clone()).await.ends_with(BODY));
    let (reason, found) = service.refuses(once).await;
    assert_eq!((reason, &*found), (Reason::InvalidCredentials, "a nonce that was used before"));
    let again = sign(signer().without_nonce(), post("/orders/7", BODY));
    assert!(service.says(again.clone()).await.ends_with(BODY));
    assert!(service.says(again.clone()).await.ends_with(BODY));
    let strict = Service::new(scheme().require_nonce());
    assert_eq!(strict.refuses(again).await.1, "a signature without `nonce`");
}

#[tokio::test]
async fn a_nonce_is_used_up_by_nothing_that_is_refused() {
    let replays = MemoryReplays::new(16);
    let service = Service::new(scheme().with_replays(replays.clone()));
    let good = sign(signer(), post("/orders/7", BODY));
    let forged = super::with(good.clone(), "signature", "sig=:AAAA:");
    let other_body = good.clone().map(|_| "other".to_owned());
    let mut elsewhere = good.clone();
    *elsewhere.uri_mut() = "https://api.example/orders/8".parse().unwrap();
    for bad in [forged, other_body, elsewhere] {
        assert_eq!(service.refuses(bad).await.0, Reason::InvalidCredentials);
    }
    assert!(replays.is_empty());
    assert!(service.says(good).await.ends_with(BODY));
    assert_eq!(replays.len(), 1);
}

#[tokio::test]
async fn a_scheme_on_trial_uses_no_nonce_up() {
    let replays = MemoryReplays::new(16);
    let on_trial = scheme().with_replays(replays.clone()).build().unwrap();
    let live = scheme().with_replays(replays.clone());
    let service =
        Service::with(|parapet| parapet.guard(Shadow::of(on_trial).unwrap()).authenticate(live));
    let once = sign(signer(), post("/orders/7", BODY));
    assert!(service.says(once.clone()).await.ends_with(BODY));
    assert_eq!(replays.len(), 1);
    assert_eq!(service.refuses(once).await.0, Reason::InvalidCredentials);
}

#[tokio::test]
async fn an_explanation_uses_no_nonce_up() {
    let replays = MemoryReplays::new(16);
    let parapet = Parapet::builder()
        .route("/orders/{*rest}", Policy::authenticated())
        .authenticate(scheme().with_replays(replays.clone()))
        .with_clock(clock())
        .build()
        .unwrap();
    let request = super::with(sign(signer(), post("/orders/7", BODY)), "host", "api.example");
    let told = parapet.explain(&request).body(BODY).await;
    assert!(told.is_admitted(), "{told}");
    assert_eq!(told.principal().map(Principal::subject), Some("robot"));
    assert!(replays.is_empty());
}

#[tokio::test]
async fn a_caller_whose_time_is_over_is_refused_however_young_the_signature() {
    let keys = super::keys();
    let key = SignatureKey::shared([9; 32]).unwrap();
    let end = Duration::from_secs(NOW + 5);
    keys.insert("ending", key, Principal::builder("partners", "guest").expires_at(end).build());
    let service = Service::new(MessageSignatures::builder(keys).origin("https://api.example"));
    let request = || {
        let signer = Signer::builder("ending", SigningKey::shared([9; 32]).unwrap());
        sign(signer.with_clock(clock()), get("/orders/7"))
    };
    assert_eq!(service.says(request()).await, "partners guest custom: ");
    service.clock.set_unix(end);
    let (reason, found) = service.refuses(request()).await;
    assert_eq!(reason, Reason::ExpiredCredentials);
    assert_eq!(found, "a key whose time is over, of key `ending`");
}
