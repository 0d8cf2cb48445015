//! A logout whose key is not there yet.

use serde_json::{Value, json};
use tower_parapet::{Jwt, auth::revocation::Revocations, remote::Remote};

use super::{
    Service,
    authority::{self, Authority},
    orders, post,
};

impl Service {
    /// Whose keys are fetched from there.
    fn of(provider: &Authority) -> Self {
        let service = Self::new();
        let revocations = Revocations::default();
        let jwt = Jwt::builder()
            .issuer(service.issuer.name())
            .audience("test")
            .jwks_url(provider.url("/jwks"))
            .with_remote(Remote::builder().no_proxy().build().unwrap())
            .check(revocations.clone())
            .build()
            .unwrap();
        Self { revocations, jwt, ..service }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_logout_waits_for_the_keys_of_its_issuer() {
    let provider = Authority::start(|_| authority::json(404, json!({}))).await;
    let service = Service::of(&provider);
    let jwks = service.issuer.jwks();
    provider.reply(move |_| authority::json(200, serde_json::from_str::<Value>(&jwks).unwrap()));
    provider.hold();
    let address = service.serve(service.endpoint()).await;
    let token = service.logout().sign();
    let waiting = tokio::spawn(async move { post(address, &token).await });
    provider.was_asked(1).await;
    provider.release();
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!(orders(address, &service.access("s1")).await.status, 401);
    assert_eq!(orders(address, &service.access("s2")).await.status, 200);
    let unknown = service.logout().claim("jti", "2").key_id("unknown").sign();
    let refused = post(address, &unknown).await;
    assert!(matches!(refused.status, 400 | 503), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_a_logout_is_503_and_may_be_repeated() {
    let provider = Authority::start(|_| authority::json(500, json!({}))).await;
    let service = Service::of(&provider);
    let address = service.serve(service.endpoint()).await;
    let token = service.logout().sign();
    let answer = post(address, &token).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert_eq!(answer.json(), json!({ "error": "temporarily_unavailable" }));
    assert!(service.revocations.is_empty());
}
