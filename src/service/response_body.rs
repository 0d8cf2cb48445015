//! The answer's body: keeps the record open until it has ended or is dropped.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as Cx, Poll, ready},
};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{
    observe::{Outcome, Ticket},
    rejection::Rejection,
};

use super::finish::{Verdict, take_verdict};

pub(super) struct Tracked {
    body: Body,
    ticket: Option<Arc<Ticket>>,
    outcome: Outcome,
    bodiless: bool,
    size: Option<u64>,
    sent: u64,
    /// What is found in the request's body after the answer has begun.
    verdict: Option<Verdict>,
}

impl Tracked {
    pub(super) fn new(
        body: Body,
        ticket: Arc<Ticket>,
        outcome: Outcome,
        bodiless: bool,
        verdict: Option<Verdict>,
    ) -> Self {
        let size = body.size_hint().exact();
        Self { body, ticket: Some(ticket), outcome, bodiless, size, sent: 0, verdict }
    }

    /// Whether nothing is left to send, also where the server never asks for the end.
    fn is_out(&self) -> bool {
        self.bodiless || self.size == Some(self.sent) || self.body.is_end_stream()
    }

    fn close(&mut self, outcome: Option<Outcome>, rejection: Option<Rejection>) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut open = ticket.lock();
        open.record.bytes_out = self.sent;
        if let Some(outcome) = outcome.filter(|_| open.record.outcome != Outcome::Panicked) {
            open.record.outcome = outcome;
        }
        if let Some(rejection) = rejection.or_else(|| take_verdict(self.verdict.as_ref())) {
            open.record.rejection = Some(rejection);
        }
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Cx<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(cx)));
        let frame = match polled {
            Ok(polled) => ready!(polled),
            Err(payload) => {
                let rejection = Rejection::panicked(payload.as_ref());
                this.body = Body::empty();
                this.close(Some(Outcome::Panicked), Some(rejection.clone()));
                return Poll::Ready(Some(Err(rejection.into())));
            }
        };
        match &frame {
            Some(Ok(frame)) => {
                this.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.is_out() {
                    this.close(Some(this.outcome), None);
                }
            }
            Some(Err(_)) => this.close(Some(Outcome::BodyFailed), None),
            None => this.close(Some(this.outcome), None),
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            let outcome = self.is_out().then_some(self.outcome);
            self.close(outcome, None);
        }
    }
}
