//! The request's body as the handler reads it.

use std::{
    pin::Pin,
    sync::PoisonError,
    task::{Context as Cx, Poll},
};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    grpc::Messages,
    guard::{BodyWatch, Signed},
    rejection::{Reason, Rejection},
};

use super::{
    caught,
    finish::Verdict,
    idle::{Pace, Patience},
    request_body::too_large,
};

/// How a body is held to its size.
pub(super) enum Measure {
    /// As a whole.
    Whole { cap: u64, left: u64 },
    /// Message by message.
    Messages(Messages),
}

impl Measure {
    fn chunk(&mut self, data: &Bytes) -> Result<(), Rejection> {
        match self {
            Self::Whole { cap, left } => {
                *left = left.checked_sub(data.len() as u64).ok_or_else(|| too_large(*cap))?;
                Ok(())
            }
            Self::Messages(messages) => messages.chunk(data).map_err(|why| why.by("body")),
        }
    }

    fn end(&self) -> Result<(), Rejection> {
        match self {
            Self::Whole { .. } => Ok(()),
            Self::Messages(messages) => messages.end().map_err(|why| why.by("body")),
        }
    }
}

pub(super) type Watches = Vec<Signed<Box<dyn BodyWatch>>>;

pub(super) fn chunk(watches: &mut Watches, data: &Bytes) -> Result<(), Rejection> {
    watches.iter_mut().try_for_each(|watch| watch.doing_some(|watch| watch.chunk(data)))
}

pub(super) fn end(watches: Watches, trailers: Option<&HeaderMap>) -> Result<(), Rejection> {
    watches.into_iter().try_for_each(|watch| watch.doing(|mut watch| watch.end(trailers)))
}

/// Ends the body at the first refusal, which then takes the place of the handler's answer.
pub(super) struct Watched {
    body: Body,
    watches: Watches,
    measure: Measure,
    patience: Option<(Patience, Option<Pace>)>,
    verdict: Verdict,
    over: bool,
    ended: bool,
}

impl Watched {
    pub(super) fn new(
        body: Body,
        watches: Watches,
        measure: Measure,
        patience: Option<(Patience, Option<Pace>)>,
        verdict: Verdict,
    ) -> Self {
        Self { body, watches, measure, patience, verdict, over: false, ended: false }
    }

    fn judge(&mut self, frame: Option<&Frame<Bytes>>) -> Result<(), Rejection> {
        let data = frame.and_then(Frame::data_ref);
        self.judge_pace(data.map_or(0, Bytes::len))?;
        if let Some(data) = data {
            self.measure.chunk(data)?;
            return chunk(&mut self.watches, data);
        }
        if !std::mem::replace(&mut self.ended, true) {
            self.measure.end()?;
        }
        let trailers: Option<&HeaderMap> = frame.and_then(Frame::trailers_ref);
        end(std::mem::take(&mut self.watches), trailers)
    }

    fn judge_pace(&mut self, bytes: usize) -> Result<(), Rejection> {
        let Some((patience, pace)) = &mut self.patience else { return Ok(()) };
        patience.beat();
        patience.pulse.wait_for_client(false);
        let is_too_slow = pace.as_mut().is_some_and(|pace| pace.is_too_slow(bytes as u64));
        if !is_too_slow {
            return Ok(());
        }
        Err(Rejection::new(Reason::BodyTimeout)
            .expected("a body that keeps the least pace of the route")
            .found("one that comes too slowly")
            .by("body"))
    }

    /// Whether the client has sent nothing for too long.
    fn poll_idle(&mut self, cx: &mut Cx<'_>) -> Poll<Rejection> {
        let Some((patience, pace)) = &mut self.patience else { return Poll::Pending };
        patience.pulse.wait_for_client(true);
        if let Some(pace) = pace {
            pace.pause();
        }
        patience.poll_over(cx).map(|()| {
            let limit = patience.limit().as_secs_f64();
            Rejection::new(Reason::BodyTimeout)
                .expected(format!("a body that stands still for less than {limit} s"))
                .found("one that stood still for longer")
                .by("body")
        })
    }

    fn refuse(&mut self, rejection: Rejection) -> Option<Result<Frame<Bytes>, BoxError>> {
        self.over = true;
        self.rest();
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(rejection.clone());
        Some(Err(rejection.into()))
    }

    /// The handler does not wait for the client any more.
    fn rest(&self) {
        if let Some((patience, _)) = &self.patience {
            patience.pulse.wait_for_client(false);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.rest();
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => return self.poll_idle(cx).map(|rejection| self.refuse(rejection)),
            Poll::Ready(Some(Err(error))) => {
                self.rest();
                return Poll::Ready(Some(Err(error.into())));
            }
            Poll::Ready(Some(Ok(frame))) => Some(frame),
            Poll::Ready(None) => None,
        };
        match caught(|| self.judge(frame.as_ref())) {
            Ok(()) => Poll::Ready(frame.map(Ok)),
            Err(rejection) => Poll::Ready(self.refuse(rejection)),
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_judged = self.ended || matches!(self.measure, Measure::Whole { .. });
        self.over || (is_judged && self.watches.is_empty() && self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
