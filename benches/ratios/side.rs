//! Drives a service with prebuilt requests, as a server does with the ones it has read.

use std::{
    convert::Infallible,
    future::poll_fn,
    hint::black_box,
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tower::Service;

use crate::measure::Side;

/// Requests made at a time: few enough that they are still in the cache when their turn comes.
const AT_A_TIME: usize = 64;

/// A service, the requests it gets, and the status each must be answered with.
pub(crate) fn side<'a, S>(
    mut app: S,
    mut request: impl FnMut() -> Request<Body> + 'a,
    status: StatusCode,
) -> Side<'a>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + 'a,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    Box::new(move |requests| {
        let mut took = Duration::ZERO;
        for _ in 0..requests / AT_A_TIME.min(requests) {
            let ready: Vec<_> = (0..AT_A_TIME.min(requests)).map(|_| request()).collect();
            let began = Instant::now();
            runtime.block_on(async {
                for request in ready {
                    answer(&mut app, request, status).await;
                }
            });
            took += began.elapsed();
        }
        took
    })
}

async fn answer<S>(app: &mut S, request: Request<Body>, status: StatusCode)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    poll_fn(|cx| app.poll_ready(cx)).await.unwrap();
    let response = app.call(request).await.unwrap();
    assert_eq!(response.status(), status);
    let (parts, mut body) = response.into_parts();
    // What hyper asks for: the size for the framing, then frames until the body says that it is
    // over, or has none left.
    if !body.is_end_stream() {
        black_box(body.size_hint());
        while let Some(frame) = body.frame().await {
            black_box(frame.unwrap());
            if body.is_end_stream() {
                break;
            }
        }
    }
    black_box(parts);
}
