//! The answer of the handler, kept as it goes out.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum_core::{Error, body::Body};
use bytes::{Bytes, BytesMut};
use futures_util::{future::BoxFuture, task::noop_waker_ref};
use http::{HeaderName, HeaderValue, Response, StatusCode, response};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::{clock::within, rejection::Rejection};

use super::{StoredResponse, running::Running};

/// Pieces that are read of a body before the answer begins; more make it a stream.
const MOST_AHEAD: usize = 64;

/// How long the end of an answer waits for the store to know of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is kept of an answer.
#[derive(Debug)]
pub(super) struct Keeps {
    pub(super) headers: Vec<HeaderName>,
    /// The longest body, in bytes.
    pub(super) longest: usize,
}

/// Whether an answer is what became of the request. What failed on this side, refuses, or asks to
/// come again is not, so that the request may be sent again.
fn is_final(response: &Response<Body>) -> bool {
    let status = response.status();
    let asks_again = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
    );
    let is_refusal = response.extensions().get::<Rejection>().is_some();
    !status.is_informational() && !status.is_server_error() && !asks_again && !is_refusal
}

/// Keeps the answer: at once where its body is at hand, as most are; else that there was one, and the
/// body when it has ended.
pub(super) fn record(
    response: Response<Body>,
    mut running: Running,
    keeps: &Keeps,
) -> Response<Body> {
    if !is_final(&response) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let mut kept = Kept::new(&parts, keeps, body.size_hint().lower());
    let (ahead, rest) = read_ahead(body, &mut kept);
    let Some(rest) = rest else {
        let told = running.keep(Arc::new(kept.response()), None).map(patient);
        return Response::from_parts(
            parts,
            Body::new(Recorded { ahead, told, ..Recorded::default() }),
        );
    };
    let begun = running.keep(Arc::new(kept.response().without_body()), None);
    let recording = (!kept.is_lost).then_some(Recording { kept, running, begun });
    let body = Recorded { ahead, rest: Some(rest), told: None, recording };
    Response::from_parts(parts, Body::new(body))
}

type Pieces = VecDeque<Result<Frame<Bytes>, Error>>;

/// Takes what is at hand; the rest is nothing where that is all.
fn read_ahead(mut body: Body, kept: &mut Kept) -> (Pieces, Option<Body>) {
    let mut ahead = Pieces::new();
    // Whoever has to wait is asked again, by who can wait.
    let mut cx = Context::from_waker(noop_waker_ref());
    while !kept.is_lost && ahead.len() < MOST_AHEAD {
        if body.is_end_stream() {
            return (ahead, None);
        }
        match Pin::new(&mut body).poll_frame(&mut cx) {
            Poll::Ready(None) => return (ahead, None),
            Poll::Ready(Some(Ok(frame))) => {
                kept.see(&frame);
                ahead.push_back(Ok(frame));
            }
            Poll::Ready(Some(Err(error))) => {
                kept.lose();
                ahead.push_back(Err(error));
                return (ahead, None);
            }
            Poll::Pending => break,
        }
    }
    (ahead, Some(body))
}

fn patient(told: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let _ = within(PATIENCE, told).await;
    })
}

/// What was seen of an answer so far.
struct Kept {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: BytesMut,
    longest: usize,
    /// Whether it is no longer whole.
    is_lost: bool,
}

impl Kept {
    fn new(parts: &response::Parts, keeps: &Keeps, size: u64) -> Self {
        let mut headers = Vec::new();
        for name in &keeps.headers {
            let values = parts.headers.get_all(name).iter().filter(|value| !value.is_sensitive());
            headers.extend(values.map(|value| (name.clone(), value.clone())));
        }
        let longest = keeps.longest;
        let is_lost = size > longest as u64;
        Self { status: parts.status, headers, body: BytesMut::new(), longest, is_lost }
    }

    fn see(&mut self, frame: &Frame<Bytes>) {
        match frame.data_ref() {
            Some(data) if self.body.len() + data.len() <= self.longest => {
                self.body.extend_from_slice(data);
            }
            // Trailers are no part of what is kept.
            _ => self.lose(),
        }
    }

    fn lose(&mut self) {
        self.is_lost = true;
        self.body = BytesMut::new();
    }

    fn response(&mut self) -> StoredResponse {
        let response = StoredResponse {
            status: self.status,
            headers: self.headers.clone(),
            body: Some(self.body.split().freeze()),
        };
        if self.is_lost { response.without_body() } else { response }
    }
}

/// An answer under way.
struct Recording {
    kept: Kept,
    running: Running,
    /// The store is being told that there is an answer.
    begun: Option<BoxFuture<'static, ()>>,
}

/// The body of an answer that is kept.
#[derive(Default)]
struct Recorded {
    /// What was read of it already.
    ahead: Pieces,
    rest: Option<Body>,
    /// The store is being told: nothing more goes out before it knows.
    told: Option<BoxFuture<'static, ()>>,
    recording: Option<Recording>,
}

impl Recorded {
    /// The body has ended.
    fn end(&mut self) {
        let Some(mut recording) = self.recording.take() else { return };
        if !recording.kept.is_lost {
            let response = Arc::new(recording.kept.response());
            self.told = recording.running.keep(response, recording.begun).map(patient);
        }
    }

    fn see(&mut self, frame: &Frame<Bytes>, is_last: bool) {
        if let Some(recording) = &mut self.recording {
            recording.kept.see(frame);
        }
        if is_last {
            self.end();
        }
    }
}

impl HttpBody for Recorded {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            if let Some(told) = &mut this.told {
                ready!(told.as_mut().poll(cx));
                this.told = None;
            }
            if let Some(piece) = this.ahead.pop_front() {
                return Poll::Ready(Some(piece));
            }
            let Some(rest) = &mut this.rest else { return Poll::Ready(None) };
            match ready!(Pin::new(&mut *rest).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // A server need not ask for the end of a body whose size it knows.
                    let is_last = rest.is_end_stream() || rest.size_hint().exact() == Some(0);
                    this.see(&frame, is_last);
                    this.ahead.push_back(Ok(frame));
                }
                Some(Err(error)) => {
                    (this.rest, this.recording) = (None, None);
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.rest = None;
                    this.end();
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_rest_over = self.rest.as_ref().is_none_or(HttpBody::is_end_stream);
        self.told.is_none() && self.recording.is_none() && self.ahead.is_empty() && is_rest_over
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.iter().flatten().filter_map(Frame::data_ref);
        let ahead = ahead.map(|data| data.len() as u64).sum::<u64>();
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint
    }
}
