//! A guard on trial changes nothing, neither at once nor later; bodies and limits of stacks in stacks.
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

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Bytes, routing::any};
use http::{Request, Response};
use support::Records;
use tower::ServiceExt;
use tower_parapet::{
    Body, Context, Exchange, Flow, Guard, Parapet, ParapetBuilder, Phase, Policy, Principal,
    Reason, Rejection, compose::Shadow,
};

/// Registers something, then lets through.
struct Does(fn(&mut Exchange));

impl Guard for Does {
    fn name(&self) -> &'static str {
        "does"
    }
    fn phase(&self) -> Phase {
        Phase::Content
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        (self.0)(exchange);
        Ok(Flow::Continue)
    }
}

fn trial(does: fn(&mut Exchange)) -> Shadow {
    Shadow::of(Does(does)).unwrap()
}

fn open(records: &Records) -> ParapetBuilder {
    Parapet::builder().public("/x", "these tests").observe(records.clone())
}

async fn echo(request: axum::extract::Request) -> Response<Body> {
    let caller = Context::of(request.extensions()).unwrap().principal().is_some();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
    Response::builder().header("x-known", caller.to_string()).body(body.into()).unwrap()
}

async fn send(parapet: &Parapet, body: Body) -> Response<Body> {
    let request = Request::post("/x").body(body).unwrap();
    parapet.protect(Router::new().route("/x", any(echo))).oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

#[tokio::test]
async fn a_body_hook_on_trial_can_neither_name_a_caller_nor_replace_the_body() {
    let records = Records::default();
    let meddles = trial(|exchange| {
        exchange.read_body(100, |exchange, _| {
            exchange.set_principal(Principal::builder("meddler", "someone").build());
            Ok(Some(Bytes::from_static(b"other")))
        });
    });
    let refuses = trial(|exchange| {
        exchange.read_body(100, |_, _| Err(Rejection::new(Reason::Forbidden)));
    });
    let panics = trial(|exchange| exchange.read_body(100, |_, _| panic!("on trial")));
    let parapet = open(&records).guard(meddles).guard(refuses).guard(panics).build().unwrap();
    let response = send(&parapet, "whole".into()).await;
    assert_eq!(response.headers()["x-known"], "false");
    assert_eq!(text(response).await, "whole");
    let record = &records.wait_for(1)[0];
    assert!(record.principal.is_none());
    let verdicts: Vec<_> = record.notes.iter().map(|(key, value)| (*key, &**value)).collect();
    let expected = [("would-reject", "does: forbidden"), ("would-reject", "does: internal-error")];
    assert_eq!(verdicts, expected);
}

#[tokio::test(start_paused = true)]
async fn a_body_hook_on_trial_neither_waits_for_a_body_without_end_nor_refuses_a_large_one() {
    let records = Records::default();
    let reads = trial(|exchange| exchange.read_body(4, |_, _| Ok(None)));
    let parapet = open(&records).guard(reads).build().unwrap();
    assert_eq!(text(send(&parapet, "longer than four".into()).await).await, "longer than four");
    let pieces = futures_util::stream::unfold(0, |count| async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        (count < 2).then(|| (Ok::<_, Infallible>("piece "), count + 1))
    });
    let router = Router::new().route("/x", any(async || "at once"));
    let request = Request::post("/x").body(Body::from_stream(pieces)).unwrap();
    let before = tokio::time::Instant::now();
    let response = parapet.protect(router).oneshot(request).await.unwrap();
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(text(response).await, "at once");
    for record in records.wait_for(2) {
        assert_eq!(record.notes, [("not-judged", "does".into())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_on_trial_that_hangs_delays_but_never_refuses() {
    struct Hangs;
    impl Guard for Hangs {
        fn name(&self) -> &'static str {
            "hangs"
        }
        fn phase(&self) -> Phase {
            Phase::Content
        }
        fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
            Ok(Flow::suspend(|_| Box::pin(std::future::pending())))
        }
    }
    let records = Records::default();
    let live = Does(|exchange| exchange.read_body(100, |_, _| Ok(Some("live".into()))));
    let parapet = open(&records).guard(Shadow::of(Hangs).unwrap()).guard(live).build().unwrap();
    assert_eq!(text(send(&parapet, "x".into()).await).await, "live");
    let note = ("would-reject", "hangs: unavailable".into());
    assert_eq!(records.wait_for(1)[0].notes, [note]);
}

#[tokio::test]
async fn what_a_body_hook_asks_for_in_its_turn_is_judged_too() {
    let chain = Does(|exchange| {
        exchange.read_body(100, |exchange, _| {
            exchange.read_body(100, |_, body| match &**body {
                b"second" => Err(Rejection::new(Reason::Forbidden)),
                _ => Ok(None),
            });
            Ok(Some("second".into()))
        });
    });
    let parapet = open(&Records::default()).guard(chain).build().unwrap();
    assert_eq!(send(&parapet, "first".into()).await.status(), 403);
}

#[tokio::test]
async fn a_body_that_a_hook_makes_larger_is_held_to_the_same_limits() {
    let grows = |exchange: &mut Exchange| {
        exchange.read_body(100, |_, _| Ok(Some(Bytes::from_static(&[b'x'; 50]))));
    };
    let small = |exchange: &mut Exchange| exchange.read_body(40, |_, _| Ok(None));
    let records = Records::default();
    let by_hook = open(&records).guard(Does(grows)).guard(Does(small)).build().unwrap();
    let by_stack = open(&records).guard(Does(grows)).body_limit(40).build().unwrap();
    for parapet in [by_hook, by_stack] {
        let response = send(&parapet, "small".into()).await;
        assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::BodyTooLarge));
    }
}

#[tokio::test]
async fn an_inner_stack_keeps_its_own_limits_whatever_the_outer_route_allows() {
    let records = Records::default();
    let wide = Policy::optional().body_limit(1000).deadline(Duration::from_secs(3600));
    let outer = Parapet::builder().route("/x", wide).build().unwrap();
    let bare = Parapet::builder().dangerous().bare().body_limit(10).observe(records.clone());
    let router = Router::new().route("/x", any(echo)).layer(bare.build().unwrap());
    let request = Request::post("/x").body(Body::from(vec![b'x'; 11])).unwrap();
    let response = outer.protect(router).oneshot(request).await.unwrap();
    assert_eq!(response.extensions().get::<Reason>(), Some(&Reason::BodyTooLarge));
}

#[tokio::test]
async fn a_refusal_of_later_work_bears_the_name_of_the_guard_that_asked_for_it() {
    struct Never;
    impl tower_parapet::BodyWatch for Never {
        fn chunk(&mut self, _: &Bytes) -> Result<(), Rejection> {
            Err(Rejection::new(Reason::Forbidden))
        }
    }
    let asks: [fn(&mut Exchange); 3] = [
        |exchange| exchange.read_body(100, |_, _| Err(Rejection::new(Reason::Forbidden))),
        |exchange| exchange.watch_body(Never),
        |exchange| exchange.on_reply(|_| Err(Rejection::new(Reason::Forbidden))),
    ];
    for asks in asks {
        let records = Records::default();
        let parapet = open(&records).guard(Does(asks)).guard(Does(|_| {})).build().unwrap();
        assert_eq!(send(&parapet, "x".into()).await.status(), 403);
        let rejection = records.wait_for(1)[0].rejection.clone().unwrap();
        assert_eq!(rejection.guard(), Some("does"));
    }
}
