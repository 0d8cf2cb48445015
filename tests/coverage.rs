//! The policy beside the routes of a service: lists, real documents of utoipa and aide, and traffic.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/examples.rs"]
mod examples;
mod support;

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aide::{
    axum::{
        ApiRouter,
        routing::{get as document_get, post_with},
    },
    openapi::OpenApi as AideDocument,
};
use axum::{
    Router,
    http::StatusCode,
    routing::{any, get, post},
};
use support::{Records, request};
use tower_parapet::{
    ApiKeys, Parapet, ParapetBuilder, Policy, Rejection, RouteList,
    auth::api_key::{ApiKey, MemoryKeys},
    inspect::Finding,
};
use utoipa::OpenApi;

#[test]
fn the_examples_name_the_routes_they_serve() {
    let quickstart = ["GET /health", "GET,POST /orders", "GET /admin/report"];
    examples::quickstart().assert_covers(quickstart);
    examples::hyper().assert_covers(["GET /health", "GET /hello"]);
}

fn closed() -> ParapetBuilder {
    Parapet::builder().authenticate(ApiKeys::builder(MemoryKeys::new()))
}

/// Handlers as utoipa documents them.
mod orders {
    use axum::http::StatusCode;

    #[utoipa::path(get, path = "/orders", responses((status = 200)))]
    pub(crate) async fn list() -> &'static str {
        "orders"
    }

    #[utoipa::path(post, path = "/orders", responses((status = 201)))]
    pub(crate) async fn add() -> StatusCode {
        StatusCode::CREATED
    }

    #[utoipa::path(get, path = "/orders/{id}", params(("id" = u32, Path)), responses((status = 200)))]
    pub(crate) async fn one() -> &'static str {
        "order"
    }
}

#[derive(OpenApi)]
#[openapi(
    paths(orders::list, orders::add, orders::one),
    servers((url = "https://api.example.com/v1"), (url = "http://localhost:3000/v1"))
)]
struct Document;

/// Asks for every route of a list, and tells how many answered well.
async fn ask(address: SocketAddr, list: &RouteList, key: &str) -> usize {
    let mut asked = 0;
    for line in list.to_string().lines() {
        let (methods, path) = line.split_once(' ').unwrap();
        let path = path.replace("{*path}", "a/b").replace("{path}", "a/b");
        let path = path.replace("{isbn}", "978").replace("{id}", "7");
        for method in methods.split(',') {
            let answer = request(address, method, &path, &[("x-api-key", key)], b"").await;
            assert!(answer.status < 300, "{method} {path}: {}", answer.status);
            asked += 1;
        }
    }
    asked
}

#[tokio::test]
async fn a_router_with_a_document_by_utoipa_answers_where_the_policy_names_it() {
    let keys = MemoryKeys::new();
    let key = ApiKey::generate("test").unwrap();
    keys.insert(key.stored().owner("caller").build().unwrap());
    let list = RouteList::from_openapi(&Document::openapi());
    let parapet = Parapet::builder()
        .authenticate(ApiKeys::builder(keys))
        .route("/v1/{*rest}", Policy::authenticated())
        .known_routes(&list)
        .build()
        .unwrap();
    parapet.assert_covers(&list);
    let orders = Router::new()
        .route("/orders", get(orders::list).post(orders::add))
        .route("/orders/{id}", get(orders::one));
    let address = support::serve(parapet.protect(Router::new().nest("/v1", orders))).await;
    assert_eq!(ask(address, &list, key.text().expose()).await, 3, "{list}");
    assert_eq!(unknown(&parapet), [""; 0]);
}

