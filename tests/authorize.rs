//! What the caller may do, and whose object it is: over real stacks and a real router.
#![cfg(feature = "axum")]
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

use axum::{
    Router,
    body::Body,
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use support::{Records, serve};
use tower::ServiceExt;
use tower_parapet::{
    ClientAddr, Exchange, Parapet, Peer, Policy, Principal, Reason, Rejection,
    auth::{Attempt, Authenticate, Scheme},
    authorize::{Authorize, any, role, scope},
    context::Tls,
    extract::{Claims, LoadError, Ownable, Owned, Owner},
};

const ISSUER: &str = "https://id.example";
static WHO: HeaderName = HeaderName::from_static("x-who");

/// Believes a header: `alice` or `alice orders:write orders:read`; `@` marks a role.
struct Believe(&'static str);

impl Scheme for Believe {
    fn name(&self) -> &'static str {
        self.0
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&WHO)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(&WHO)
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let Some(who) = exchange.headers().get(&WHO).and_then(|who| who.to_str().ok()) else {
            return Ok(Attempt::Absent);
        };
        let mut words = who.split(' ');
        let mut caller = Principal::builder(ISSUER, words.next().unwrap()).scheme(self.0);
        for word in words {
            caller = match word.strip_prefix('@') {
                Some(role) => caller.role(role),
                None => caller.scope(word),
            };
        }
        let claims = serde_json::json!({ "tenant": "acme" });
        Ok(Attempt::Verified(caller.claims(claims.as_object().unwrap().clone()).build()))
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![HeaderValue::from_static("Bearer")]
    }
}

#[derive(Clone)]
struct Store;

struct Order {
    tenant: String,
    id: u64,
    owner: &'static str,
}

#[derive(serde::Deserialize)]
struct OrderKey {
    tenant: String,
    id: u64,
}

impl Ownable<Store> for Order {
    type Key = OrderKey;

    async fn load(_: &Store, key: OrderKey) -> Result<Option<Self>, LoadError> {
        let owner = match key.id {
            1 => "alice",
            2 => "bob",
            500 => return Err(std::io::Error::other("disk on fire").into()),
            _ => return Ok(None),
        };
        Ok(Some(Order { tenant: key.tenant, id: key.id, owner }))
    }

    fn owner(&self) -> Owner<'_> {
        Owner::new(ISSUER, self.owner)
    }

    fn may_access(&self, caller: &Principal) -> bool {
        self.owner().is(caller) || caller.has_scope("orders:any")
    }
}

#[derive(serde::Deserialize)]
struct Tenant {
    tenant: String,
}

fn router() -> Router {
    let order = Router::new().route(
        "/orders/{id}",
        get(|order: Owned<Order>| async move { format!("{} {}", order.tenant, order.id) }),
    );
    Router::new()
        .nest("/{tenant}", order)
        .route("/admin", get(async || "admin"))
        .route("/orders", post(async || "made"))
        .route("/shop", get(async || "shop").layer(Authorize::require(scope("shop"))))
        .route("/tenant", get(|Claims(caller): Claims<Tenant>| async move { caller.tenant }))
        .route("/client", get(|client: ClientAddr| async move { client.to_string() }))
        .with_state(Store)
}

fn stack(records: &Records) -> Parapet {
    let write = any([scope("orders:write"), role("admin")]).and(scope("orders:read"));
    Parapet::builder()
        .guard(Authenticate::with(Believe("bearer")))
        .peer(Peer::ConnectInfo)
        .public("/shop", "shop window")
        .route("/admin", Policy::authenticated().guard(Authorize::require(role("admin"))))
        .route("POST /orders", Policy::authenticated().guard(Authorize::require(write)))
        .observe(records.clone())
        .build()
        .unwrap()
}

async fn ask(method: &str, path: &str, who: &str) -> Response<Body> {
    ask_with(&Records::default(), method, path, who).await
}

async fn ask_with(records: &Records, method: &str, path: &str, who: &str) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "orders.example");
    request = request.extension(Tls::new());
    if !who.is_empty() {
        request = request.header(&WHO, who);
    }
    let app = stack(records).protect(router());
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn code(response: &Response<Body>) -> &'static str {
    response.extensions().get::<Reason>().map_or("", |reason| reason.code())
}

fn challenge(response: &Response<Body>) -> &str {
    response.headers().get("www-authenticate").map_or("", |value| value.to_str().unwrap())
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_route_opens_to_whom_it_requires_and_to_nobody_else() {
    assert_eq!(text(ask("GET", "/admin", "alice @admin").await).await, "admin");
    assert_eq!(code(&ask("GET", "/admin", "alice admin").await), "insufficient-scope");
    assert_eq!(code(&ask("GET", "/admin", "alice @Admin").await), "insufficient-scope");
    assert_eq!(code(&ask("GET", "/admin", "").await), "missing-credentials");
    for who in ["alice orders:write orders:read", "alice @admin orders:read"] {
        assert_eq!(ask("POST", "/orders", who).await.status(), StatusCode::OK, "{who}");
    }
}

#[tokio::test]
async fn a_403_names_the_scopes_that_would_do_and_no_role() {
    let refused = ask("POST", "/orders", "alice orders:read").await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        challenge(&refused),
        "Bearer error=\"insufficient_scope\", scope=\"orders:write orders:read\""
    );
    let refused = ask("GET", "/admin", "alice").await;
    assert_eq!(challenge(&refused), "Bearer error=\"insufficient_scope\"");
    assert!(!text(refused).await.contains("role"));
}

