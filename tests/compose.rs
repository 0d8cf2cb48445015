//! The algebra: guards made of guards, and stacks within stacks.
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
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::get};
use http::{HeaderName, HeaderValue, Request, Response};
use support::Records;
use tower::ServiceExt;
use tower_parapet::{
    Body, ConfigError, Exchange, Flow, Guard, Mode, Outcome, Parapet, ParapetBuilder, PeerAddr,
    Phase, Principal, Reason, Rejection,
    compose::{All, Reloadable, Shadow, When},
    layer,
};

type Log = Arc<Mutex<Vec<&'static str>>>;

/// Writes its name into a log, then decides; may wait first.
#[derive(Clone)]
struct Step {
    name: &'static str,
    phase: Phase,
    log: Log,
    waits: bool,
    refuses: bool,
}

impl Guard for Step {
    fn name(&self) -> &'static str {
        self.name
    }
    fn phase(&self) -> Phase {
        self.phase
    }
    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        let step = self.clone();
        let decide = move || {
            step.log.lock().unwrap().push(step.name);
            if step.refuses { Err(Rejection::new(Reason::Forbidden)) } else { Ok(Flow::Continue) }
        };
        if !self.waits {
            return decide();
        }
        Ok(Flow::suspend(move |_| {
            Box::pin(async move {
                tokio::task::yield_now().await;
                decide()
            })
        }))
    }
}

fn step(log: &Log, name: &'static str, phase: Phase) -> Step {
    Step { name, phase, log: log.clone(), waits: false, refuses: false }
}

fn waiting(log: &Log, name: &'static str, phase: Phase) -> Step {
    Step { waits: true, ..step(log, name, phase) }
}

fn open() -> ParapetBuilder {
    Parapet::builder().public("/{*rest}", "tests of composition")
}

async fn through(parapet: &Parapet) -> Response<Body> {
    let router = Router::new().route("/x", get(async || "x"));
    let request = Request::get("/x").body(Body::empty()).unwrap();
    parapet.protect(router).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn the_order_is_the_librarys_whatever_the_order_of_the_calls() {
    let log = Log::default();
    let parapet = open()
        .guard(step(&log, "content", Phase::Content))
        .guard(waiting(&log, "quota", Phase::Quota))
        .guard(step(&log, "address", Phase::Address))
        .guard(step(&log, "record", Phase::Record))
        .guard(step(&log, "transport", Phase::Transport))
        .build()
        .unwrap();
    assert_eq!(through(&parapet).await.status(), 200);
    assert_eq!(*log.lock().unwrap(), ["record", "address", "transport", "quota", "content"]);
}

#[tokio::test]
async fn nested_composites_with_suspensions_run_each_guard_once_and_in_order()
-> Result<(), ConfigError> {
    let log = Log::default();
    let content = Phase::Content;
    let inner = All::of("inner")
        .and(step(&log, "2", content))
        .and(waiting(&log, "3", content))
        .and(step(&log, "4", content))
        .build()?;
    let outer = All::of("outer")
        .and(waiting(&log, "1", content))
        .and(inner)
        .and(waiting(&log, "5", content))
        .build()?;
    let parapet = open().guard(outer).guard(step(&log, "6", content)).build()?;
    assert_eq!(through(&parapet).await.status(), 200);
    assert_eq!(*log.lock().unwrap(), ["1", "2", "3", "4", "5", "6"]);
    Ok(())
}

#[tokio::test]
async fn a_refusal_after_a_suspension_names_the_guard_that_refused() {
    let (log, records) = (Log::default(), Records::default());
    let refuses = Step { refuses: true, ..waiting(&log, "strict", Phase::Content) };
    let parapet = open().guard(refuses).observe(records.clone()).build().unwrap();
    assert_eq!(through(&parapet).await.status(), 403);
    assert_eq!(records.wait_for(1)[0].rejection.as_ref().unwrap().guard(), Some("strict"));
}

/// Would change everything it can, and refuse.
struct Meddler(bool);

impl Guard for Meddler {
    fn name(&self) -> &'static str {
        "meddler"
    }
    fn phase(&self) -> Phase {
        Phase::Transport
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        meddle(exchange);
        if !self.0 {
            return Err(Rejection::new(Reason::Forbidden));
        }
        Ok(Flow::suspend(|exchange| {
            Box::pin(async move {
                tokio::task::yield_now().await;
                meddle(exchange);
                Err(Rejection::new(Reason::Forbidden))
            })
        }))
    }
}

fn meddle(exchange: &mut Exchange) {
    let name = HeaderName::from_static("x-meddled");
    exchange.set_principal(Principal::builder("meddler", "someone").build());
    exchange.reply_header(Mode::Set, name.clone(), HeaderValue::from_static("yes"));
    exchange.set_header(name, HeaderValue::from_static("yes"));
    exchange.on_reply(|_| Err(Rejection::new(Reason::Forbidden)));
    exchange.read_body(0, |_, _| Err(Rejection::new(Reason::Forbidden)));
    exchange.cap_body(0);
}

