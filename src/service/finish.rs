//! From the inner service's answer, or a refusal, to the response that goes out.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum_core::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header, request};
use http_body::Body as _;

use crate::{
    context::RequestId,
    grpc::{self, Wire},
    guard::{Env, Exchange, Replies, ReplyHook, Signed},
    inspect::Diagnosis,
    observe::{Outcome, Ticket},
    problem::{Kept, Problem, dress},
    rejection::{Reason, Rejection},
};

use super::{
    Early, caught,
    idle::{Patience, Pulse},
    response_body::{Begun, Tracked},
    words::{carry_over, pointing},
};

/// A refusal that arises while the handler reads the body.
pub(crate) type Verdict = Arc<Mutex<Option<Rejection>>>;

pub(crate) fn take_verdict(verdict: Option<&Verdict>) -> Option<Rejection> {
    verdict?.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What the guards left for the response.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) replies: Replies,
    pub(crate) reply_hooks: Vec<Signed<ReplyHook>>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) deadline: Option<Duration>,
    idle: Option<Duration>,
    pub(crate) pulse: Option<Arc<Pulse>>,
    head: Option<Box<request::Parts>>,
}

impl Settled {
    /// Takes over what the exchange holds so far. Permits get a ticket of their own where there is
    /// none that would hold them.
    pub(crate) fn take(&mut self, exchange: &mut Exchange, ticket: &mut Option<Arc<Ticket>>) {
        self.replies.extend(std::mem::take(&mut exchange.replies));
        self.deadline =
            exchange.own_route().and_then(|route| route.deadline).or(exchange.env.handler_deadline);
        self.idle = exchange
            .own_route()
            .and_then(|route| route.streams.idle)
            .or(exchange.env.idle_deadline);
        let outer = match ticket {
            Some(_) => None,
            None => exchange.context.ticket.as_ref().and_then(Weak::upgrade),
        };
        if ticket.is_some() || outer.is_some() || exchange.env.ids.everywhere {
            exchange.request_id();
        }
        self.request_id.clone_from(&exchange.context.request_id);
        let holds = exchange.later.as_ref().is_some_and(|later| later.outlives_the_answer());
        if holds && ticket.is_none() && outer.is_none() {
            *ticket = Some(Ticket::open(exchange, false));
        }
        if let Some(ticket) = ticket.as_ref().or(outer.as_ref()) {
            let mut open = ticket.lock();
            if let Some(id) = &self.request_id {
                open.record.request_id.clone_from(id);
            }
            open.record.client = exchange.client_so_far();
            open.record.is_client_proxy = exchange.context.is_client_proxy;
            open.record.is_cross_site = exchange.context.is_cross_site;
            open.record.secure = exchange.context.channel.secure();
            open.record.version.clone_from(&exchange.context.version);
            let is_proven = !exchange.context.is_provisional;
            open.record.principal = exchange.context.principal.clone().filter(|_| is_proven);
            open.record.route.clone_from(&exchange.context.route);
            if let Some(later) = exchange.later.as_mut() {
                open.record.notes.append(&mut later.notes);
                open.permits.append(&mut later.permits);
                open.ends.append(&mut later.ends);
            }
        }
        if let Some(later) = exchange.later.as_mut() {
            self.reply_hooks.append(&mut later.reply_hooks);
        }
    }

    fn join(&mut self, late: Settled) {
        self.replies.extend(late.replies);
        self.reply_hooks.extend(late.reply_hooks);
        self.verdict = late.verdict;
        self.request_id = late.request_id;
        self.deadline = late.deadline;
        self.idle = late.idle;
        self.pulse = late.pulse;
    }
}

/// A head for the renderer, without extensions: they belong to the handler's request.
fn bare_head(head: &request::Parts) -> request::Parts {
    let mut bare = http::Request::new(()).into_parts().0;
    bare.method = head.method.clone();
    bare.uri = head.uri.clone();
    bare.version = head.version;
    bare.headers = head.headers.clone();
    bare
}

/// Marks a refusal that a stack has put into words.
#[derive(Clone, Copy)]
struct Worded;

/// What an answer still needs on its way out.
pub(crate) struct Tail {
    env: Arc<Env>,
    pub(crate) ticket: Option<Arc<Ticket>>,
    pub(crate) settled: Settled,
    nested: bool,
    connect: bool,
    bodiless: bool,
    wire: Option<Wire>,
}

impl Tail {
    #[inline]
    pub(crate) fn open(exchange: &mut Exchange) -> Self {
        Self {
            ticket: Ticket::open_or_join(exchange),
            settled: Settled::default(),
            nested: exchange.nested,
            connect: exchange.head.method == Method::CONNECT,
            bodiless: exchange.head.method == Method::HEAD,
            wire: exchange.wire,
            env: exchange.env.clone(),
        }
    }

