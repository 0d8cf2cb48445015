//! The only service: runs a list of guards around an inner one.

mod explain;
mod finish;
mod future;
mod idle;
mod request_body;
mod response_body;
mod watched;
mod words;

use std::{
    fmt,
    mem::replace,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context as Cx, Poll},
    time::Duration,
};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body::Body as HttpBody;
use tower_layer::Layer;
use tower_service::Service;

pub use future::GuardedFuture;

pub(crate) use explain::explain;

use crate::{
    clock::within,
    guard::{Env, Exchange, Flow, Guard, Guards, drive, halves, run},
    observe::Ticket,
    rejection::{Reason, Rejection},
};

use finish::{Settled, Tail};
use future::Decided;

/// Guards in the order they run, and what they run in.
pub(crate) struct Stack {
    pub(crate) env: Arc<Env>,
    pub(crate) guards: Guards,
}

/// A service behind guards. Made by [`Parapet`](crate::Parapet), by [`layer`], or by any guard of
/// this crate as a layer.
///
/// It takes any body and answers with [`Body`]; its error is the inner service's own, since a
/// refusal is a response.
#[derive(Clone)]
pub struct Guarded<S> {
    pub(crate) stack: Arc<Stack>,
    pub(crate) inner: S,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stack: Arc<Stack>, inner: S) -> Self {
        Self { stack, inner }
    }

    /// Answers without the inner service. What the service reserved as it was polled ready goes back
    /// with the instance that reserved it, and is not kept by a connection that never calls it.
    fn early<F>(&mut self, early: Early, tail: Tail) -> GuardedFuture<F>
    where
        S: Clone,
    {
        self.inner = self.inner.clone();
        GuardedFuture::early(early, tail)
    }

    /// One guard around a service, with nothing else but its own observing half.
    pub(crate) fn alone(guard: Arc<dyn Guard>, inner: S) -> Self {
        let env = Env { halves: halves([&guard].into_iter()), ..Env::alone() };
        let stack = Stack { env: Arc::new(env), guards: Arc::new([guard]) };
        Self::new(Arc::new(stack), inner)
    }
}

impl<S: fmt::Debug> fmt::Debug for Guarded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.stack.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("Guarded").field("guards", &names).field("inner", &self.inner).finish()
    }
}

/// Any guard as a layer by itself.
///
/// The side road: a stack of several guards is cheaper, keeps their order and writes records.
#[derive(Clone)]
pub struct GuardLayer(Arc<dyn Guard>);

/// Makes a layer of one guard.
///
/// # Example
/// ```
/// use tower_parapet::{Exchange, Flow, Guard, Phase, Rejection, layer};
///
/// struct Nothing;
/// impl Guard for Nothing {
///     fn name(&self) -> &'static str { "nothing" }
///     fn phase(&self) -> Phase { Phase::Transport }
///     fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> { Ok(Flow::Continue) }
/// }
/// let guarding = layer(Nothing);
/// ```
pub fn layer(guard: impl Guard) -> GuardLayer {
    GuardLayer(Arc::new(guard))
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded::alone(self.0.clone(), inner)
    }
}

impl fmt::Debug for GuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GuardLayer").field(&self.0.name()).finish()
    }
}

/// Makes guards of this crate layers by themselves; they are cheap to clone.
macro_rules! guard_layer {
    ($($guard:ty),+ $(,)?) => {$(
        impl<S> tower_layer::Layer<S> for $guard {
            type Service = $crate::Guarded<S>;

            fn layer(&self, inner: S) -> Self::Service {
                $crate::Guarded::alone(std::sync::Arc::new(self.clone()), inner)
            }
        }
    )+};
}
pub(crate) use guard_layer;

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = GuardedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Cx<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let mut exchange = Exchange::begin(head, self.stack.env.clone());
        let mut tail = Tail::open(&mut exchange);
        let decided = caught(|| run(&self.stack.guards, 0, &mut exchange));
        if !exchange.probing {
            self.stack.env.diagnoses.saw(exchange.reached);
        }
        match decided {
            Ok(Flow::Continue) if !exchange.wants_body() => {
                match admit(&mut self.inner, exchange, body, &mut tail) {
                    Ok(future) => GuardedFuture::inner(future, tail),
                    Err(rejection) => self.early(Early::Reject(rejection), tail),
                }
            }
            Ok(Flow::Respond(response)) if !exchange.context.is_provisional => {
                tail.settle(&mut exchange);
                self.early(Early::Respond(response), tail)
            }
            Err(rejection) => {
                exchange.note_claim();
                tail.settle(&mut exchange);
                self.early(Early::Reject(rejection), tail)
            }
            Ok(flow) => {
                // The instance that was polled ready is the one to call; the clone is polled anew.
                let clone = self.inner.clone();
                let ready = replace(&mut self.inner, clone);
                tail.settle(&mut exchange);
                let ticket = tail.ticket.clone();
                let deciding = decide(flow, exchange, body, ready, ticket);
                GuardedFuture::deciding(deciding, tail)
            }
        }
    }
}

