use std::{any::Any, borrow::Cow, net::SocketAddr, sync::Arc, time::Duration};

use axum_core::body::Body;
use bytes::Bytes;
#[cfg(feature = "throttle")]
use http::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, request, response};

use crate::{
    clock::SharedClock,
    context::{
        Access, ApiVersion, Channel, ClientAddr, Context, Plain, Principal, RequestId, Route,
        Secure, Tls,
    },
    grpc::Wire,
    rejection::Rejection,
    router,
};

use super::{BodyHook, BodyWatch, Env, Guard, Later, Mode, Rehearsal, Replies, ReplyHook, Signed};

/// A request under judgement: its head, what is known so far, and what guards registered for later.
///
/// Writes of a guard under [`Shadow`](crate::compose::Shadow) are dropped.
pub struct Exchange {
    pub(crate) head: request::Parts,
    pub(crate) context: Context,
    pub(crate) env: Arc<Env>,
    pub(crate) replies: Replies,
    pub(crate) later: Option<Box<Later>>,
    /// The guard on trial, while one is.
    pub(crate) trial: Option<&'static str>,
    pub(crate) nested: bool,
    /// Kept while the request is only played through.
    pub(crate) rehearsal: Option<Box<Rehearsal>>,
    /// The place, from 1, of the guard of the stack that the request came to last.
    pub(crate) reached: usize,
    /// Whether the route was judged by this very stack, and not by one around it.
    pub(crate) judged: bool,
    /// Whether it asks what another origin may do, and a policy has had its say.
    pub(crate) preflight: bool,
    /// Whether it is a health probe by the rules of this very stack.
    pub(crate) probing: bool,
    pub(crate) wire: Option<Wire>,
    now: Option<Duration>,
    unix: Option<Duration>,
}

impl Exchange {
    #[inline(always)]
    pub(crate) fn begin(mut head: request::Parts, env: Arc<Env>) -> Self {
        let outer = head.extensions.remove::<Context>();
        let nested = outer.is_some();
        let mut context = outer.unwrap_or_default();
        if context.peer.is_none() {
            context.peer = env.peer.and_then(|peer| peer.resolve(&head.extensions));
        }
        Self {
            wire: Wire::of(&head),
            head,
            context,
            env,
            replies: Replies::default(),
            later: None,
            trial: None,
            nested,
            rehearsal: None,
            reached: 0,
            judged: false,
            preflight: false,
            probing: false,
            now: None,
            unix: None,
        }
    }

    /// The request's head.
    pub fn head(&self) -> &request::Parts {
        &self.head
    }

    /// The request's method.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The request target as sent by the client, also where a router has stripped a prefix.
    pub fn uri(&self) -> &Uri {
        router::original_uri(&self.head)
    }

    /// The whole path as sent, percent escapes included.
    pub fn path(&self) -> &str {
        self.uri().path()
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The other end of the connection; `None` where the server does not say.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.context.peer
    }

    /// The client's address. Without trusted proxies it is the peer's.
    pub fn client(&self) -> Option<ClientAddr> {
        if self.context.client.is_none() {
            self.diagnose_address();
        }
        self.client_so_far()
    }

    /// Settles where the request comes from.
    pub fn set_client(&mut self, client: ClientAddr) {
        self.context.client = Some(client);
    }

    /// How it is known that nobody could listen in on the request's way, after
    /// [`Phase::Address`](crate::Phase); `None` where it is not known.
    pub fn secure(&self) -> Option<Secure> {
        self.channel().ok()
    }

    /// Settles that nobody could listen in, for a guard that knows it from elsewhere: a listener on
    /// a private line, say.
    pub fn set_secure(&mut self, secure: Secure) {
        self.context.channel = Channel::Secure(secure);
    }

    /// What a trusted proxy said comes before what the connection to it is like.
    pub(crate) fn channel(&self) -> Result<Secure, Plain> {
        let silence = match self.context.channel {
            Channel::Secure(secure) => return Ok(secure),
            Channel::Plain(plain) if plain != Plain::Silent => return Err(plain),
            Channel::Plain(_) => Some(Plain::Silent),
            Channel::Unsettled => None,
        };
        if self.head.extensions.get::<Tls>().is_some() {
            return Ok(Secure::Tls);
        }
        match (silence, self.context.peer) {
            (Some(silent), _) => Err(silent),
            (None, None) => Err(Plain::Unknown),
            (None, Some(peer)) if peer.ip().to_canonical().is_loopback() => Ok(Secure::Loopback),
            (None, Some(_)) => Err(Plain::Direct),
        }
    }