#[tokio::test]
async fn a_guard_on_trial_leaves_nothing_but_a_note() {
    for late in [false, true] {
        let records = Records::default();
        let shadow = Shadow::of(Meddler(late)).unwrap();
        let parapet = open().guard(shadow).observe(records.clone()).build().unwrap();
        let router = Router::new().route(
            "/x",
            axum::routing::post(async |headers: http::HeaderMap, body: String| {
                assert!(!headers.contains_key("x-meddled"));
                body
            }),
        );
        let request = Request::post("/x").body(Body::from("whole")).unwrap();
        let response = parapet.protect(router).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("x-meddled"));
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "whole");
        let record = &records.wait_for(1)[0];
        assert!(record.principal.is_none());
        let note = ("would-reject", "meddler: forbidden".into());
        assert!(record.notes.contains(&note), "{:?}", record.notes);
    }
}

#[tokio::test]
async fn a_guard_on_trial_that_panics_disturbs_nobody() {
    struct Panics;
    impl Guard for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }
        fn phase(&self) -> Phase {
            Phase::Transport
        }
        fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
            panic!("on trial")
        }
    }
    let parapet = open().guard(Shadow::of(Panics).unwrap()).build().unwrap();
    assert_eq!(through(&parapet).await.status(), 200);
}

#[tokio::test]
async fn a_condition_decides_whether_its_guard_runs() {
    let log = Log::default();
    let writes =
        When::request(|exchange| exchange.method() == "POST", step(&log, "write", Phase::Content));
    let parapet = open().guard(writes.unwrap()).build().unwrap();
    through(&parapet).await;
    assert!(log.lock().unwrap().is_empty());
}

#[test]
fn a_condition_that_reads_the_caller_cannot_hold_a_guard_that_runs_before_callers_are_known() {
    let early = step(&Log::default(), "early", Phase::Address);
    let error = When::caller(|exchange| exchange.principal().is_some(), early).unwrap_err();
    assert!(error.to_string().contains("`early` runs in phase Address"), "{error}");
}

#[tokio::test]
async fn a_request_keeps_the_guard_it_began_with_when_the_guard_is_replaced() {
    let log = Log::default();
    let guard = Reloadable::of(waiting(&log, "old", Phase::Content)).unwrap();
    let parapet = open().guard(guard.clone()).build().unwrap();
    let mut running = Box::pin(through(&parapet));
    assert!(futures_util::FutureExt::now_or_never(&mut running).is_none());
    guard.replace(step(&log, "new", Phase::Content)).unwrap();
    running.await;
    through(&parapet).await;
    assert_eq!(*log.lock().unwrap(), ["old", "new"]);
}

#[test]
fn a_replacement_of_another_phase_is_refused_and_the_last_good_guard_stays() {
    let log = Log::default();
    let guard = Reloadable::of(step(&log, "old", Phase::Content)).unwrap();
    let error = guard.replace(step(&log, "new", Phase::Address)).unwrap_err();
    assert!(error.to_string().contains("replace"), "{error}");
    assert_eq!(guard.name(), "old");
}

#[tokio::test]
async fn an_inner_refusal_is_rendered_once_and_recorded_once_by_the_outermost_stack() {
    let (outer, inner) = (Records::default(), Records::default());
    let inside = inside(&inner);
    let render = |problem: &tower_parapet::problem::Problem<'_>, head: &http::request::Parts| {
        let text = format!("{} {} {}", problem.reason().code(), head.method, head.uri);
        Response::builder().status(problem.reason().status()).body(Body::from(text)).unwrap()
    };
    let outside = open().observe(outer.clone()).render(render).build().unwrap();
    let router = Router::new().route("/x", get(async || "x")).layer(inside);
    let request = Request::get("/x").body(Body::empty()).unwrap();
    let response = outside.protect(router).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 403);
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    assert_eq!(body, "forbidden GET /x");
    let record = &outer.wait_for(1)[0];
    assert_eq!(record.outcome, Outcome::Rejected);
    assert_eq!(record.rejection.as_ref().unwrap().guard(), Some("inner"));
    assert!(inner.all().is_empty());
}

/// A stack whose refusals are put into words further out.
fn inside(records: &Records) -> Parapet {
    open().guard(refusing("inner")).observe(records.clone()).build().unwrap()
}

fn refusing(name: &'static str) -> Step {
    Step { refuses: true, ..step(&Log::default(), name, Phase::Content) }
}

