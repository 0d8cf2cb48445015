//! The answer's body: keeps the record open until it has ended or is dropped.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Cx, Poll},
};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    context::RequestId,
    grpc,
    observe::{Outcome, Ticket},
    problem::Problem,
    rejection::{Reason, Rejection},
};

use super::{
    finish::{Verdict, take_verdict},
    idle::Patience,
};

/// What is known of the answer as its body begins.
pub(super) struct Begun {
    pub(super) ticket: Option<Arc<Ticket>>,
    pub(super) outcome: Outcome,
    pub(super) bodiless: bool,
    /// What is found in the request's body after the answer has begun.
    pub(super) verdict: Option<Verdict>,
    /// Where the answer is gRPC, it ends with a status, and a refusal's with the request's id.
    pub(super) grpc: Option<(HeaderName, RequestId)>,
    pub(super) patience: Option<Patience>,
}

pub(super) struct Tracked {
    body: Body,
    begun: Begun,
    size: Option<u64>,
    sent: u64,
    over: bool,
}

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

impl Tracked {
    pub(super) fn new(body: Body, begun: Begun) -> Self {
        let size = body.size_hint().exact().filter(|_| begun.grpc.is_none());
        Self { body, begun, size, sent: 0, over: false }
    }

    /// Whether nothing is left to send, also where the server never asks for the end.
    fn is_out(&self) -> bool {
        self.begun.bodiless || self.size == Some(self.sent) || self.body.is_end_stream()
    }

    fn close(&mut self, outcome: Option<Outcome>, rejection: Option<Rejection>) {
        let Some(ticket) = self.begun.ticket.take() else { return };
        let mut open = ticket.lock();
        open.record.bytes_out = self.sent;
        if let Some(outcome) = outcome.filter(|_| open.record.outcome != Outcome::Panicked) {
            open.record.outcome = outcome;
        }
        if let Some(rejection) = rejection.or_else(|| take_verdict(self.begun.verdict.as_ref())) {
            open.record.rejection = Some(rejection);
        }
    }

    /// Breaks the answer off. A call of gRPC ends with a status all the same.
    fn cut(&mut self, outcome: Outcome, rejection: Rejection) -> Polled {
        self.over = true;
        self.body = Body::empty();
        let last = match &self.begun.grpc {
            Some((header, id)) => {
                let problem = Problem::of(&rejection).with_request_id(id);
                let mut trailers = grpc::trailers(&problem, &rejection);
                trailers.insert(header.clone(), id.to_header());
                self.note_status(&trailers);
                Ok(Frame::trailers(trailers))
            }
            None => Err(rejection.clone().into()),
        };
        self.close(Some(outcome), Some(rejection));
        Poll::Ready(Some(last))
    }

    fn note_status(&self, trailers: &HeaderMap) {
        if let Some(ticket) = self.begun.ticket.as_ref().filter(|_| self.begun.grpc.is_some()) {
            ticket.lock().note_grpc_status(trailers);
        }
    }

    /// What was found in the request's body, where the answer can still say so.
    fn late_verdict(&self) -> Option<Rejection> {
        self.begun.grpc.as_ref().and_then(|_| take_verdict(self.begun.verdict.as_ref()))
    }

    fn is_idle(&mut self, cx: &mut Cx<'_>) -> bool {
        self.begun.patience.as_mut().is_some_and(|patience| patience.poll_over(cx).is_ready())
    }
}

fn idle() -> Rejection {
    Rejection::new(Reason::IdleStream)
        .expected("a stream that does not stand still for longer than its limit")
        .found("one that did")
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Cx<'_>) -> Polled {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(cx)));
        // The handler may have learnt of it in this very poll, and only passed it on.
        if let Some(rejection) = this.late_verdict() {
            return this.cut(Outcome::Rejected, rejection);
        }
        let frame = match polled {
            Ok(Poll::Ready(frame)) => frame,
            Ok(Poll::Pending) if this.is_idle(cx) => {
                return this.cut(Outcome::BodyFailed, idle());
            }
            Ok(Poll::Pending) => return Poll::Pending,
            Err(payload) => {
                return this.cut(Outcome::Panicked, Rejection::panicked(payload.as_ref()));
            }
        };
        match &frame {
            Some(Ok(frame)) => {
                if let Some(patience) = &this.begun.patience {
                    patience.beat();
                }
                this.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                let trailers: Option<&HeaderMap> = frame.trailers_ref();
                if let Some(trailers) = trailers {
                    this.note_status(trailers);
                }
                // Nothing follows trailers, and a server need not ask.
                if trailers.is_some() || this.is_out() {
                    this.close(Some(this.begun.outcome), None);
                }
            }
            Some(Err(_)) => this.close(Some(Outcome::BodyFailed), None),
            None => this.close(Some(this.begun.outcome), None),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if self.begun.ticket.is_some() {
            let outcome = self.is_out().then_some(self.begun.outcome);
            self.close(outcome, None);
        }
    }
}