    /// The refusal of a credential that anybody may have read on its way; the record names it.
    #[cold]
    pub(crate) fn leaked(&mut self, plain: Plain, header: &HeaderName) -> Rejection {
        if let Some((key, value)) = plain.note(header) {
            self.note(key, value);
        }
        self.diagnose_channel(plain);
        plain.leaked()
    }

    /// The version of the API that was asked for, once settled.
    pub fn version(&self) -> Option<&ApiVersion> {
        self.context.version.as_ref()
    }

    /// Settles which version of the API is asked for.
    pub fn set_version(&mut self, version: ApiVersion) {
        self.context.version = Some(version);
    }

    /// Who is calling, once authenticated.
    pub fn principal(&self) -> Option<&Principal> {
        self.context.principal.as_ref()
    }

    /// Settles who is calling.
    ///
    /// Who acts for it goes into the record, as the note `actor`.
    pub fn set_principal(&mut self, principal: Principal) {
        if let Some(actor) = principal.actor() {
            self.note("actor", actor.to_string());
        }
        self.context.principal = Some(principal);
    }

    /// The rule the request is judged by; `None` without a route table.
    pub fn route(&self) -> Option<&Route> {
        self.context.route.as_deref()
    }

    pub(crate) fn set_route(&mut self, route: Arc<Route>) {
        self.probing = *route.access() == Access::Probe;
        if !self.is_rehearsal() {
            route.seen.mark();
        }
        self.context.route = Some(route);
        self.judged = true;
    }

    /// The request's id, made when first asked for.
    pub fn request_id(&mut self) -> RequestId {
        if let Some(id) = &self.context.request_id {
            return id.clone();
        }
        let id = RequestId::at(self.unix());
        self.context.request_id = Some(id.clone());
        id
    }

    /// Monotonic time, read once per request.
    pub fn now(&mut self) -> Duration {
        *self.now.get_or_insert_with(|| self.env.clock.now())
    }

    /// Wall-clock time since the Unix epoch, read once per request.
    pub fn unix(&mut self) -> Duration {
        *self.unix.get_or_insert_with(|| self.env.clock.unix())
    }

