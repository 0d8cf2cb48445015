//! What is asked of a token after its verification, and what an explanation leaves alone.

use std::time::Duration;

use serde_json::{Value, json};
use tower_parapet::{
    Introspection, Parapet,
    auth::{
        Guesses,
        api_key::{ApiKey, ApiKeys, MemoryKeys},
        dpop::Dpop,
        jwt::Issuers,
        mtls::CertificateBound,
        revocation::Revocations,
    },
    clock::{Clock, ManualClock},
    remote::Remote,
    testing::{TestIssuer, TestRequest},
};

use super::{
    House,
    authority::{self, Authority},
    client::{Client, sha256},
    is, request, stack,
};

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn a_token_that_is_remembered_as_good_is_revoked_at_once_also_among_several_issuers() {
    let (one, other) = (TestIssuer::new("https://a.test"), TestIssuer::new("https://b.test"));
    let list = Revocations::default();
    let issuers = Issuers::of([one.jwt().check(list.clone()), other.jwt().check(list.clone())]);
    let house = House::of(stack().authenticate(issuers));
    // The same `jti` at two issuers is two tokens.
    let token = |issuer: &TestIssuer| bearer(&issuer.token().claim("jti", "7").sign());
    let (a, b) = (token(&one), token(&other));
    for _ in 0..2 {
        assert_eq!(house.get("/in", &[("authorization", &a)]).await.0, 200);
        assert_eq!(house.get("/in", &[("authorization", &b)]).await.0, 200);
    }
    list.revoke_token_id(one.name(), "7", None).await.unwrap();
    let refused = house.get("/in", &[("authorization", &a)]).await;
    assert_eq!(refused, is(401, "revoked-credentials"));
    assert_eq!(house.get("/in", &[("authorization", &b)]).await.0, 200);
}

#[tokio::test]
async fn a_revocation_that_is_over_hides_none_that_still_counts() {
    let clock = ManualClock::at_unix(NOW);
    let issuer = TestIssuer::default().with_clock(clock.clone());
    let list = Revocations::builder().with_clock(clock.clone()).build().unwrap();
    let house =
        House::of(stack().with_clock(clock.clone()).authenticate(issuer.jwt().check(list.clone())));
    let token = issuer.token().claim("jti", "7").expires_in(Duration::from_secs(3600)).sign();
    // Somebody took the token to be over soon, and then the whole identity had to go.
    let soon = clock.unix() + Duration::from_secs(10);
    list.revoke_token_id(issuer.name(), "7", Some(soon)).await.unwrap();
    list.revoke_identity(issuer.name(), "tester").await.unwrap();
    for wait in [0, 600, 600] {
        clock.advance(Duration::from_secs(wait));
        let refused = house.get("/in", &[("authorization", &bearer(&token))]).await;
        assert_eq!(refused, is(401, "revoked-credentials"));
    }
}

#[tokio::test]
async fn whatever_a_token_is_bound_to_has_to_be_confirmed_all_of_it() {
    let issuer = TestIssuer::default();
    let client = Client::new();
    let dpop = || Dpop::optional().origin("https://api.example");
    let plain = House::of(stack().authenticate(issuer.jwt()));
    let by_key = House::of(stack().authenticate(issuer.jwt().sender_constrained(dpop())));
    let by_both = House::of(stack().authenticate(
        issuer.jwt().sender_constrained(dpop()).sender_constrained(CertificateBound::optional()),
    ));
    let certificate = sha256("somebody else's certificate");
    let ask = async |house: &House, scheme: &str, cnf: Value| {
        let token = issuer.token().claim("cnf", cnf).sign();
        let proof = client.proof("GET", "https://api.example/in", &token, json!({}));
        let authorization = format!("{scheme} {token}");
        house.get("/in", &[("authorization", &authorization), ("dpop", &proof)]).await.0
    };
    let key = client.thumbprint();
    assert_eq!(ask(&by_key, "DPoP", json!({"jkt": key})).await, 200);
    for (house, scheme, cnf) in [
        (&plain, "Bearer", json!({"jkt": key})),
        (&plain, "DPoP", json!({"jkt": key})),
        (&by_key, "Bearer", json!({"jkt": key})),
        (&by_key, "DPoP", json!({"jkt": key, "x5t#S256": certificate})),
        (&by_key, "DPoP", json!({"jkt": key, "kid": "7"})),
        (&by_key, "DPoP", json!({"jkt": [key]})),
        (&by_key, "Bearer", json!({})),
        (&by_key, "Bearer", Value::Null),
        (&by_key, "Bearer", json!({"x5t#S256": certificate})),
        (&by_both, "DPoP", json!({"jkt": key, "x5t#S256": certificate})),
        (&by_both, "Bearer", json!({"x5t#S256": certificate})),
    ] {
        assert_eq!(ask(house, scheme, cnf.clone()).await, 401, "{scheme} {cnf}");
    }
}