#[test]
fn a_document_by_utoipa_is_compared_with_the_policy() {
    let orders = |stack: ParapetBuilder| {
        stack
            .route("GET,POST /v1/orders", Policy::authenticated())
            .route("GET /v1/orders/{order}", Policy::authenticated())
    };
    let whole = orders(closed()).public("GET /health", "load balancer").build().unwrap();
    let documented = || RouteList::from_openapi(&Document::openapi());
    assert_eq!(documented().len(), 2);
    whole.assert_covers(documented().and(["GET /health"]));
    whole.assert_covers(
        RouteList::from_openapi(&Document::openapi().to_json().unwrap()).and("GET /health"),
    );

    let found = whole.covers(documented()).unwrap_err();
    assert_eq!(found.unserved().collect::<Vec<_>>(), ["GET /health"]);
    assert_eq!(found.unnamed().count(), 0);
    let found = closed()
        .route("GET /v1/orders", Policy::authenticated())
        .build()
        .unwrap()
        .covers(documented())
        .unwrap_err();
    assert_eq!(found.unnamed().collect::<Vec<_>>(), ["POST /v1/orders", "GET /v1/orders/{id}"]);
    let stripped = RouteList::from_openapi_at("/", &Document::openapi());
    assert_eq!(stripped.to_string(), "GET,POST /orders\nGET /orders/{id}\n");
}

fn aide() -> (Router, AideDocument) {
    let mut document = AideDocument::default();
    let books = ApiRouter::new()
        .api_route("/", document_get(async || "books").post(async || "added"))
        .api_route("/{isbn}", document_get(async || "book"))
        .api_route("/{isbn}/lend", post_with(async || "lent", |operation| operation));
    let files = ApiRouter::new().api_route("/files/{*path}", document_get(async || "file"));
    let router = ApiRouter::new().nest("/books", books).merge(files).finish_api(&mut document);
    (router, document)
}

#[tokio::test]
async fn a_router_by_aide_answers_where_its_document_says_and_the_policy_names_it() {
    let (router, document) = aide();
    let list = RouteList::from_openapi(&document);
    let parapet = Parapet::builder()
        .public("GET,POST /books", "a library")
        .public("GET /books/{isbn}", "a library")
        .public("POST /books/{isbn}/lend", "a library")
        .public("GET /files/{*rest}", "a library")
        .known_routes(&list)
        .build()
        .unwrap();
    parapet.assert_covers(&list);

    let address = support::serve(parapet.protect(router)).await;
    assert_eq!(ask(address, &list, "").await, 5, "{list}");
    assert_eq!(unknown(&parapet), [""; 0]);
}

#[test]
#[should_panic(expected = "served, and no rule names it (any authenticated caller gets through):
  POST /orders
named by a rule, and nothing serves it:
  GET /ordres")]
fn an_assertion_fails_with_the_whole_difference() {
    let parapet = Parapet::builder().public("GET /ordres", "a slip").build().unwrap();
    parapet.assert_covers(["POST /orders"]);
}

#[test]
fn a_list_that_cannot_be_read_is_a_mistake_of_the_configuration() {
    let error = closed().known_routes(["GET orders", "/fine", "Post /orders"]).build().unwrap_err();
    let told: Vec<_> = error.mistakes().iter().map(|m| (m.setter(), m.value())).collect();
    assert_eq!(
        told,
        [("known_routes.routes", "GET orders"), ("known_routes.routes", "Post /orders")]
    );
}

fn found(parapet: &Parapet) -> Vec<Finding> {
    let findings = parapet.findings();
    findings.iter().filter(|finding| finding.code == "unknown-route").cloned().collect()
}

fn unknown(parapet: &Parapet) -> Vec<String> {
    found(parapet).into_iter().map(|finding| finding.subject.into_owned()).collect()
}

/// A service that has more routes than its list.
async fn service(parapet: &Parapet) -> SocketAddr {
    let router = Router::new()
        .route("/shop", get(async || "shop").post(async || "bought"))
        .route("/shop/{item}", get(async || "item"))
        .route("/shop/{item}/notes", get(async || "notes"))
        .route("/shop/debug/heap", any(async || "heap"))
        .route("/shop/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/shop/missing", post(async || StatusCode::NOT_FOUND))
        .route("/shop/forbidden", post(async || Rejection::new(tower_parapet::Reason::Forbidden)))
        .route("/shop/files/{*path}", get(async || "file"));
    support::serve(parapet.protect(router)).await
}

fn open(records: &Records) -> ParapetBuilder {
    Parapet::builder()
        .public("/shop", "a test")
        .public("/shop/{*rest}", "a test")
        .known_routes(["GET /shop", "GET /shop/{item}"])
        .observe(records.clone())
}