    /// Replaces a header the handler will see.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        if self.trial.is_none() {
            self.head.headers.insert(name, value);
        }
    }

    /// Hides a header from the handler.
    pub fn remove_header(&mut self, name: &HeaderName) {
        if self.trial.is_none() {
            self.head.headers.remove(name);
        }
    }

    /// Leaves an extension for the handler.
    pub fn insert<T: Clone + Send + Sync + 'static>(&mut self, extension: T) {
        if self.trial.is_none() {
            self.head.extensions.insert(extension);
        }
    }

    /// Stamps a header on the response, be it the handler's or a rejection.
    pub fn reply_header(&mut self, mode: Mode, name: HeaderName, value: HeaderValue) {
        if self.trial.is_none() {
            self.replies.one(mode, name, value);
        }
    }

    /// Stamps a prebuilt set of headers; a header the handler sets itself wins.
    pub fn reply_headers(&mut self, set: &Arc<HeaderMap>) {
        if self.trial.is_none() {
            self.replies.defaults(set.clone());
        }
    }

    /// Takes headers that the handler sets out of the response, before those that guards stamp later.
    pub(crate) fn reply_without(&mut self, names: &'static [HeaderName]) {
        if self.trial.is_none() {
            self.replies.without(names);
        }
    }

    /// Runs once the handler has answered; the last to register runs first. A refusal takes the
    /// place of the answer.
    pub fn on_reply(
        &mut self,
        hook: impl FnOnce(&mut response::Parts) -> Result<(), Rejection> + Send + Sync + 'static,
    ) {
        if self.trial.is_none() {
            self.later().reply_hooks.push(Signed::new(ReplyHook::Head(Box::new(hook))));
        }
    }

    /// As [`on_reply`](Self::on_reply), for who needs the body of the handler's answer, too. A guard
    /// that may do this is a part of the crate: what it gives back is not measured against what the
    /// head says of it.
    #[cfg(feature = "throttle")]
    pub(crate) fn on_answer(
        &mut self,
        hook: impl FnOnce(Response<Body>) -> Response<Body> + Send + Sync + 'static,
    ) {
        if self.trial.is_none() {
            self.later().reply_hooks.push(Signed::new(ReplyHook::Whole(Box::new(hook))));
        }
    }

    /// Whether what the guard that is asked writes is dropped, and no hook of its runs.
    #[cfg(feature = "throttle")]
    pub(crate) fn is_on_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// Adds an attribute to the request's record.
    pub fn note(&mut self, key: &'static str, value: impl Into<Cow<'static, str>>) {
        let note = (key, value.into());
        self.later().notes.push(note);
    }

    /// Keeps something until the response body has ended or is dropped, and past an upgrade until
    /// the handler's [`Lease`](crate::context::Lease) is.
    pub fn hold(&mut self, permit: impl Any + Send + Sync) {
        if self.trial.is_none() {
            self.later().permits.push(Box::new(permit));
        }
    }

    /// Caps the body at `limit` bytes, also while the handler reads it. Nothing is buffered. The
    /// smallest cap counts.
    pub fn cap_body(&mut self, limit: u64) {
        if self.trial.is_none() {
            let cap = &mut self.later().cap;
            *cap = Some(cap.map_or(limit, |old| old.min(limit)));
        }
    }

    /// Holds each message of a stream to a size, in place of the body as a whole. A guard that may do
    /// this is a part of the crate: it lifts a limit.
    pub(crate) fn frame_messages(&mut self, limit: Option<u64>) {
        if self.trial.is_none() {
            self.later().messages = Some(limit);
        }
    }

    /// Reads the whole body, at most `limit` bytes, before the handler runs. `Some` replaces it for
    /// every later hook and for the handler, and fixes the framing headers.
    ///
    /// It is read once however many ask, to the smallest limit, under the stack's deadline.
    pub fn read_body(
        &mut self,
        limit: usize,
        hook: impl FnOnce(&mut Exchange, &Bytes) -> Result<Option<Bytes>, Rejection>
        + Send
        + Sync
        + 'static,
    ) {
        let trial = self.trial;
        let hook = BodyHook { limit, trial, hook: Box::new(hook) };
        self.later().body_hooks.push(Signed::new(hook));
    }

    /// Judges the body while the handler reads it.
    pub fn watch_body(&mut self, watch: impl BodyWatch) {
        if self.trial.is_none() {
            self.later().watches.push(Signed::new(Box::new(watch)));
        }
    }

    /// The request for the handler, with the context as its one extension.
    #[inline(always)]
    pub(crate) fn into_request(mut self, body: Body) -> Request<Body> {
        if let Some(id) = self.context.request_id.as_ref().filter(|_| self.env.ids.everywhere) {
            self.head.headers.insert(self.env.ids.header.clone(), id.to_header());
        }
        if self.context.principal.as_ref().is_some_and(|caller| caller.expires_at().is_some()) {
            self.context.clock = Some(SharedClock(self.env.clock.clone()));
        }
        if !self.context.is_empty() {
            self.head.extensions.insert(self.context);
        }
        Request::from_parts(self.head, body)
    }

    /// The rule of the very stack that runs, and not of one around it.
    pub(crate) fn own_route(&self) -> Option<&Route> {
        self.context.route.as_deref().filter(|_| self.judged)
    }

    pub(crate) fn wants_body(&self) -> bool {
        self.later.as_ref().is_some_and(|later| !later.body_hooks.is_empty())
    }

    pub(crate) fn sign(&mut self, guard: &dyn Guard) {
        if let Some(later) = self.later.as_mut() {
            later.sign(guard.name());
        }
    }

    pub(super) fn later(&mut self) -> &mut Later {
        self.later.get_or_insert_default()
    }
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("method", self.method())
            .field("path", &self.path())
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