#[tokio::test]
async fn a_token_of_one_issuer_is_not_verified_by_the_key_of_another() {
    let (one, other) = (TestIssuer::new("https://a.test"), TestIssuer::new("https://b.test"));
    let house = House::of(stack().authenticate(Issuers::of([one.jwt(), other.jwt()])));
    for token in [
        // Signed by `b`, which says that it is `a`.
        other.token().claim("iss", one.name()).sign(),
        other.token().claim("iss", one.name()).key_id(one.key_id()).sign(),
        other.token().claim("iss", one.name()).without_key_id().sign(),
        one.token().key_id(other.key_id()).sign(),
        one.token().claim("iss", json!([one.name()])).sign(),
        one.token().unsigned().sign(),
    ] {
        let refused = house.get("/in", &[("authorization", &bearer(&token))]).await;
        assert_eq!(refused, is(401, "invalid-credentials"));
    }
    // The good one is not spoilt by what came before.
    assert_eq!(house.get("/in", &[("authorization", &bearer(&one.token().sign()))]).await.0, 200);
}

fn explained(path: &str, headers: &[(&str, &str)]) -> http::Request<()> {
    let request = request("GET", path, headers).map(drop);
    request.host("api.example").peer(([127, 0, 0, 1], 50_000))
}

#[tokio::test]
async fn an_explanation_spends_no_proof_and_counts_no_guess() {
    let issuer = TestIssuer::default();
    let client = Client::new();
    let (key, keys) = (ApiKey::generate("shop").unwrap(), MemoryKeys::new());
    keys.insert(key.stored().owner("robot").build().unwrap());
    let wrong = ApiKey::rotate("shop", key.id()).unwrap();
    let house = House::of(
        stack()
            .authenticate(
                issuer.jwt().sender_constrained(Dpop::required().origin("https://api.example")),
            )
            .authenticate(ApiKeys::builder(keys).guesses(Guesses::per_hour(1).burst(1))),
    );
    let token = issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})).sign();
    let proof = client.proof("GET", "https://api.example/in", &token, json!({}));
    let authorization = format!("DPoP {token}");
    let good = [("authorization", &*authorization), ("dpop", &*proof)];
    let guess = [("x-api-key", wrong.text().expose())];
    let parapet: &Parapet = &house.parapet;
    for _ in 0..3 {
        assert!(parapet.explain(&explained("/in", &good)).await.rejection().is_none());
        assert!(parapet.explain(&explained("/in", &guess)).await.rejection().is_some());
    }
    assert!(house.records.all().is_empty());
    assert_eq!(house.get("/in", &good).await, is(200, "tester"));
    assert_eq!(house.get("/in", &good).await, is(401, "invalid-proof"));
    // The one guess there is was not used up.
    assert_eq!(house.get("/in", &guess).await, is(401, "invalid-credentials"));
    assert_eq!(house.get("/in", &guess).await, is(429, "rate-limited"));
}

#[tokio::test]
async fn a_proof_is_used_up_also_where_a_later_guard_refuses() {
    use tower_parapet::{Policy, authorize::scope};
    let issuer = TestIssuer::default();
    let client = Client::new();
    let house = House::of(stack().route("/hook", Policy::require(scope("admin"))).authenticate(
        issuer.jwt().sender_constrained(Dpop::required().origin("https://api.example")),
    ));
    let token = issuer.token().claim("cnf", json!({"jkt": client.thumbprint()})).sign();
    let proof = client.proof("GET", "https://api.example/hook", &token, json!({}));
    let headers = [("authorization", &*format!("DPoP {token}")), ("dpop", &*proof)];
    assert_eq!(house.get("/hook", &headers).await, is(403, "insufficient-scope"));
    assert_eq!(house.get("/hook", &headers).await, is(401, "invalid-proof"));
}

#[tokio::test]
async fn an_opaque_token_that_is_remembered_is_revoked_at_once_and_bound_ones_need_a_check() {
    let claims = json!({"active": true, "sub": "alice", "aud": "orders", "client_id": "c",
        "jti": "7", "iat": 1, "scope": "a"});
    let provider = Authority::start(move |asked| {
        let mut claims = claims.clone();
        if asked.field("token") == Some("bound") {
            claims["cnf"] = json!({"jkt": sha256("a key")});
        }
        authority::json(200, claims)
    })
    .await;
    let list = Revocations::builder().dangerous().outliving_tokens().build().unwrap();
    let opaque = Introspection::builder()
        .issuer("https://id.example")
        .endpoint(provider.url("/introspect"))
        .client_id("orders")
        .client_secret("s3cret")
        .audience("orders")
        .with_remote(Remote::builder().no_proxy().build().unwrap())
        .check(list.clone());
    // It stands before a scheme of JWTs, and asks about none of those.
    let issuer = TestIssuer::default();
    let house = House::of(stack().authenticate(opaque).authenticate(issuer.jwt()));
    let ask = async |token: &str| house.get("/in", &[("authorization", &bearer(token))]).await;
    assert_eq!(ask("known").await, is(200, "alice"));
    assert_eq!(ask("known").await, is(200, "alice"));
    assert_eq!(ask("bound").await, is(401, "invalid-credentials"));
    assert_eq!(ask(&issuer.token().sign()).await, is(200, "tester"));
    assert_eq!(provider.calls(), 2);
    list.revoke_token_id("https://id.example", "7", None).await.unwrap();
    assert_eq!(ask("known").await, is(401, "revoked-credentials"));
    assert_eq!(provider.calls(), 2);
}
