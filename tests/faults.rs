//! However a request ends, there is exactly one record, and never a panic outside.
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

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Cx, Poll},
    time::Duration,
};

use axum::{Router, body::Bytes, routing::get};
use http::{Request, Response};
use support::{Records, does};
use tower::{Layer, Service, ServiceExt};
use tower_parapet::{
    Body, Flow, Observer, Outcome, Parapet, ParapetBuilder, Peer, Reason, Record, Rejection, layer,
};

fn open(records: &Records) -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("/{*rest}", "these tests are about what happens, not to whom")
        .observe(records.clone())
}

async fn one(parapet: &Parapet, router: Router) -> Response<Body> {
    let request = Request::get("/x").body(Body::empty()).unwrap();
    parapet.protect(router).oneshot(request).await.unwrap()
}

async fn read(response: Response<Body>) -> Result<Bytes, axum::Error> {
    axum::body::to_bytes(response.into_body(), usize::MAX).await
}

fn only(records: &Records) -> Record {
    let all = records.wait_for(1);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[tokio::test]
async fn an_answer_leaves_one_record_once_its_body_is_out() {
    let records = Records::default();
    let parapet = open(&records).build().unwrap();
    let router = Router::new().route("/x", get(async || "hello"));
    let response = one(&parapet, router).await;
    assert!(records.all().is_empty(), "the body is still to come");
    assert_eq!(read(response).await.unwrap(), "hello");
    let record = only(&records);
    assert_eq!((record.outcome, record.bytes_out), (Outcome::Answered, 5));
    assert_eq!(record.status.unwrap(), 200);
    assert_eq!(record.path(), "/x");
}

#[tokio::test]
async fn a_refusal_leaves_one_record_with_the_guards_name_and_the_problems_request_id() {
    let records = Records::default();
    let refuse = does(|_| Err(Rejection::new(Reason::Forbidden).expected("a").found("b")));
    let parapet = open(&records).guard(refuse).build().unwrap();
    let response = one(&parapet, Router::new()).await;
    assert_eq!(response.status(), 403);
    assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::Forbidden));
    let problem: serde_json::Value =
        serde_json::from_slice(&read(response).await.unwrap()).unwrap();
    let record = only(&records);
    assert_eq!(record.outcome, Outcome::Rejected);
    assert_eq!(problem["request_id"], record.request_id.to_string());
    let rejection = record.rejection.unwrap();
    assert_eq!(rejection.guard(), Some("does"));
    assert_eq!(rejection.private_expected(), Some("a"));
    assert!(!problem.to_string().contains("\"b\""), "what was found stays private");
}

#[tokio::test]
async fn a_panicking_handler_is_a_500_problem_and_one_record() {
    let records = Records::default();
    let parapet = open(&records).build().unwrap();
    let router = Router::new().route("/x", get(async || -> &'static str { panic!("secret") }));
    let response = one(&parapet, router).await;
    assert_eq!(response.status(), 500);
    let text = read(response).await.unwrap();
    assert!(!String::from_utf8_lossy(&text).contains("secret"));
    let record = only(&records);
    assert_eq!(record.outcome, Outcome::Panicked);
    assert_eq!(record.rejection.unwrap().private_found(), Some("secret"));
}

/// Whatever panicked: the headers of every answer are there all the same.
async fn panics(records: &Records, stack: ParapetBuilder) {
    let response = one(&stack.build().unwrap(), Router::new()).await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    drop(response);
    assert_eq!(only(records).outcome, Outcome::Panicked);
}

#[tokio::test]
async fn a_panicking_guard_is_a_500_problem_and_one_record() {
    let records = Records::default();
    panics(&records, open(&records).guard(does(|_| panic!("guard")))).await;
}

#[tokio::test]
async fn a_panic_in_a_continuation_is_a_500_problem_and_one_record() {
    let records = Records::default();
    let late = does(|_| {
        Ok(Flow::suspend(|_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                panic!("late")
            })
        }))
    });
    panics(&records, open(&records).guard(late)).await;
}

#[tokio::test]
async fn a_panic_in_a_body_hook_is_a_500_problem_and_one_record() {
    let records = Records::default();
    let hook = does(|exchange| {
        exchange.read_body(10, |_, _| panic!("hook"));
        Ok(Flow::Continue)
    });
    panics(&records, open(&records).guard(hook)).await;
}

#[tokio::test]
async fn a_panic_in_a_reply_hook_is_a_500_problem_and_one_record() {
    let records = Records::default();
    let hook = does(|exchange| {
        exchange.on_reply(|_| panic!("reply"));
        Ok(Flow::Continue)
    });
    panics(&records, open(&records).guard(hook)).await;
}

type Polled = Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>>;

/// A body that says a word and then does something bad.
struct Worse(u8, fn() -> Polled);

impl http_body::Body for Worse {
    type Data = Bytes;
    type Error = std::io::Error;
    fn poll_frame(mut self: std::pin::Pin<&mut Self>, _: &mut Cx<'_>) -> Polled {
        self.0 += 1;
        match self.0 {
            1 => Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b"word"))))),
            _ => self.1(),
        }
    }
}

#[tokio::test]
async fn a_panic_while_the_body_is_polled_ends_the_body_and_leaves_one_record() {
    let records = Records::default();
    let parapet = open(&records).build().unwrap();
    let body = async || Response::new(Body::new(Worse(0, || panic!("body"))));
    let response = one(&parapet, Router::new().route("/x", get(body))).await;
    assert!(read(response).await.is_err());
    let record = only(&records);
    assert_eq!((record.outcome, record.bytes_out), (Outcome::Panicked, 4));
}