#[tokio::test]
async fn an_inner_authorize_that_finds_no_principal_refuses_even_on_a_public_route() {
    let refused = ask("GET", "/shop", "alice shop").await;
    assert_eq!(code(&refused), "missing-credentials");
    assert_eq!(challenge(&refused), "Bearer");
}

#[tokio::test]
async fn authorize_as_a_layer_outside_of_every_stack_refuses() {
    let app =
        Router::new().route("/", get(async || "open")).layer(Authorize::require(scope("anything")));
    let response = app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(code(&response), "missing-credentials");
}

#[tokio::test]
async fn a_stack_that_authorizes_without_authenticating_does_not_build() {
    let built =
        Parapet::builder().public("/", "door").guard(Authorize::require(role("admin"))).build();
    assert!(built.unwrap_err().to_string().contains("`authorize` needs to know who is calling"));
}

#[tokio::test]
async fn the_owner_gets_the_object_also_under_nest() {
    assert_eq!(text(ask("GET", "/acme/orders/1", "alice").await).await, "acme 1");
    assert_eq!(text(ask("GET", "/acme/orders/2", "carol orders:any").await).await, "acme 2");
}

#[tokio::test]
async fn a_foreign_object_and_an_absent_one_differ_in_nothing_but_the_request_id() {
    let mut told = Vec::new();
    for path in ["/acme/orders/2", "/acme/orders/3", "/acme/orders/x"] {
        let refused = ask("GET", path, "alice").await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{path}");
        let mut headers = refused.headers().clone();
        assert!(headers.remove("x-request-id").is_some());
        let mut problem: serde_json::Value = serde_json::from_str(&text(refused).await).unwrap();
        assert!(problem.as_object_mut().unwrap().remove("request_id").is_some());
        told.push((headers, problem));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[tokio::test]
async fn the_record_of_a_foreign_object_says_whose_it_was() {
    let records = Records::default();
    text(ask_with(&records, "GET", "/acme/orders/2", "alice").await).await;
    let why = records.wait_for(1)[0].rejection.clone().unwrap();
    assert_eq!(why.reason(), Reason::NotFound);
    assert_eq!(why.private_expected(), Some("the owner, bob of https://id.example"));
}

#[tokio::test]
async fn a_store_that_fails_is_503_with_retry_after() {
    let refused = ask("GET", "/acme/orders/500", "alice").await;
    assert_eq!(code(&refused), "unavailable");
    assert_eq!(refused.headers()["retry-after"], "5");
    assert!(!text(refused).await.contains("fire"));
}

#[tokio::test]
async fn the_manifest_says_what_each_route_requires() {
    let manifest = stack(&Records::default()).manifest().to_string();
    let said = "(scope orders:write or role admin) and scope orders:read";
    assert!(manifest.contains(said), "{manifest}");
}

#[tokio::test]
async fn over_a_real_socket_claims_client_and_object_reach_the_handler() {
    let address = serve(stack(&Records::default()).protect(router())).await;
    let alice = [("x-who", "alice")];
    assert_eq!(support::get(address, "/tenant", &alice).await.text(), "acme");
    assert_eq!(support::get(address, "/client", &alice).await.text(), "127.0.0.1");
    assert_eq!(support::get(address, "/acme/orders/1", &alice).await.text(), "acme 1");
    let refused = support::get(address, "/acme/orders/2", &alice).await;
    assert_eq!((refused.status, refused.code().as_str()), (404, "not-found"));
    let refused = support::get(address, "/acme/orders/1", &[]).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "missing-credentials"));
}

#[tokio::test]
async fn guards_and_extractors_are_told_by_the_one_renderer() {
    let parapet = Parapet::builder()
        .guard(Authenticate::with(Believe("bearer")))
        .route("/admin", Policy::authenticated().guard(Authorize::require(role("admin"))))
        .render(|problem, _| {
            let mut response = Response::new(Body::from(problem.reason().code()));
            *response.status_mut() = problem.reason().status();
            response
        })
        .build()
        .unwrap();
    let app = parapet.protect(router());
    for (path, who, told) in [
        ("/admin", None, "missing-credentials"),
        ("/admin", Some("alice"), "insufficient-scope"),
        ("/acme/orders/2", Some("alice"), "not-found"),
        ("/client", Some("alice"), "address-unknown"),
    ] {
        let mut request = Request::get(path).header("host", "orders.example");
        request = request.extension(Tls::new());
        if let Some(who) = who {
            request = request.header(&WHO, who);
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(text(response).await, told);
    }
}
