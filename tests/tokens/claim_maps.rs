//! Claims mapped by hand, and presets that are given what no provider has.

use serde_json::{Value, json};
use tower_parapet::{
    Jwt, Parapet, Reason,
    auth::jwt::{ClaimMap, JwtBuilder},
    testing::{Recorder, TestIssuer, TestRequest, TestResponse, TestToken},
};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response};
use tower::ServiceExt;

/// An issuer of no provider's, its verifier, and the tokens of both.
struct House {
    issuer: TestIssuer,
    app: tower_parapet::Guarded<Router>,
    seen: Recorder,
}

impl House {
    fn new(verifier: impl FnOnce(JwtBuilder) -> JwtBuilder) -> Self {
        let issuer = TestIssuer::default();
        let seen = Recorder::default();
        let parapet = Parapet::builder()
            .authenticate(verifier(issuer.jwt()))
            .observe(seen.clone())
            .build()
            .unwrap();
        let app = parapet.protect(Router::new().route("/", get(super::whoami)));
        Self { issuer, app, seen }
    }

    async fn ask(&self, token: TestToken) -> Response<Body> {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let request = request.host("api.example").bearer(token);
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn caller(&self, token: TestToken) -> Value {
        let answer = self.ask(token).await;
        answer.assert_admitted();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn a_map_of_ones_own_says_where_everything_is_and_what_marks_an_access_token() {
    let map = ClaimMap::new()
        .scopes("permissions")
        .scopes("scope")
        .roles("/authorization/roles")
        .roles("groups")
        .tenant("https://shop.example/tenant")
        .client("client_id")
        .require("use", ["access", "service"])
        .refuse("sid");
    let house = House::new(|jwt| jwt.claim_map(map));
    let token = || {
        let token = house.issuer.token().subject("alice").scope("a").claim("use", "access");
        token.claim("client_id", "web").claim("https://shop.example/tenant", "acme")
    };
    let caller = house.caller(token().claim("/authorization/roles", ["x"]).claim("groups", "y z"));
    let caller = caller.await;
    assert_eq!(
        caller,
        json!({"subject": "alice", "scopes": "a", "roles": "x y z", "tenant": "acme", "client": "web"})
    );
    // Of scopes the first claim that is there counts, even empty.
    let caller = house.caller(token().claim("permissions", json!([]))).await;
    assert_eq!((&caller["scopes"], &caller["roles"]), (&json!(""), &json!("")));

    for (bad, cause) in [
        (token().claim("use", "identity"), "the claim `use` does not mark it as one"),
        (token().claim("use", ["access"]), "the claim `use` does not mark it as one"),
        (token().without("use"), "the claim `use` does not mark it as one"),
        (token().claim("sid", Value::Null), "the claim `sid` does not mark it as one"),
        (token().claim("groups", 7), "the claim `groups` is not acceptable"),
        (token().claim("https://shop.example/tenant", 7), "is not acceptable"),
    ] {
        house.ask(bad).await.assert_rejected(Reason::InvalidCredentials);
        house.seen.assert_cause(cause);
    }
}

#[tokio::test]
async fn setters_of_single_claims_count_before_the_map_whatever_their_order() {
    let map = || ClaimMap::new().scopes("s").roles("r").tenant("t").client("c");
    let before = House::new(|jwt| jwt.roles_claim("r2").tenant_claim("t2").claim_map(map()));
    let after = House::new(|jwt| jwt.claim_map(map()).roles_claim("r2").tenant_claim("t2"));
    for house in [before, after] {
        let token = house.issuer.token().claim("s", "a").claim("r", "b").claim("r2", "c");
        let token = token.claim("t", "d").claim("t2", "e").claim("c", "f").claim("scope", "none");
        let caller = house.caller(token).await;
        let expected = json!({
            "subject": "tester", "scopes": "a", "roles": "c", "tenant": "e", "client": "f",
        });
        assert_eq!(caller, expected);
    }
}

#[tokio::test]
async fn only_clients_that_are_named_may_call() {
    let house = House::new(|jwt| jwt.client("web").client("app"));
    for client in ["web", "app"] {
        let token = house.issuer.token().claim("azp", client);
        assert_eq!(house.caller(token).await["client"], client);
    }
    for token in [
        house.issuer.token(),
        house.issuer.token().claim("azp", "Web"),
        house.issuer.token().claim("azp", ["web"]),
        // The claim that counts is the first that is there.
        house.issuer.token().claim("azp", "web").claim("client_id", "other"),
    ] {
        house.ask(token).await.assert_rejected(Reason::InvalidCredentials);
    }
}

#[test]
fn a_preset_is_told_a_name_that_no_issuer_of_the_provider_has() {
    let pool = |region: &str, pool: &str| Jwt::cognito(region, pool).client("app");
    let cases: Vec<(&str, JwtBuilder)> = vec![
        ("keycloak", Jwt::keycloak("https://id.example")),
        ("keycloak", Jwt::keycloak("id.example/realms/shop")),
        ("auth0", Jwt::auth0("shop")),
        ("auth0", Jwt::auth0("https://shop.eu.auth0.com/api/v2/")),
        ("entra", Jwt::entra("common")),
        ("entra", Jwt::entra("shop.onmicrosoft.com")),
        ("entra_v1", Jwt::entra_v1("organizations")),
        ("cognito", pool("eu-west-1", "eu-central-1_Ab12")),
        ("cognito", pool("", "_Ab12")),
        ("okta", Jwt::okta("https://shop.okta.com")),
        ("okta", Jwt::okta("https://shop.okta.com/oauth2/default/v1/token")),
        ("kubernetes", Jwt::kubernetes("kubernetes/serviceaccount")),
    ];
    let keys = TestIssuer::default().jwks();
    for (setter, builder) in cases {
        let error = builder.audience("orders").jwks(&keys).build().unwrap_err();
        let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
        assert_eq!(setters, [setter], "{error}");
    }
}

#[test]
fn an_issuer_may_be_copied_with_or_without_what_the_provider_leaves_out() {
    let keys = TestIssuer::default().jwks();
    for (builder, issuer) in [
        (Jwt::keycloak("https://id.example/realms/shop/"), "https://id.example/realms/shop for"),
        (Jwt::auth0("shop.eu.auth0.com"), "https://shop.eu.auth0.com/ for"),
        (Jwt::auth0("https://shop.eu.auth0.com/"), "https://shop.eu.auth0.com/ for"),
        (Jwt::okta("https://shop.okta.com/oauth2/aus1/"), "https://shop.okta.com/oauth2/aus1 for"),
    ] {
        let parapet = Parapet::builder()
            .authenticate(builder.audience("orders").jwks(&keys))
            .build()
            .unwrap();
        let manifest = parapet.manifest().to_string();
        assert!(manifest.contains(&format!("bearer tokens of {issuer} orders")), "{manifest}");
    }
    let cn = Jwt::cognito("cn-north-1", "cn-north-1_Ab12").client("app").jwks(&keys);
    let manifest = Parapet::builder().authenticate(cn).build().unwrap().manifest().to_string();
    assert!(
        manifest.contains("https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Ab12 to app")
    );
}

#[test]
fn who_may_call_has_to_be_said_where_the_audience_does_not_say_it() {
    let keys = TestIssuer::default().jwks();
    let setters = |builder: JwtBuilder| {
        let error = builder.jwks(&keys).build().map(|_| ()).unwrap_err();
        let setters = error.mistakes().iter().map(|mistake| mistake.setter().to_owned());
        setters.collect::<Vec<_>>()
    };
    assert_eq!(setters(Jwt::cognito("eu-central-1", super::POOL)), ["client"]);
    assert_eq!(setters(Jwt::google().audience("https://orders.example")), ["client"]);
    assert_eq!(setters(Jwt::google()), ["audience", "client"]);
    assert_eq!(setters(Jwt::keycloak("https://id.example/realms/shop")), ["audience"]);
    let empty = Jwt::keycloak("https://id.example/realms/shop").audience("orders");
    assert_eq!(setters(empty.client("").tenant_claim("")), ["client", "tenant_claim"]);
    let nowhere = TestIssuer::default().jwt().claim_map(ClaimMap::new()).client("web");
    assert_eq!(setters(nowhere), ["client"]);
    let nothing = ClaimMap::new().require("typ", [""; 0]);
    assert_eq!(setters(TestIssuer::default().jwt().claim_map(nothing)), ["claim_map"]);
}
