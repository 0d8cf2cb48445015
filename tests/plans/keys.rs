//! Whose bucket: API keys, tenants, claims, methods and values of one's own.

use axum::{Router, routing::any};
use serde_json::json;
use tower_parapet::{
    Parapet, Peer,
    throttle::{Absent, Key},
};

use super::{Service, get, per_hour};

#[tokio::test]
async fn each_api_key_of_an_owner_has_a_bucket_and_a_token_has_none() {
    let service = Service::with(per_hour(2, Key::ApiKey));
    let (one, other) = (service.key("acme", None), service.key("acme", None));
    assert_eq!(service.passing(get("/orders").key(&one)).await, 2);
    assert_eq!(service.passing(get("/orders").key(&other)).await, 2);
    let token = service.token("alice");
    assert_eq!(service.status(get("/orders").token(&token)).await, 403);
    let record = service.seen.records().pop().unwrap();
    assert_eq!(record.rejection.unwrap().guard(), Some("throttle"));
    assert_eq!(service.status(get("/orders")).await, 401);
    assert_eq!(service.passing(get("/open")).await, 12, "public routes are skipped");

    let service = Service::with(per_hour(2, Key::ApiKey).absent(Absent::Principal));
    let (alice, bob) = (service.token("alice"), service.token("bob"));
    assert_eq!(service.passing(get("/orders").token(&alice)).await, 2);
    assert_eq!(service.passing(get("/orders").token(&bob)).await, 2);
    assert_eq!(service.passing(get("/news")).await, 2, "strangers by network");
}

#[tokio::test]
async fn the_callers_of_a_tenant_share_a_bucket() {
    let tenant =
        |subject, tenant: &str, service: &Service| service.token(subject).claim("tenant", tenant);
    let service = Service::new(|stack| stack);
    let issuer = service.issuer.jwt().tenant_claim("tenant");
    let service = Service {
        app: Parapet::builder()
            .peer(Peer::Extension)
            .with_clock(service.clock.clone())
            .authenticate(issuer)
            .throttle(per_hour(3, Key::Tenant))
            .build()
            .unwrap()
            .protect(Router::new().route("/orders", any(async || "here"))),
        ..service
    };
    let (one, two) = (tenant("alice", "acme", &service), tenant("bob", "acme", &service));
    assert_eq!(service.status(get("/orders").token(&one)).await, 200);
    assert_eq!(service.passing(get("/orders").token(&two)).await, 2);
    assert_eq!(service.status(get("/orders").token(&one)).await, 429);
    assert_eq!(service.passing(get("/orders").token(&tenant("eve", "other", &service))).await, 3);
    assert_eq!(service.status(get("/orders").token(&service.token("mallory"))).await, 403);
}

#[tokio::test]
async fn a_claim_is_a_key_where_it_is_a_number_or_a_short_text() {
    let service = Service::with(per_hour(2, Key::claim("org")));
    let of = |org: serde_json::Value| service.token("alice").claim("org", org);
    assert_eq!(service.passing(get("/orders").token(&of(json!("acme")))).await, 2);
    assert_eq!(service.passing(get("/orders").token(&of(json!(7)))).await, 2);
    assert_eq!(service.passing(get("/orders").token(&of(json!("7")))).await, 2);
    assert_eq!(service.passing(get("/orders").token(&of(json!(-7)))).await, 2);
    assert_eq!(service.passing(get("/orders").token(&of(json!("x".repeat(256))))).await, 2);
    for refused in [json!("x".repeat(257)), json!(["acme"]), json!({"id": 7}), json!(true)] {
        assert_eq!(
            service.status(get("/orders").token(&of(refused.clone()))).await,
            403,
            "{refused}"
        );
    }
    assert_eq!(service.status(get("/orders").token(&service.token("bob"))).await, 403);
    assert_eq!(service.status(get("/orders").token(&of(json!(null)))).await, 403);

    let service = Service::with(per_hour(2, Key::claim("/org/id")).absent(Absent::Share));
    let nested = service.token("alice").claim("org", json!({"id": "acme"}));
    assert_eq!(service.passing(get("/orders").token(&nested)).await, 2);
    assert_eq!(service.passing(get("/orders").token(&service.token("bob"))).await, 2);
    assert_eq!(
        service.passing(get("/orders").token(&service.token("eve"))).await,
        0,
        "one for all"
    );
}

#[tokio::test]
async fn a_method_is_a_key() {
    let service = Service::with(per_hour(1, Key::ClientNet.and(Key::Method)));
    assert_eq!(service.passing(get("/open")).await, 1);
    assert_eq!(service.passing(get("/open").method("POST")).await, 1);
    assert_eq!(service.passing(get("/open").method("HEAD")).await, 1);
    assert_eq!(service.status(get("/open")).await, 429);
}

#[tokio::test]
async fn a_key_of_ones_own_counts_what_it_reads() {
    let order = Key::of("order", |exchange| {
        let (_, id) = exchange.path().rsplit_once('/')?;
        id.parse::<u64>().ok()
    });
    let service = Service::with(per_hour(2, Key::Principal.and(order)));
    let (alice, bob) = (service.token("alice"), service.token("bob"));
    assert_eq!(service.passing(get("/orders/7").token(&alice)).await, 2);
    assert_eq!(service.passing(get("/orders/8").token(&alice)).await, 2);
    assert_eq!(service.passing(get("/orders/7").token(&bob)).await, 2);
    assert_eq!(service.status(get("/orders/x").token(&bob)).await, 400);

    let shop = Key::at_edge("shop", |exchange| {
        exchange.headers().get("x-shop").and_then(|shop| shop.to_str().ok().map(str::to_owned))
    });
    let service = Service::with(per_hour(2, shop).absent(Absent::ClientNet));
    let red = [("x-shop", "red")];
    assert_eq!(service.passing(get("/open").headers(&red)).await, 2, "before anybody is known");
    assert_eq!(service.passing(get("/open")).await, 2);
    assert_eq!(service.passing(get("/open").from("192.0.2.2")).await, 2);
}