    /// Keeps what is settled so far, so that it outlives a panic further on, and a client that
    /// leaves.
    pub(crate) fn settle(&mut self, exchange: &mut Exchange) {
        self.settled.take(exchange, &mut self.ticket);
        if exchange.env.render.is_some() {
            self.settled.head = Some(Box::new(bare_head(&exchange.head)));
        }
    }

    /// Adds what was settled on the slow path.
    pub(crate) fn join(&mut self, settled: Settled, ticket: Option<Arc<Ticket>>) {
        self.settled.join(settled);
        self.ticket = self.ticket.take().or(ticket);
    }

    /// The inner service failed with an error of its own, unless it only passed on ours.
    pub(crate) fn fail<E>(self, error: E) -> Result<Response<Body>, E> {
        if let Some(rejection) = self.verdict() {
            return Ok(self.refuse(Early::Reject(rejection)));
        }
        if let Some(ticket) = &self.ticket {
            ticket.lock().record.outcome = Outcome::Failed;
        }
        Err(error)
    }

    /// What was found so far in the body that the handler reads.
    fn verdict(&self) -> Option<Rejection> {
        take_verdict(self.settled.verdict.as_ref())
    }

    pub(crate) fn refuse(self, early: Early) -> Response<Body> {
        match early {
            Early::Respond(response) => self.finish(*response, Outcome::Responded),
            Early::Reject(rejection) => {
                let response = self.put_into_words(rejection);
                self.finish(response, Outcome::Rejected)
            }
        }
    }

    /// Inner stacks only say what they refused, unless they were given words of their own; the
    /// outermost one puts it into words, where nobody did whose words it has to keep.
    fn put_into_words(&self, rejection: Rejection) -> Response<Body> {
        let rejection = match &self.env.resource_metadata {
            Some(url) => pointing(rejection, url),
            None => rejection,
        };
        let mut response = if self.nested && self.env.render.is_none() {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = rejection.status();
            response
        } else {
            let id = self.request_id();
            let mut response = self.render(&rejection, &id);
            response.headers_mut().insert(self.env.ids.header.clone(), id.to_header());
            response.extensions_mut().insert(Worded);
            response
        };
        dress(&mut response, rejection);
        response
    }

    /// Whether this stack has words for a refusal that comes from further in.
    fn has_words_for(&self, response: &Response<Body>) -> bool {
        if response.extensions().get::<Kept>().is_some() {
            return false;
        }
        let is_worded = || response.extensions().get::<Worded>().is_some();
        self.env.render.is_some() || (!self.nested && !is_worded())
    }

    fn render(&self, rejection: &Rejection, id: &RequestId) -> Response<Body> {
        let problem = Problem::of(rejection).with_request_id(id);
        if let Some(wire) = self.wire {
            return grpc::to_response(&problem, rejection, wire);
        }
        match (&self.env.render, &self.settled.head) {
            (Some(render), Some(head)) => {
                caught(|| Ok(render(&problem, head))).unwrap_or_else(|_| problem.to_response())
            }
            _ => problem.to_response(),
        }
    }

    /// The request's id, made where nothing needed it so far.
    fn request_id(&self) -> RequestId {
        let made = || RequestId::at(self.env.clock.unix());
        self.settled.request_id.clone().unwrap_or_else(made)
    }

    /// The usual answer in short, and in place, for a response is large to move: nobody has a say
    /// but those who left headers for it. Nothing is done where that is not so.
    #[inline]
    pub(crate) fn answers(&mut self, response: &mut Response<Body>) -> bool {
        let is_usual = self.settled.verdict.is_none()
            && self.settled.reply_hooks.is_empty()
            && self.is_done_with(response)
            && response.extensions().get::<Rejection>().is_none();
        if is_usual {
            std::mem::take(&mut self.settled.replies).stamp(response.headers_mut());
        }
        is_usual
    }

    pub(crate) fn answer(mut self, response: Response<Body>) -> Response<Body> {
        let response = match self.verdict().map_or_else(|| self.run_hooks(response), Err) {
            Ok(response) => response,
            Err(rejection) => return self.refuse(Early::Reject(rejection)),
        };
        match response.extensions().get::<Rejection>() {
            Some(rejection) if self.has_words_for(&response) => {
                let rejection = rejection.clone();
                let told = || response.extensions().get::<RequestId>().cloned();
                self.settled.request_id = self.settled.request_id.take().or_else(told);
                let mut rendered = self.put_into_words(rejection);
                carry_over(&response, &mut rendered);
                self.finish(rendered, Outcome::Rejected)
            }
            Some(_) => self.finish(response, Outcome::Rejected),
            None => self.finish(response, Outcome::Answered),
        }
    }

