//! What requests cost, settled over the whole stack.

use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::stream;
use http::{Request, Response};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tower::ServiceExt;
use tower_parapet::{
    Guarded, Observer, Parapet, ParapetBuilder, Peer, PeerAddr, Reason, Record, Rejection,
    compose::Shadow,
    context::Tls,
    throttle::{Cost, Throttle, ThrottleBuilder},
};

use super::support;

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Observer for Notes {
    fn completed(&self, record: &Record) {
        let notes = record.notes.iter().map(|(key, value)| (*key, value.to_string()));
        self.0.lock().unwrap().extend(notes);
    }
}

fn router() -> Router {
    Router::new()
        .route("/told", get(async || ([("x-cost", "4")], "here")))
        .route("/huge", get(async || ([("x-cost", "-1")], "here")))
        .route("/silent", get(async || "here"))
        .route("/handle", get(async |cost: Cost| cost.set(30)))
        .route(
            "/panics",
            get(async |cost: Cost| -> StatusCode {
                cost.set(0);
                panic!("the handler is at its end")
            }),
        )
        .route(
            "/never",
            get(async |cost: Cost| {
                cost.set(0);
                std::future::pending::<()>().await;
            }),
        )
        .route(
            "/rejects",
            get(async |cost: Cost| {
                cost.set(0);
                Rejection::new(Reason::NotFound).into_response()
            }),
        )
        .route(
            "/breaks",
            get(async || {
                let pieces = stream::iter([Ok("a piece"), Err("the disk is gone")]);
                ([("x-cost", "3")], Body::from_stream(pieces))
            }),
        )
        .route("/reports", post(async || "made"))
}

struct Service {
    app: Guarded<Router>,
    throttle: Throttle,
    notes: Notes,
}

fn service(
    throttle: ThrottleBuilder,
    configure: impl FnOnce(ParapetBuilder, Throttle) -> ParapetBuilder,
) -> Service {
    let throttle = throttle.build().unwrap();
    let notes = Notes::default();
    let builder =
        Parapet::builder().peer(Peer::Extension).public("/{*rest}", "test").observe(notes.clone());
    let app = configure(builder, throttle.clone()).build().unwrap().protect(router());
    Service { app, throttle, notes }
}

/// A hundred a day, of which a request costs ten unless the handler says otherwise.
fn hundred() -> Service {
    let throttle =
        Throttle::per_day(100).cost(10).settle_by("x-cost").settle_by_handler().named("api");
    service(throttle, |stack, throttle| stack.throttle(throttle))
}

fn request(method: &str, path: &str) -> Request<Body> {
    let peer = PeerAddr::new(SocketAddr::from(([192, 0, 2, 1], 4711)));
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    request.extension(peer).extension(Tls::new()).body(Body::empty()).unwrap()
}

impl Service {
    async fn send(&self, method: &str, path: &str) -> Response<Body> {
        let response = self.app.clone().oneshot(request(method, path)).await.unwrap();
        let (parts, body) = response.into_parts();
        drop(axum::body::to_bytes(body, 1 << 20).await);
        Response::from_parts(parts, Body::empty())
    }

    /// What is left after another request, and before it what was left.
    async fn left(&self) -> u64 {
        let answer = self.send("GET", "/silent").await;
        let standing = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        let left = standing.split(";r=").nth(1).unwrap().split(';').next().unwrap();
        left.parse::<u64>().unwrap() + 10
    }
}

#[tokio::test]
async fn what_the_handler_says_counts_and_stays_inside() {
    let service = hundred();
    let answer = service.send("GET", "/told").await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("x-cost"));
    assert_eq!(service.left().await, 96);
    assert_eq!(*service.notes.0.lock().unwrap(), [("settled", "api: 4".to_owned())]);
}