#[tokio::test]
async fn a_body_that_fails_leaves_one_record() {
    let records = Records::default();
    let parapet = open(&records).build().unwrap();
    let fails = || Poll::Ready(Some(Err(std::io::Error::other("disk"))));
    let body = async move || Response::new(Body::new(Worse(0, fails)));
    let response = one(&parapet, Router::new().route("/x", get(body))).await;
    assert!(read(response).await.is_err());
    assert_eq!(only(&records).outcome, Outcome::BodyFailed);
}

#[tokio::test]
async fn an_inner_error_passes_through_and_leaves_one_record() {
    let records = Records::default();
    let failing = tower::service_fn(async |_: Request<Body>| Err::<Response<Body>, _>("broken"));
    let service = open(&records).build().unwrap().layer(failing);
    let request = Request::get("/x").body(Body::empty()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap_err(), "broken");
    assert_eq!(only(&records).outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_answers_gets_503_at_its_deadline() {
    let records = Records::default();
    let parapet = open(&records).handler_deadline(Duration::from_secs(5)).build().unwrap();
    let before = tokio::time::Instant::now();
    let router = Router::new().route("/x", get(async || pending::<&str>().await));
    let response = one(&parapet, router).await;
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::HandlerTimeout));
    drop(response);
    assert_eq!(only(&records).outcome, Outcome::Rejected);
}

#[tokio::test]
async fn a_panicking_observer_hides_nothing_from_the_next_one() {
    struct Bad;
    impl Observer for Bad {
        fn completed(&self, _: &Record) {
            panic!("observer");
        }
    }
    let records = Records::default();
    let parapet = open(&Records::default()).observe(Bad).observe(records.clone()).build().unwrap();
    let response = one(&parapet, Router::new().route("/x", get(async || "x"))).await;
    read(response).await.unwrap();
    assert_eq!(only(&records).outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_head_request_is_answered_whole_although_no_body_goes_out() {
    let records = Records::default();
    let router = Router::new().route("/x", get(async || "hello"));
    let address = support::serve(open(&records).build().unwrap().protect(router)).await;
    let answer = support::request(address, "HEAD", "/x", &[], b"").await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(only(&records).outcome, Outcome::Answered);
}

/// A service that must be polled ready before each call, on the very instance that is called.
struct Picky(bool, Arc<AtomicBool>);

impl Clone for Picky {
    fn clone(&self) -> Self {
        Picky(false, self.1.clone())
    }
}

impl Service<Request<Body>> for Picky {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;
    fn poll_ready(&mut self, _: &mut Cx<'_>) -> Poll<Result<(), Infallible>> {
        self.0 = true;
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, _: Request<Body>) -> Self::Future {
        if !std::mem::take(&mut self.0) {
            self.1.store(true, Ordering::SeqCst);
        }
        std::future::ready(Ok(Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn a_service_that_insists_on_poll_ready_is_never_called_without_it() {
    let at_once = layer(does(|_| Ok(Flow::Continue)));
    let later = layer(does(|_| {
        Ok(Flow::suspend(|_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                Ok(Flow::Continue)
            })
        }))
    }));
    for guarding in [at_once, later] {
        let violated = Arc::new(AtomicBool::new(false));
        let mut service = guarding.layer(Picky(false, violated.clone()));
        for _ in 0..3 {
            let request = Request::get("/x").body(Body::empty()).unwrap();
            ServiceExt::<Request<Body>>::ready(&mut service)
                .await
                .unwrap()
                .call(request)
                .await
                .unwrap();
        }
        assert!(!violated.load(Ordering::SeqCst));
    }
}

#[tokio::test]
async fn a_refused_request_does_not_reach_the_inner_service() {
    let refuse = layer(does(|_| Err(Rejection::new(Reason::Forbidden))));
    let unreachable = tower::service_fn(async |_: Request<Body>| -> Result<Response<Body>, ()> {
        panic!("called")
    });
    let request = Request::get("/x").body(Body::empty()).unwrap();
    assert_eq!(refuse.layer(unreachable).oneshot(request).await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_stream_of_events_is_told_when_it_opens_and_recorded_when_it_ends() {
    #[derive(Clone, Default)]
    struct Opened(Records);
    impl Observer for Opened {
        fn completed(&self, _: &Record) {}
        fn opened(&self, record: &Record) {
            self.0.completed(record);
        }
    }
    let (records, opened) = (Records::default(), Opened::default());
    let parapet = open(&records).observe(opened.clone()).build().unwrap();
    let events = async || {
        let words = futures_util::stream::iter([Ok::<_, Infallible>("data: one\n\n")]);
        ([("content-type", "Text/Event-Stream; charset=utf-8")], Body::from_stream(words))
    };
    let router = Router::new().route("/x", get(events)).route("/y", get(async || "y"));
    let response = one(&parapet, router.clone()).await;
    assert_eq!((opened.0.all().len(), records.all().len()), (1, 0));
    assert_eq!(opened.0.all()[0].status.unwrap(), 200);
    assert_eq!(opened.0.all()[0].outcome, Outcome::Answered);
    read(response).await.unwrap();
    assert_eq!(only(&records).outcome, Outcome::Answered);
    let request = Request::get("/y").body(Body::empty()).unwrap();
    read(parapet.protect(router).oneshot(request).await.unwrap()).await.unwrap();
    assert_eq!((opened.0.all().len(), records.all().len()), (1, 2));
}
