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

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Bytes, routing::any};
use futures_util::FutureExt;
use http::{Request, Response};
use support::Records;
use tower::ServiceExt;
use tower_parapet::{
    Body, Exchange, Flow, Guard, Outcome, Parapet, ParapetBuilder, Phase, Principal, Rejection,
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