#[tokio::test]
async fn a_route_that_answers_and_that_no_list_knows_is_a_finding_once() {
    let records = Records::default();
    let parapet = open(&records).build().unwrap();
    let address = service(&parapet).await;
    let requests = [
        ("GET", "/shop"),
        ("HEAD", "/shop"),
        ("GET", "/shop/shoe?token=secret"),
        ("OPTIONS", "/shop/shoe"),
        ("GET", "/shop/nothing/here/at/all"),
        ("DELETE", "/shop"),
        ("POST", "/shop/missing"),
        ("POST", "/shop/forbidden"),
        ("GET", "/elsewhere"),
    ];
    for (method, target) in requests {
        request(address, method, target, &[], b"").await;
    }
    records.wait_for(requests.len());
    assert_eq!(unknown(&parapet), [""; 0]);

    let surprises = [
        ("POST", "/shop?token=secret"),
        ("POST", "/shop"),
        ("GET", "/shop/4711/notes?token=secret"),
        ("GET", "/shop/4712/notes"),
        ("OPTIONS", "/shop/debug/heap"),
        ("GET", "/shop/debug/heap"),
        ("POST", "/shop/broken"),
    ];
    for (method, target) in surprises {
        request(address, method, target, &[], b"").await;
    }
    records.wait_for(requests.len() + surprises.len());
    let told =
        ["GET /shop/debug/heap", "GET /shop/{…}/notes", "OPTIONS /shop/debug/heap", "POST /shop"];
    assert_eq!(unknown(&parapet), told);
    assert_eq!(found(&parapet)[0].evidence, "answered 200, and no list knows it");
    assert!(!parapet.findings().to_string().contains("secret"));
}

#[tokio::test]
async fn of_unknown_routes_a_hundred_are_kept_and_the_rest_is_counted() {
    let records = Records::default();
    let parapet = open(&records).build().unwrap();
    let address = service(&parapet).await;
    let name = |index: usize| {
        let letter = |at: usize| char::from(b'a' + u8::try_from(at % 26).unwrap());
        format!("{}{}", letter(index / 26), letter(index))
    };
    for index in 0..110 {
        request(address, "GET", &format!("/shop/files/{}", name(index)), &[], b"").await;
    }
    request(address, "GET", "/shop/files/aa", &[], b"").await;
    records.wait_for(111);
    let found = found(&parapet);
    assert_eq!(found.len(), 101);
    let last = found.last().unwrap();
    assert_eq!(last.subject, "known_routes");
    assert_eq!(last.evidence, "10 more requests to such routes beyond the first 100");
}

/// Where a subscriber writes, kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// Everything runs on this thread, whose subscriber it is.
#[tokio::test]
async fn an_unknown_route_is_logged_once_without_its_query_and_in_one_line() {
    let (log, records) = (Log::default(), Records::default());
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let told = tracing::subscriber::set_default(subscriber);
    // Were it alone, a line that a thread of another test writes first would be off for all of them.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let parapet = open(&records).build().unwrap();
    let address = service(&parapet).await;
    for target in ["/shop/files/x%0a%1b[31m?token=secret", "/shop/files/a'\"x", "/shop/files/a'\"x"]
    {
        request(address, "GET", target, &[("host", "api.example")], b"").await;
    }
    for _ in 0..3 {
        request(address, "GET", "/shop/debug/heap?token=secret", &[], b"").await;
    }
    tokio::task::yield_now().await;
    drop(told);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("no list knows")).collect();
    let heap = lines.iter().filter(|line| line.contains("GET /shop/debug/heap")).count();
    assert_eq!(heap, 1, "{log}");
    assert!(lines.iter().all(|line| line.contains("WARN") && line.contains("give it a rule")));
    assert!(!log.contains("secret") && !log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_stack_that_watches_its_routes_says_so_in_its_manifest() {
    let text = open(&Records::default()).build().unwrap().manifest().to_string();
    assert!(text.contains("2 listed; others are told of once they answer"), "{text}");
}
