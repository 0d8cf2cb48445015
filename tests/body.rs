//! Bodies: capped, watched, read before the handler, under a deadline.
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

use axum::{Router, body::Bytes, routing::post};
use http::{Request, Response};
use tower::ServiceExt;
use tower_parapet::{
    Body, BodyWatch, Exchange, Flow, Guard, Parapet, ParapetBuilder, Phase, Policy, Reason,
    Rejection,
};

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

fn open() -> ParapetBuilder {
    Parapet::builder().public("/{*rest}", "tests of bodies")
}

async fn echo(headers: http::HeaderMap, body: Bytes) -> (http::HeaderMap, Bytes) {
    let length = headers.get("content-length").cloned();
    let seen =
        length.into_iter().map(|value| (http::header::HeaderName::from_static("x-seen"), value));
    (seen.collect(), body)
}

async fn send(parapet: Parapet, body: Body) -> Response<Body> {
    let router = Router::new().route("/x", post(echo)).route("/large", post(echo));
    let request = Request::post("/x").body(body).unwrap();
    parapet.protect(router).oneshot(request).await.unwrap()
}

fn streamed(pieces: usize) -> Body {
    let piece = || Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1024]));
    Body::from_stream(futures_util::stream::iter((0..pieces).map(move |_| piece())))
}

async fn reason(response: Response<Body>) -> Reason {
    *response.extensions().get::<Reason>().unwrap_or_else(|| panic!("{}", response.status()))
}

async fn text(response: Response<Body>) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

#[tokio::test]
async fn a_body_too_large_by_its_announced_size_is_413_before_anything_is_read() {
    let address = support::serve(
        open().body_limit(10).build().unwrap().protect(Router::new().route("/x", post(echo))),
    )
    .await;
    let head = b"POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 11\r\n\r\n";
    let answer = support::send(address, head).await;
    assert_eq!((answer.status, answer.code()), (413, "body-too-large".to_owned()));
}

#[tokio::test]
async fn a_body_that_grows_too_large_while_the_handler_reads_is_our_413() {
    let parapet = open().body_limit(10 * 1024).build().unwrap();
    assert_eq!(send(parapet.clone(), streamed(10)).await.status(), 200);
    assert_eq!(reason(send(parapet, streamed(11)).await).await, Reason::BodyTooLarge);
}

#[tokio::test]
async fn without_a_word_about_size_a_body_may_have_one_mebibyte() {
    assert_eq!(send(open().build().unwrap(), streamed(1024)).await.status(), 200);
    let over = send(open().build().unwrap(), streamed(1025)).await;
    assert_eq!(reason(over).await, Reason::BodyTooLarge);
}

#[tokio::test]
async fn a_route_may_take_larger_bodies_than_the_stack() {
    let large = Policy::optional().body_limit(2 << 20);
    let parapet = open().route("/large", large).build().unwrap();
    let router =
        Router::new().route("/large", post(echo)).layer(axum::extract::DefaultBodyLimit::disable());
    let request = Request::post("/large").body(streamed(2000)).unwrap();
    assert_eq!(parapet.protect(router).oneshot(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_body_read_before_the_handler_is_read_to_the_smallest_limit() {
    let small = Does(|exchange| exchange.read_body(4, |_, _| Ok(None)));
    let large = Does(|exchange| exchange.read_body(400, |_, _| Ok(None)));
    let parapet = open().guard(large).guard(small).build().unwrap();
    assert_eq!(text(send(parapet.clone(), "four".into()).await).await, "four");
    assert_eq!(reason(send(parapet, "fives".into()).await).await, Reason::BodyTooLarge);
}

#[tokio::test]
async fn a_replaced_body_reaches_later_hooks_and_the_handler_with_its_own_length() {
    let replace = Does(|exchange| {
        exchange.read_body(100, |_, body| {
            assert_eq!(body, "before");
            Ok(Some(Bytes::from_static(b"afterwards")))
        });
    });
    let look = Does(|exchange| {
        exchange.read_body(100, |_, body| {
            assert_eq!(body, "afterwards");
            Ok(None)
        });
    });
    let parapet = open().guard(replace).guard(look).build().unwrap();
    let response = send(parapet, "before".into()).await;
    assert_eq!(response.headers()["x-seen"], "10");
    assert_eq!(text(response).await, "afterwards");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let reads = Does(|exchange| exchange.read_body(100, |_, _| Ok(None)));
    let parapet = open().guard(reads).body_deadline(Duration::from_secs(3)).build().unwrap();
    let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
    let response = send(parapet, Body::from_stream(never)).await;
    assert_eq!(response.status(), 408);
    assert_eq!(reason(response).await, Reason::BodyTimeout);
}

struct NoX(bool);

impl BodyWatch for NoX {
    fn chunk(&mut self, data: &Bytes) -> Result<(), Rejection> {
        if data.contains(&b'x') { Err(Rejection::new(Reason::Forbidden)) } else { Ok(()) }
    }
    fn end(&mut self, _: Option<&http::HeaderMap>) -> Result<(), Rejection> {
        if self.0 { Err(Rejection::new(Reason::BrokenBody)) } else { Ok(()) }
    }
}

#[tokio::test]
async fn the_verdict_of_a_watch_takes_the_place_of_the_handlers_answer() {
    let watched = Does(|exchange| exchange.watch_body(NoX(false)));
    let parapet = open().guard(watched).build().unwrap();
    assert_eq!(text(send(parapet.clone(), "fine".into()).await).await, "fine");
    assert_eq!(reason(send(parapet, streamed(1)).await).await, Reason::Forbidden);
    let at_end = Does(|exchange| exchange.watch_body(NoX(true)));
    let parapet = open().guard(at_end).build().unwrap();
    assert_eq!(reason(send(parapet, "fine".into()).await).await, Reason::BrokenBody);
}

#[tokio::test]
async fn a_broken_body_is_400_when_it_is_read_before_the_handler() {
    let reads = Does(|exchange| exchange.read_body(100, |_, _| Ok(None)));
    let parapet = open().guard(reads).build().unwrap();
    let broken = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
    assert_eq!(reason(send(parapet, Body::from_stream(broken)).await).await, Reason::BrokenBody);
}