    fn run_hooks(&mut self, response: Response<Body>) -> Result<Response<Body>, Rejection> {
        if self.settled.reply_hooks.is_empty() {
            return Ok(response);
        }
        let hooks = std::mem::take(&mut self.settled.reply_hooks);
        caught(|| {
            hooks.into_iter().rev().try_fold(response, |response, hook| {
                hook.doing(|hook| match hook {
                    ReplyHook::Head(hook) => {
                        let (mut parts, body) = response.into_parts();
                        hook(&mut parts).map(|()| Response::from_parts(parts, body))
                    }
                    ReplyHook::Whole(hook) => Ok(hook(response)),
                })
            })
        })
    }

    /// Puts the id on every answer, where that was asked for; a refusal in words has it already.
    fn bear_id(&self, response: &mut Response<Body>) {
        if !self.env.ids.everywhere || response.extensions().get::<Worded>().is_some() {
            return;
        }
        let Some(id) = &self.settled.request_id else { return };
        let told = response.headers_mut().insert(self.env.ids.header.clone(), id.to_header());
        if let Some(other) = told.filter(|other| other != id.encode(&mut [0; 36])) {
            self.env.diagnoses.tell(Diagnosis::ForeignRequestId, || {
                format!("the service answered with {} `{other:?}`", self.env.ids.header)
            });
        }
    }

    fn finish(mut self, mut response: Response<Body>, outcome: Outcome) -> Response<Body> {
        std::mem::take(&mut self.settled.replies).stamp(response.headers_mut());
        if self.is_done_with(&response) {
            return response;
        }
        self.bear_id(&mut response);
        if self.nested
            && let Some(id) = self.settled.request_id.clone()
            && response.extensions().get::<Rejection>().is_some()
        {
            // Further out it is put into words, under the id that its record has.
            response.extensions_mut().insert(id);
        }
        let status = response.status();
        let upgraded = outcome == Outcome::Answered
            && (status == StatusCode::SWITCHING_PROTOCOLS || (self.connect && status.is_success()));
        let outcome = if upgraded { Outcome::Upgraded } else { outcome };
        let is_grpc = self.wire.is_some() && Wire::declared(response.headers()).is_some();
        if let Some(ticket) = &self.ticket {
            self.begin_record(ticket, &response, outcome, is_grpc);
            if upgraded || is_event_stream(&response) {
                ticket.tell_opened(outcome);
            }
        }
        let bodiless = upgraded
            || self.bodiless
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let is_stream = !bodiless && response.body().size_hint().exact().is_none();
        let idle = self.settled.idle.filter(|_| is_stream);
        let pulse = || self.settled.pulse.clone().unwrap_or_else(Pulse::start);
        let patience = idle.map(|limit| Patience::new(limit, pulse()));
        let ends_with_status = is_grpc && self.wire == Some(Wire::Grpc);
        let is_tracked = self.ticket.is_some() || patience.is_some();
        if !is_tracked && (!ends_with_status || self.settled.verdict.is_none()) {
            return response;
        }
        let begun = Begun {
            outcome,
            bodiless,
            patience,
            grpc: ends_with_status.then(|| (self.env.ids.header.clone(), self.request_id())),
            ticket: self.ticket,
            verdict: self.settled.verdict,
        };
        response.map(|body| Body::new(Tracked::new(body, begun)))
    }

    /// Whether nobody has more to say, nor waits for the end of the body: the usual case where no
    /// record is kept, in short.
    fn is_done_with(&self, response: &Response<Body>) -> bool {
        self.ticket.is_none()
            && !self.nested
            && !self.env.ids.everywhere
            && self.wire.is_none()
            && (self.settled.idle.is_none() || response.body().size_hint().exact().is_some())
    }

    fn begin_record(
        &self,
        ticket: &Ticket,
        response: &Response<Body>,
        outcome: Outcome,
        is_grpc: bool,
    ) {
        let mut open = ticket.lock();
        let record = &mut open.record;
        record.status = Some(response.status());
        record.rejection = response.extensions().get::<Rejection>().cloned();
        record.outcome = match &record.rejection {
            Some(why) if why.reason() == Reason::Panicked => Outcome::Panicked,
            // An answer is only that once its body is out; until then it can be cut short.
            _ if outcome == Outcome::Answered => Outcome::Cancelled,
            _ => outcome,
        };
        if is_grpc {
            open.note_grpc_status(response.headers());
        }
    }
}

/// Whether the answer is a stream of events, which lasts as long as both sides like.
fn is_event_stream(response: &Response<Body>) -> bool {
    let media_type = |value: &HeaderValue| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
    };
    response.body().size_hint().exact().is_none()
        && response.headers().get(header::CONTENT_TYPE).is_some_and(media_type)
}
