use std::{
    sync::{Arc, LazyLock, atomic::AtomicBool},
    time::Duration,
};

use axum_core::body::Body;
use http::{HeaderName, Response, request};

use super::Guard;
use crate::{
    clock::{Clock, SystemClock},
    context::Peer,
    inspect::Diagnoses,
    observe::Observer,
    problem::Problem,
};

pub(crate) type Render = Arc<dyn Fn(&Problem<'_>, &request::Parts) -> Response<Body> + Send + Sync>;

/// What a stack gives to every exchange, beside its guards.
pub(crate) struct Env {
    pub(crate) clock: Arc<dyn Clock>,
    /// Whom the operator asked to be told.
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    /// The observing halves of guards, each once.
    pub(crate) halves: Vec<Arc<dyn Observer>>,
    pub(crate) render: Option<Render>,
    pub(crate) peer: Option<Peer>,
    /// The headers that the stack's schemes read credentials from.
    pub(crate) credentials: Vec<HeaderName>,
    /// Where clients read how to get a token, for challenges (RFC 9728).
    pub(crate) resource_metadata: Option<Arc<str>>,
    pub(crate) body_limit: u64,
    /// How much of a body is kept for guards that name no limit, where nothing else does.
    pub(crate) unnamed_limit: u64,
    pub(crate) body_deadline: Duration,
    pub(crate) handler_deadline: Option<Duration>,
    pub(crate) idle_deadline: Option<Duration>,
    /// Set once the service is about to end.
    pub(crate) withdrawn: AtomicBool,
    pub(crate) ids: Ids,
    pub(crate) diagnoses: Arc<Diagnoses>,
}

/// How the id of a request is told.
pub(crate) struct Ids {
    /// Where trusted proxies write it, and answers bear it.
    pub(crate) header: HeaderName,
    /// Whether every answer bears it, and the handler's request; else refusals only.
    pub(crate) everywhere: bool,
}

impl Default for Ids {
    fn default() -> Self {
        Self { header: HeaderName::from_static("x-request-id"), everywhere: false }
    }
}

impl Env {
    /// For one guard by itself: it does its own job and nothing else.
    pub(crate) fn alone() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            observers: Vec::new(),
            halves: Vec::new(),
            render: None,
            peer: Some(Peer::WHEREVER),
            credentials: Vec::new(),
            resource_metadata: None,
            body_limit: u64::MAX,
            unnamed_limit: BODY_LIMIT,
            body_deadline: BODY_DEADLINE,
            handler_deadline: None,
            withdrawn: AtomicBool::new(false),
            ids: Ids::default(),
            diagnoses: ALONE.clone(),
            idle_deadline: None,
        }
    }
}

/// Layers by themselves are many, and may be made anew for each request: what they see is told once
/// for the process.
static ALONE: LazyLock<Arc<Diagnoses>> = LazyLock::new(Arc::default);

/// The observing halves of guards. One that stands in several places is told once all the same.
pub(crate) fn halves<'a>(
    guards: impl Iterator<Item = &'a Arc<dyn Guard>>,
) -> Vec<Arc<dyn Observer>> {
    let mut halves: Vec<Arc<dyn Observer>> = Vec::new();
    for half in guards.filter_map(|guard| guard.observer()) {
        let is_same =
            |known: &Arc<dyn Observer>| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(&half));
        if !halves.iter().any(is_same) {
            halves.push(half);
        }
    }
    halves
}

/// The largest body, in bytes, where nothing else is said: 1 MiB.
pub(crate) const BODY_LIMIT: u64 = 1 << 20;

/// A body that has not arrived after this long is given up on.
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(30);

#[cfg(any(test, fuzzing))]
impl super::Exchange {
    /// An exchange outside of a stack, for unit tests of guards; the peer comes from `PeerAddr`.
    pub(crate) fn test(request: http::Request<()>, clock: impl Clock) -> Self {
        Self::test_with(request, clock, Arc::default())
    }

    /// One of several that share their diagnoses.
    pub(crate) fn test_with(
        request: http::Request<()>,
        clock: impl Clock,
        diagnoses: Arc<Diagnoses>,
    ) -> Self {
        let env = Env { clock: Arc::new(clock), diagnoses, ..Env::alone() };
        Self::begin(request.into_parts().0, Arc::new(env))
    }
}