#[tokio::test]
async fn a_layer_around_a_stack_neither_silences_its_audit_nor_changes_the_request_id() {
    let log = Log::default();
    let records = Records::default();
    let alone = layer(step(&log, "around", Phase::Address));
    let router = Router::new().route("/x", get(async || "x")).layer(inside(&records)).layer(alone);
    let peer = PeerAddr::new(([192, 0, 2, 1], 4711).into());
    let request = Request::get("/x").extension(peer).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 403);
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let record = &records.wait_for(1)[0];
    assert_eq!(record.rejection.as_ref().unwrap().guard(), Some("inner"));
    assert_eq!(problem["request_id"], record.request_id.to_string());
}

#[tokio::test]
async fn a_layer_around_a_stack_keeps_the_words_of_the_stacks_own_renderer() {
    let render = |problem: &tower_parapet::problem::Problem<'_>, head: &http::request::Parts| {
        let id = problem.request_id().unwrap();
        let text = format!("{} {} {id}", problem.reason().code(), head.uri);
        Response::builder().status(problem.reason().status()).body(Body::from(text)).unwrap()
    };
    let records = Records::default();
    let refused = || Rejection::new(Reason::NotFound);
    let router = Router::new()
        .route("/x", get(async || "x"))
        .route("/own", get(move || async move { refused() }));
    let guarded = open().guard(refusing("inner")).observe(records.clone()).render(render);
    let plain = open().observe(records.clone()).render(render);
    for (path, inside, code) in [("/x", guarded, "forbidden /x"), ("/own", plain, "not-found /own")]
    {
        let alone = layer(step(&Log::default(), "around", Phase::Address));
        let app = router.clone().layer(inside.build().unwrap()).layer(alone);
        let peer = PeerAddr::new(([192, 0, 2, 1], 4711).into());
        let request = Request::get(path).extension(peer).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        let record = records.all().pop().unwrap();
        assert_eq!(body, format!("{code} {}", record.request_id));
    }
}

#[tokio::test]
async fn the_observing_half_of_an_inner_guard_is_told_once_with_the_outer_record() {
    struct Watching(Records);
    impl Guard for Watching {
        fn name(&self) -> &'static str {
            "watching"
        }
        fn phase(&self) -> Phase {
            Phase::Content
        }
        fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
            Err(Rejection::new(Reason::Forbidden))
        }
        fn observer(&self) -> Option<Arc<dyn tower_parapet::Observer>> {
            Some(Arc::new(self.0.clone()))
        }
    }
    let (outer, inner) = (Records::default(), Records::default());
    let router = Router::new().route("/x", get(async || "x")).layer(layer(Watching(inner.clone())));
    let outside = open().observe(outer.clone()).build().unwrap();
    let request = Request::get("/x").body(Body::empty()).unwrap();
    drop(outside.protect(router).oneshot(request).await.unwrap());
    let (outer, inner) = (outer.wait_for(1), inner.wait_for(1));
    assert_eq!((outer.len(), inner.len()), (1, 1));
    assert_eq!(outer[0].request_id, inner[0].request_id);
    assert_eq!(inner[0].rejection.as_ref().unwrap().guard(), Some("watching"));
}

#[tokio::test]
async fn a_handlers_own_refusal_is_rendered_like_any_other() {
    let records = Records::default();
    let parapet = open().observe(records.clone()).build().unwrap();
    let handler = async || -> Result<&'static str, Rejection> {
        let retry = (http::header::RETRY_AFTER, HeaderValue::from_static("7"));
        Err(Rejection::new(Reason::Unavailable).detail("at noon").header(retry.0, retry.1))
    };
    let request = Request::get("/x").body(Body::empty()).unwrap();
    let router = Router::new().route("/x", get(handler));
    let response = parapet.protect(router).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers().get_all("retry-after").iter().count(), 1);
    let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["detail"], "at noon");
    assert_eq!(problem["request_id"], records.wait_for(1)[0].request_id.to_string());
}

#[tokio::test]
async fn a_permit_is_kept_until_the_answers_body_is_dropped() {
    struct Holds(Arc<AtomicUsize>);
    struct Permit(Arc<AtomicUsize>);
    impl Drop for Permit {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    impl Guard for Holds {
        fn name(&self) -> &'static str {
            "holds"
        }
        fn phase(&self) -> Phase {
            Phase::Quota
        }
        fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
            self.0.fetch_add(1, Ordering::SeqCst);
            exchange.hold(Permit(self.0.clone()));
            Ok(Flow::Continue)
        }
    }
    let held = Arc::new(AtomicUsize::new(0));
    let router = Router::new().route("/x", get(async || "x")).layer(layer(Holds(held.clone())));
    let outer = open().build().unwrap();
    let request = Request::get("/x").body(Body::empty()).unwrap();
    let response = outer.protect(router).oneshot(request).await.unwrap();
    assert_eq!(held.load(Ordering::SeqCst), 1);
    drop(response);
    assert_eq!(held.load(Ordering::SeqCst), 0);
}