#[tokio::test]
async fn a_figure_that_is_none_leaves_the_estimate_and_a_note() {
    let service = hundred();
    assert!(!service.send("GET", "/huge").await.headers().contains_key("x-cost"));
    assert_eq!(service.left().await, 90);
    let expected = "api: no number of 0 to 4294967295".to_owned();
    assert_eq!(*service.notes.0.lock().unwrap(), [("unsettled", expected)]);
}

#[tokio::test]
async fn a_handler_settles_by_an_extractor() {
    let service = hundred();
    service.send("GET", "/handle").await;
    assert_eq!(service.left().await, 70);
}

#[tokio::test]
async fn an_answer_by_a_rejection_is_settled_like_any_other() {
    let service = hundred();
    assert_eq!(service.send("GET", "/rejects").await.status(), 404);
    assert_eq!(service.left().await, 100);
}

#[tokio::test]
async fn a_handler_that_panics_or_is_given_up_on_has_cost_the_estimate() {
    let service = hundred();
    assert_eq!(service.send("GET", "/panics").await.status(), 500);
    assert_eq!(service.left().await, 90);
    let mut call = Box::pin(service.app.clone().oneshot(request("GET", "/never")));
    let first = futures_util::future::poll_immediate(&mut call).await;
    assert!(first.is_none());
    drop(call);
    assert_eq!(service.left().await, 70, "ten for each of both, and ten for the look before");
}

#[tokio::test]
async fn a_body_that_breaks_has_cost_what_its_head_said() {
    let service = hundred();
    service.send("GET", "/breaks").await;
    assert_eq!(service.left().await, 97);
}

#[tokio::test]
async fn what_a_later_guard_refuses_has_cost_the_estimate() {
    let strict = Throttle::per_day(1).named("strict");
    let throttle = Throttle::per_day(100).cost(10).settle_by("x-cost").named("api");
    let service = service(throttle, |stack, throttle| stack.throttle(throttle).throttle(strict));
    service.send("GET", "/told").await;
    assert_eq!(service.send("GET", "/told").await.status(), 429);
    let answer = service.send("GET", "/told").await;
    let standing = answer.headers()["ratelimit"].to_str().unwrap();
    assert!(standing.starts_with("\"strict\";r=0"), "{standing}");
    assert!(standing.contains("\"api\";r=76"), "{standing}");
}

#[tokio::test]
async fn a_dear_route_costs_more_and_one_that_is_too_dear_is_refused_for_good() {
    let throttle = Throttle::per_day(100).cost_on("POST /reports", 60);
    let service = service(throttle, |stack, throttle| stack.throttle(throttle));
    assert_eq!(service.send("POST", "/reports").await.status(), 200);
    assert_eq!(service.send("POST", "/reports").await.status(), 429);
    let throttle = Throttle::per_day(100).cost_by(|_| 101);
    let service = self::service(throttle, |stack, throttle| stack.throttle(throttle));
    let refused = service.send("POST", "/reports").await;
    assert_eq!(refused.status(), 422);
    assert_eq!(refused.extensions().get::<Reason>(), Some(&Reason::TooCostly));
    assert!(!refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_limit_on_trial_learns_what_requests_cost_and_changes_nothing() {
    let throttle = Throttle::per_day(100).cost(10).settle_by("x-cost").settle_by_handler();
    let service =
        service(throttle, |stack, throttle| stack.throttle(Shadow::of(throttle).unwrap()));
    for _ in 0..25 {
        let answer = service.send("GET", "/told").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-cost"], "4", "it stays where it was");
    }
    service.send("GET", "/handle").await;
    let stats = service.throttle.stats();
    assert_eq!((stats.admitted, stats.refused, stats.would_refuse), (23, 0, 3));
}

#[tokio::test]
async fn a_real_client_never_sees_the_header_of_a_stream() {
    let service = hundred();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("/{*rest}", "test")
        .throttle(service.throttle.clone());
    let address = support::serve(parapet.build().unwrap().protect(router())).await;
    let answer = support::get(address, "/told", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-cost").is_none());
    assert!(answer.header("ratelimit").unwrap().contains(";r=90"));
}
