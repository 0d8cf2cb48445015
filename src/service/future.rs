use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Cx, Poll},
};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Response;
use http_body::Body as HttpBody;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    observe::Ticket,
    rejection::{Reason, Rejection},
};

use super::{Early, Settled, Tail};

pin_project! {
    /// The answer of a [`Guarded`](super::Guarded) service under way.
    pub struct GuardedFuture<F> {
        #[pin]
        state: State<F>,
        tail: Option<Tail>,
        // Made when the handler first has to wait: a handler that answers at once needs no timer.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Inner { #[pin] future: F },
        Deciding { future: BoxFuture<'static, Decided<F>> },
        Early { early: Option<Early> },
        Over,
    }
}

/// The end of the slow path.
pub(super) struct Decided<F> {
    pub(super) called: Result<F, Early>,
    pub(super) settled: Settled,
    pub(super) ticket: Option<Arc<Ticket>>,
}

impl<F> GuardedFuture<F> {
    fn new(state: State<F>, tail: Tail) -> Self {
        Self { state, tail: Some(tail), timer: None }
    }

    pub(super) fn inner(future: F, tail: Tail) -> Self {
        Self::new(State::Inner { future }, tail)
    }

    pub(super) fn deciding(future: BoxFuture<'static, Decided<F>>, tail: Tail) -> Self {
        Self::new(State::Deciding { future }, tail)
    }

    pub(super) fn early(early: Early, tail: Tail) -> Self {
        Self::new(State::Early { early: Some(early) }, tail)
    }
}

impl<F> std::fmt::Debug for GuardedFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuardedFuture")
    }
}

impl<F, R, E> Future for GuardedFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let early = match this.state.as_mut().project() {
                StateProjection::Inner { future } => {
                    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                        Ok(Poll::Ready(Ok(response))) => {
                            let mut response = response.map(Body::new);
                            if this.tail.as_mut().is_some_and(|tail| tail.answers(&mut response)) {
                                *this.tail = None;
                                return Poll::Ready(Ok(response));
                            }
                            let Some(tail) = this.tail.take() else { return Poll::Pending };
                            return Poll::Ready(Ok(tail.answer(response)));
                        }
                        Ok(Poll::Ready(Err(error))) => {
                            let Some(tail) = this.tail.take() else { return Poll::Pending };
                            return Poll::Ready(tail.fail(error));
                        }
                        Ok(Poll::Pending) if !is_late(this.timer, this.tail, cx) => {
                            return Poll::Pending;
                        }
                        Ok(Poll::Pending) => Early::Reject(late(this.tail)),
                        Err(payload) => Early::Reject(Rejection::panicked(payload.as_ref())),
                    }
                }
                StateProjection::Deciding { future } => {
                    match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                        Ok(Poll::Pending) => return Poll::Pending,
                        Ok(Poll::Ready(Decided { called, settled, ticket })) => {
                            if let Some(tail) = this.tail.as_mut() {
                                tail.join(settled, ticket);
                            }
                            match called {
                                Ok(future) => {
                                    this.state.set(State::Inner { future });
                                    continue;
                                }
                                Err(early) => early,
                            }
                        }
                        Err(payload) => Early::Reject(Rejection::panicked(payload.as_ref())),
                    }
                }
                StateProjection::Early { early } => match early.take() {
                    Some(early) => early,
                    None => return Poll::Pending,
                },
                StateProjection::Over => return Poll::Pending,
            };
            // What panicked once may panic again as it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(|| this.state.set(State::Over)));
            let Some(tail) = this.tail.take() else { return Poll::Pending };
            return Poll::Ready(Ok(tail.refuse(early)));
        }
    }
}

fn late(tail: &Option<Tail>) -> Rejection {
    let deadline = tail.as_ref().and_then(|tail| tail.settled.deadline).unwrap_or_default();
    Rejection::new(Reason::HandlerTimeout)
        .expected(format!("a first byte within {} s", deadline.as_secs_f64()))
        .found("a handler that still runs")
}

/// Whether the handler's deadline has passed: since the request came, or since the client last sent a
/// piece of a body that may take long; not while the handler waits for the next one. Outside of a
/// runtime there is no timer, and no deadline.
fn is_late(timer: &mut Option<Pin<Box<Sleep>>>, tail: &Option<Tail>, cx: &mut Cx<'_>) -> bool {
    let Some(settled) = tail.as_ref().map(|tail| &tail.settled) else { return false };
    let Some(deadline) = settled.deadline else { return false };
    if timer.is_none() && tokio::runtime::Handle::try_current().is_err() {
        return false;
    }
    let timer = timer.get_or_insert_with(|| Box::pin(sleep(deadline)));
    while timer.as_mut().poll(cx).is_ready() {
        let left = match &settled.pulse {
            Some(pulse) if pulse.is_waiting_for_client() => deadline,
            Some(pulse) => deadline.saturating_sub(pulse.still_for()),
            None => return true,
        };
        if left.is_zero() {
            return true;
        }
        timer.as_mut().reset(Instant::now() + left);
    }
    false
}