/// What takes the place of the handler's answer.
pub(crate) enum Early {
    Respond(Box<Response<Body>>),
    Reject(Rejection),
}

impl From<Rejection> for Early {
    fn from(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

/// Runs guards' code; a panic becomes a refusal.
fn caught<T>(f: impl FnOnce() -> Result<T, Rejection>) -> Result<T, Rejection> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|payload| Err(Rejection::panicked(payload.as_ref())))
}

/// Hands an admitted request to the inner service. Inlined, for a request is large to move.
#[inline]
fn admit<S, B>(
    inner: &mut S,
    mut exchange: Exchange,
    body: B,
    tail: &mut Tail,
) -> Result<S::Future, Rejection>
where
    S: Service<Request<Body>>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let wrapped = request_body::wrap(&mut exchange, body);
    if tail.ticket.is_some() {
        exchange.watch_client();
    }
    tail.settle(&mut exchange);
    let wrapped = wrapped?;
    tail.settled.verdict = wrapped.verdict;
    tail.settled.pulse = wrapped.pulse;
    call(inner, exchange, wrapped.body)
}

#[inline]
fn call<S: Service<Request<Body>>>(
    inner: &mut S,
    exchange: Exchange,
    body: Body,
) -> Result<S::Future, Rejection> {
    refuse_unproven(&exchange)?;
    let request = exchange.into_request(body);
    caught(|| Ok(inner.call(request)))
}

/// The handler takes a principal for one that was proven.
fn refuse_unproven(exchange: &Exchange) -> Result<(), Rejection> {
    if !exchange.context.is_provisional {
        return Ok(());
    }
    Err(exchange.context.unauthenticated().found("a claim that no body has borne out"))
}

/// How long guards may wait that are layers by themselves, and know of no handler's deadline.
const GUARDS_ALONE: Duration = Duration::from_secs(30);

/// A guard's answer may be meant for the caller alone: a claim has to be borne out for it, too.
async fn prove<B>(exchange: &mut Exchange, body: B) -> Result<(), Rejection>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if exchange.context.is_provisional && request_body::is_to_be_read(exchange, &body) {
        // What a guard answers now is not for who has been answered.
        if let Err(Early::Reject(rejection)) = request_body::read(exchange, body).await {
            return Err(rejection);
        }
    }
    refuse_unproven(exchange)
}

/// Guards that wait have as long as a handler: what they wait for may never answer.
async fn in_time(flow: Flow, exchange: &mut Exchange) -> Result<Flow, Rejection> {
    if !matches!(flow, Flow::Suspend(_)) {
        return drive(flow, exchange).await;
    }
    let limit = exchange.env.handler_deadline.unwrap_or(GUARDS_ALONE);
    within(limit, drive(flow, exchange)).await.unwrap_or_else(|| {
        Err(Rejection::new(Reason::Unavailable)
            .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
            .expected(format!("guards that decide within {} s", limit.as_secs_f64()))
            .found("a guard that still waits"))
    })
}

/// The slow path: waits for guards, reads the body, and only then calls the inner service.
fn decide<S, B>(
    flow: Flow,
    mut exchange: Exchange,
    body: B,
    mut ready: S,
    mut ticket: Option<Arc<Ticket>>,
) -> BoxFuture<'static, Decided<S::Future>>
where
    S: Service<Request<Body>> + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Box::pin(async move {
        let mut settled = Settled::default();
        let decided = in_time(flow, &mut exchange).await;
        exchange.env.diagnoses.came_to(exchange.reached);
        settled.take(&mut exchange, &mut ticket);
        let admitted = match decided {
            Ok(Flow::Respond(response)) => Err(match prove(&mut exchange, body).await {
                Ok(()) => Early::Respond(response),
                Err(rejection) => Early::Reject(rejection),
            }),
            Ok(_) if request_body::is_to_be_read(&mut exchange, &body) => {
                request_body::read(&mut exchange, body).await
            }
            Ok(_) => {
                request_body::wrap(&mut exchange, body).map_err(Early::Reject).map(|wrapped| {
                    settled.verdict = wrapped.verdict;
                    settled.pulse = wrapped.pulse;
                    wrapped.body
                })
            }
            Err(rejection) => Err(Early::Reject(rejection)),
        };
        if matches!(admitted, Err(Early::Reject(_))) {
            exchange.note_claim();
        }
        settled.take(&mut exchange, &mut ticket);
        let called =
            admitted.and_then(|body| call(&mut ready, exchange, body).map_err(Early::Reject));
        Decided { called, settled, ticket }
    })
}
