use std::net::{Ipv4Addr, SocketAddr};

use axum::{Router, body::Body, extract::Request, routing::get};
use http::{Response, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::{
    context::{ClientAddr, Context, Principal, Provenance},
    rejection::{Reason, Rejection},
};

const ISSUER: &str = "https://id.example";

#[derive(Clone)]
struct Orders;

#[derive(Debug)]
struct Order {
    id: u32,
    owner: &'static str,
}

impl Ownable<Orders> for Order {
    type Key = u32;

    async fn load(_: &Orders, id: u32) -> Result<Option<Self>, LoadError> {
        match id {
            1 => Ok(Some(Order { id, owner: "alice" })),
            2 => Ok(Some(Order { id, owner: "bob" })),
            3 => Ok(Some(Order { id, owner: "" })),
            500 => Err("connection refused")?,
            _ => Ok(None),
        }
    }

    fn owner(&self) -> Owner<'_> {
        Owner::new(ISSUER, self.owner)
    }

    fn may_access(&self, caller: &Principal) -> bool {
        self.owner().is(caller) || caller.has_role("support")
    }
}

#[derive(Deserialize)]
struct Tenant {
    tenant: String,
}

fn router() -> Router {
    Router::new()
        .route("/orders/{id}", get(|order: Owned<Order>| async move { order.id.to_string() }))
        .route("/mounted/wrongly", get(|order: Owned<Order>| async move { order.id.to_string() }))
        .route("/caller", get(|caller: Principal| async move { caller.subject().to_owned() }))
        .route(
            "/perhaps",
            get(|caller: Option<Principal>| async move {
                caller.map_or("nobody".to_owned(), |caller| caller.subject().to_owned())
            }),
        )
        .route("/tenant", get(|Claims(caller): Claims<Tenant>| async move { caller.tenant }))
        .route("/client", get(|client: ClientAddr| async move { client.to_string() }))
        .with_state(Orders)
}

async fn ask(path: &str, context: Option<Context>) -> Response<Body> {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    if let Some(context) = context {
        request.extensions_mut().insert(context);
    }
    router().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn context(caller: Principal) -> Option<Context> {
    Some(Context { principal: Some(caller), ..Context::default() })
}

fn named(subject: &str) -> Option<Context> {
    context(Principal::builder(ISSUER, subject).build())
}

fn reason(response: &Response<Body>) -> Reason {
    *response.extensions().get().unwrap()
}

fn rejection(response: &Response<Body>) -> &Rejection {
    response.extensions().get().unwrap()
}

#[tokio::test]
async fn the_owner_gets_the_object() {
    assert_eq!(text(ask("/orders/1", named("alice")).await).await, "1");
}

#[tokio::test]
async fn an_object_of_another_owner_and_one_that_is_not_there_get_the_same_answer() {
    let mut told = Vec::new();
    for path in ["/orders/2", "/orders/4", "/orders/x", "/orders/-1", "/orders/99999999999"] {
        let response = ask(path, named("alice")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        let headers = response.headers().clone();
        told.push((headers, text(response).await));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[tokio::test]
async fn the_record_tells_a_foreign_object_from_an_absent_one() {
    let foreign = ask("/orders/2", named("alice")).await;
    let found = rejection(&foreign).private_found();
    assert_eq!(found, Some("another caller, alice of https://id.example"));
    let absent = ask("/orders/4", named("alice")).await;
    assert_eq!(rejection(&absent).private_found(), Some("no such object"));
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_repeated_nowhere() {
    let refused = ask("/orders/hush", named("alice")).await;
    let rejection = rejection(&refused);
    let found = rejection.private_found().unwrap();
    assert!(!found.contains("hush") && rejection.private_cause().is_none(), "{found}");
}

#[tokio::test]
async fn the_same_subject_of_another_issuer_is_another_caller() {
    let other = Principal::builder("https://evil.example", "alice").build();
    assert_eq!(ask("/orders/1", context(other)).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_object_without_an_owner_belongs_to_nobody() {
    assert_eq!(ask("/orders/3", named("")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_role_that_serves_everybody_may_have_every_object() {
    let support = Principal::builder(ISSUER, "carol").role("support").build();
    assert_eq!(text(ask("/orders/2", context(support)).await).await, "2");
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_never_says_why() {
    let response = ask("/orders/500", named("alice")).await;
    assert_eq!(reason(&response), Reason::Unavailable);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    let cause = rejection(&response).private_cause().unwrap().to_string();
    assert!(cause.ends_with("connection refused"), "{cause}");
    assert!(!text(response).await.contains("refused"));
}

#[tokio::test]
async fn a_route_without_the_parameter_of_the_key_is_our_own_mistake() {
    let response = ask("/mounted/wrongly", named("alice")).await;
    assert_eq!(reason(&response), Reason::Misconfigured);
}

#[tokio::test]
async fn nobody_gets_401_before_anything_is_loaded() {
    for path in ["/orders/1", "/orders/4", "/orders/500", "/orders/x", "/caller", "/tenant"] {
        let response = ask(path, Some(Context::default())).await;
        assert_eq!(reason(&response), Reason::MissingCredentials, "{path}");
    }
    assert_eq!(text(ask("/perhaps", Some(Context::default())).await).await, "nobody");
}

#[tokio::test]
async fn a_known_caller_is_handed_to_the_handler() {
    assert_eq!(text(ask("/caller", named("alice")).await).await, "alice");
    assert_eq!(text(ask("/perhaps", named("alice")).await).await, "alice");
}

#[tokio::test]
async fn outside_of_a_stack_every_extractor_answers_500() {
    for path in ["/orders/1", "/caller", "/perhaps", "/tenant", "/client"] {
        let response = ask(path, None).await;
        assert_eq!(reason(&response), Reason::Misconfigured, "{path}");
    }
}

#[tokio::test]
async fn claims_that_do_not_fit_are_403_without_a_word_why() {
    let with = |claims: serde_json::Value| {
        let claims = claims.as_object().unwrap().clone();
        context(Principal::builder(ISSUER, "alice").claims(claims).build())
    };
    assert_eq!(text(ask("/tenant", with(json!({"tenant": "acme"}))).await).await, "acme");
    for claims in [json!({}), json!({"tenant": 7}), json!({"tenant": null})] {
        let response = ask("/tenant", with(claims)).await;
        assert_eq!(reason(&response), Reason::Forbidden);
        assert!(rejection(&response).private_cause().is_some());
        assert_eq!(rejection(&response).public_detail(), "");
    }
    assert_eq!(reason(&ask("/tenant", named("alice")).await), Reason::Forbidden);
}

#[tokio::test]
async fn the_client_is_the_one_behind_the_proxies_else_the_peer() {
    let peer = Some(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 4711)));
    let client = ClientAddr::new(Ipv4Addr::new(198, 51, 100, 7).into(), Provenance::Forwarded);
    let behind = Context { peer, client: Some(client), ..Context::default() };
    assert_eq!(text(ask("/client", Some(behind)).await).await, "198.51.100.7");
    let direct = Context { peer, ..Context::default() };
    assert_eq!(text(ask("/client", Some(direct)).await).await, "192.0.2.1");
    let unknown = ask("/client", Some(Context::default())).await;
    assert_eq!(reason(&unknown), Reason::AddressUnknown);
}
