//! What a stack keeps of a request on its slow path: permits, the record, the way it refuses.
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

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context as Cx, Poll},
};

use axum::{Router, body::Bytes, routing::any};
use futures_util::FutureExt;
use http::{Request, Response};
use support::Records;
use tower::{Layer, Service, ServiceExt};
use tower_parapet::{
    Body, Context, Exchange, Flow, Guard, Observer, Outcome, Parapet, ParapetBuilder, Phase,
    Principal, Reason, Record, Rejection,
    compose::{All, Reloadable},
    layer,
    problem::Problem,
};

/// A guard made of a closure.
struct Does<F>(Phase, F);

impl<F> Guard for Does<F>
where
    F: Fn(&mut Exchange) -> Result<Flow, Rejection> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        "does"
    }
    fn phase(&self) -> Phase {
        self.0
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        (self.1)(exchange)
    }
}

fn does<F>(check: F) -> Does<F>
where
    F: Fn(&mut Exchange) -> Result<Flow, Rejection> + Send + Sync + 'static,
{
    Does(Phase::Content, check)
}

/// Waits once, then lets through.
fn waits(_: &mut Exchange) -> Result<Flow, Rejection> {
    Ok(Flow::suspend(|_| {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(Flow::Continue)
        })
    }))
}

/// Waits for ever.
fn hangs(_: &mut Exchange) -> Result<Flow, Rejection> {
    Ok(Flow::suspend(|_| Box::pin(std::future::pending())))
}

fn knows(exchange: &mut Exchange) -> Result<Flow, Rejection> {
    exchange.set_principal(Principal::builder("test", "alice").build());
    exchange.note("known", "yes");
    Ok(Flow::Continue)
}

fn open() -> ParapetBuilder {
    Parapet::builder().public("/x", "these tests")
}

fn get() -> Request<Body> {
    Request::get("/x").body(Body::empty()).unwrap()
}

async fn through(parapet: &Parapet, router: Router) -> Response<Body> {
    parapet.protect(router).oneshot(get()).await.unwrap()
}

