//! Providers that publish what they should not.

use serde_json::{Value, json};
use tower_parapet::{Jwt, remote::Remote, testing::TestIssuer};

use super::{
    House,
    authority::{self, Authority},
    is, stack,
};

async fn provider(set: String) -> (Authority, House, TestIssuer, Jwt) {
    let issuer = TestIssuer::default();
    let provider = Authority::start(move |_| authority::json(200, &set)).await;
    let jwt = Jwt::builder()
        .issuer(issuer.name())
        .audience("test")
        .jwks_url(provider.url("/keys?code=s3cret"))
        .with_remote(Remote::builder().no_proxy().build().unwrap())
        .build()
        .unwrap();
    let house = House::of(stack().authenticate(jwt.clone()));
    (provider, house, issuer, jwt)
}

async fn refused(house: &House, issuer: &TestIssuer) {
    let token = format!("Bearer {}", issuer.token().sign());
    assert_eq!(house.get("/in", &[("authorization", &token)]).await, is(503, "unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_with_secret_private_or_no_keys_is_no_set() {
    for set in [
        json!({"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS256"}]}),
        json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}]}),
        json!({"keys": []}),
        json!({"keys": {}}),
        json!([]),
    ] {
        let (_provider, house, issuer, jwt) = provider(set.to_string()).await;
        refused(&house, &issuer).await;
        let health = jwt.keys().remove(0);
        assert!(health.error().is_some(), "{set}");
        assert!(!format!("{health:?} {jwt:?} {}", house.parapet.manifest()).contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_of_half_a_million_things_costs_no_more_than_a_line() {
    let many = |item: &str, count: usize| {
        format!("{{\"keys\":[{item}{}]}}", format!(",{item}").repeat(count))
    };
    let named = Value::String("k".repeat(1000)).to_string();
    for set in [
        many("1", 500_000),
        many("{}", 300_000),
        many("{\"kty\":\"oct\"}", 499),
        many(&format!("{{\"kty\":\"oct\",\"kid\":{named}}}"), 499),
    ] {
        let (_provider, house, issuer, jwt) = provider(set).await;
        refused(&house, &issuer).await;
        let error = jwt.keys().remove(0).error().unwrap().to_owned();
        assert!(error.len() < 3000, "{} bytes: {error:.200}", error.len());
        let record = house.records.wait_for(1).remove(0);
        let told = format!("{:?}", record.rejection);
        assert!(told.len() < 8000, "{} bytes", told.len());
    }
}