async fn text(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

#[tokio::test]
async fn a_permit_is_kept_past_a_suspension_where_nobody_observes() {
    struct Permit(Arc<AtomicUsize>);
    impl Drop for Permit {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    for late in [false, true] {
        let held = Arc::new(AtomicUsize::new(0));
        let count = held.clone();
        let hold = move |exchange: &mut Exchange| {
            count.fetch_add(1, Ordering::SeqCst);
            exchange.hold(Permit(count.clone()));
            Ok(Flow::Continue)
        };
        // Within a phase the order of the calls counts.
        let parapet = match late {
            false => open().guard(does(hold)).guard(does(waits)),
            true => open().guard(does(waits)).guard(does(hold)),
        };
        let seen = held.clone();
        let handler = any(async move || seen.load(Ordering::SeqCst).to_string());
        let response = through(&parapet.build().unwrap(), Router::new().route("/x", handler)).await;
        assert_eq!(held.load(Ordering::SeqCst), 1);
        assert_eq!(text(response).await, "1");
        assert_eq!(held.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_caller_who_leaves_while_a_guard_waits_is_named_in_the_record() {
    let records = Records::default();
    let parapet = open().observe(records.clone()).guard(does(knows)).guard(does(hangs));
    let parapet = parapet.build().unwrap();
    assert!(through(&parapet, Router::new()).now_or_never().is_none());
    let record = &records.wait_for(1)[0];
    assert_eq!(record.outcome, Outcome::Cancelled);
    assert_eq!(record.principal.as_ref().unwrap().subject(), "alice");
    assert_eq!(record.route.as_ref().unwrap().pattern(), "/x");
    assert!(record.notes.contains(&("known", "yes".into())));
}

#[tokio::test]
async fn a_panic_after_a_suspension_is_rendered_like_any_refusal_with_the_records_id() {
    let records = Records::default();
    let panics = |_: &mut Exchange| {
        Ok(Flow::suspend(|_| {
            Box::pin(async {
                tokio::task::yield_now().await;
                panic!("late")
            })
        }))
    };
    let render = |problem: &Problem<'_>, head: &http::request::Parts| {
        let text = format!("{} {}", head.uri, problem.request_id().unwrap());
        Response::builder().status(problem.reason().status()).body(Body::from(text)).unwrap()
    };
    let parapet = open().observe(records.clone()).guard(does(panics)).render(render);
    let response = through(&parapet.build().unwrap(), Router::new()).await;
    assert_eq!(response.status(), 500);
    let text = text(response).await;
    assert_eq!(text, format!("/x {}", records.wait_for(1)[0].request_id));
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_waits_for_ever_is_503_at_the_deadline() {
    let deadline = std::time::Duration::from_secs(7);
    let parapet = open().guard(does(hangs)).handler_deadline(deadline).build().unwrap();
    let before = tokio::time::Instant::now();
    let response = through(&parapet, Router::new()).await;
    assert_eq!(before.elapsed(), deadline);
    assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::Unavailable));
    assert!(response.headers().contains_key("retry-after"));
}

/// Has room for one request, which `poll_ready` takes and the instance keeps until it is called.
#[derive(Default)]
struct OneAtATime(bool, Arc<AtomicUsize>);

impl Clone for OneAtATime {
    fn clone(&self) -> Self {
        OneAtATime(false, self.1.clone())
    }
}

impl Drop for OneAtATime {
    fn drop(&mut self) {
        self.1.fetch_sub(usize::from(self.0), Ordering::SeqCst);
    }
}

impl Service<Request<Body>> for OneAtATime {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;
    fn poll_ready(&mut self, _: &mut Cx<'_>) -> Poll<Result<(), Infallible>> {
        self.0 = self.0 || self.1.fetch_add(1, Ordering::SeqCst) == 0;
        if self.0 { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn a_refused_request_gives_back_what_the_service_reserved_for_it() {
    let refuse = layer(does(|_| Err(Rejection::new(Reason::Forbidden))));
    let one_at_a_time = OneAtATime::default();
    let mut idle = refuse.layer(one_at_a_time.clone());
    let answer = ServiceExt::<Request<Body>>::ready(&mut idle).await.unwrap().call(get()).await;
    assert_eq!(answer.unwrap().status(), 403);
    assert_eq!(one_at_a_time.1.load(Ordering::SeqCst), 0, "the connection is still open");
}

#[tokio::test]
async fn a_service_that_fails_on_a_body_too_large_still_answers_413() {
    let records = Records::default();
    let fails = tower::service_fn(async |request: Request<Body>| {
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await?;
        Ok::<_, axum::Error>(Response::new(Body::from(body)))
    });
    let parapet = open().observe(records.clone()).body_limit(10).build().unwrap();
    let pieces = [Ok::<_, std::io::Error>(vec![0; 8]), Ok(vec![0; 8])];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let request = Request::post("/x").body(body).unwrap();
    let response = parapet.layer(fails).oneshot(request).await.unwrap();
    assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::BodyTooLarge));
    drop(response);
    assert_eq!(records.wait_for(1)[0].outcome, Outcome::Rejected);
}

#[tokio::test]
async fn a_lease_keeps_record_and_permits_past_an_upgrade() {
    let (records, held) = (Records::default(), Arc::new(()));
    let permit = held.clone();
    let hold = move |exchange: &mut Exchange| {
        exchange.hold(permit.clone());
        Ok(Flow::Continue)
    };
    let parapet = open().observe(records.clone()).guard(does(hold)).build().unwrap();
    let (leases, kept) = std::sync::mpsc::channel();
    let handler = any(async move |request: axum::extract::Request| {
        leases.send(Context::of(request.extensions()).unwrap().lease()).unwrap();
        http::StatusCode::SWITCHING_PROTOCOLS
    });
    drop(through(&parapet, Router::new().route("/x", handler)).await);
    let lease = kept.recv().unwrap();
    assert!(records.all().is_empty(), "the upgraded connection is still open");
    assert_eq!(Arc::strong_count(&held), 3);
    drop(lease);
    assert_eq!(records.wait_for(1)[0].outcome, Outcome::Upgraded);
    assert_eq!(Arc::strong_count(&held), 2);
}

#[tokio::test]
async fn what_panics_as_a_request_ends_neither_hides_its_record_nor_unwinds() {
    struct BadPermit;
    impl Drop for BadPermit {
        fn drop(&mut self) {
            panic!("permit");
        }
    }
    struct Bad;
    impl Observer for Bad {
        fn completed(&self, _: &Record) {}
        fn flush(&self) {
            panic!("flush");
        }
    }
    struct Flushed(Arc<AtomicUsize>);
    impl Observer for Flushed {
        fn completed(&self, _: &Record) {}
        fn flush(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (records, flushed) = (Records::default(), Arc::new(AtomicUsize::new(0)));
    let hold = |exchange: &mut Exchange| {
        exchange.hold(BadPermit);
        exchange.hold(BadPermit);
        Ok(Flow::Continue)
    };
    let parapet = open()
        .observe(Bad)
        .observe(Flushed(flushed.clone()))
        .observe(records.clone())
        .guard(does(hold))
        .build()
        .unwrap();
    drop(through(&parapet, Router::new()).await);
    assert_eq!(records.wait_for(1).len(), 1);
    parapet.flush();
    assert_eq!(flushed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_grows_too_large_after_the_answer_began_is_told_in_the_record() {
    let records = Records::default();
    let echo = any(async |request: axum::extract::Request| Response::new(request.into_body()));
    let parapet = open().observe(records.clone()).body_limit(10).build().unwrap();
    let pieces = [Ok::<_, std::io::Error>(vec![0; 8]), Ok(vec![0; 8])];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let request = Request::post("/x").body(body).unwrap();
    let router = Router::new().route("/x", echo);
    let response = parapet.protect(router).oneshot(request).await.unwrap();
    assert!(axum::body::to_bytes(response.into_body(), 100).await.is_err());
    let record = &records.wait_for(1)[0];
    assert_eq!(record.outcome, Outcome::BodyFailed);
    assert_eq!(record.rejection.as_ref().unwrap().reason(), Reason::BodyTooLarge);
}

#[tokio::test]
async fn what_describes_the_body_of_an_inner_refusal_goes_with_it() {
    let handler = any(async || {
        let fields = [("etag", "\"inner\""), ("content-language", "de"), ("x-layer", "kept")];
        (fields, Rejection::new(Reason::NotFound))
    });
    let response = through(&open().build().unwrap(), Router::new().route("/x", handler)).await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["x-layer"], "kept");
    assert!(!response.headers().contains_key("etag"));
    assert!(!response.headers().contains_key("content-language"));
}

#[tokio::test]
async fn an_answer_that_is_polled_again_stays_pending() {
    let mut refused = layer(does(|_| Err(Rejection::new(Reason::Forbidden)))).layer(
        tower::service_fn(async |_: Request<Body>| Ok::<_, ()>(Response::new(Body::empty()))),
    );
    let mut answer = Box::pin(refused.call(get()));
    assert!((&mut answer).now_or_never().is_some());
    assert!((&mut answer).now_or_never().is_none());
}

#[tokio::test]
async fn the_observing_halves_of_composed_guards_are_told_everything_whatever_the_others_do() {
    struct Half(Option<Arc<[AtomicUsize; 3]>>);
    impl Half {
        fn tell(&self, what: usize) {
            self.0.as_ref().expect("a bad one")[what].fetch_add(1, Ordering::SeqCst);
        }
    }
    impl Observer for Half {
        fn completed(&self, _: &Record) {
            self.tell(0);
        }
        fn opened(&self, _: &Record) {
            self.tell(1);
        }
        fn flush(&self) {
            self.tell(2);
        }
    }
    struct Learns(Arc<Half>);
    impl Guard for Learns {
        fn name(&self) -> &'static str {
            "learns"
        }
        fn phase(&self) -> Phase {
            Phase::Content
        }
        fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
            Ok(Flow::Continue)
        }
        fn observer(&self) -> Option<Arc<dyn Observer>> {
            Some(self.0.clone())
        }
    }
    let told = Arc::<[AtomicUsize; 3]>::default();
    let good = Reloadable::of(Learns(Arc::new(Half(Some(told.clone()))))).unwrap();
    let all = All::of("all").and(Learns(Arc::new(Half(None)))).and(good).build().unwrap();
    let parapet = open().guard(all).build().unwrap();
    let router = Router::new().route("/x", any(async || http::StatusCode::SWITCHING_PROTOCOLS));
    drop(through(&parapet, router).await);
    parapet.flush();
    assert!(told.iter().all(|times| times.load(Ordering::SeqCst) == 1), "{told:?}");
}
