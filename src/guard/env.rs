use std::{sync::Arc, time::Duration};

use axum_core::body::Body;
use http::{Response, request};

use crate::{
    clock::{Clock, SystemClock},
    context::Peer,
    observe::Observer,
    problem::Problem,
};

pub(crate) type Render = Arc<dyn Fn(&Problem<'_>, &request::Parts) -> Response<Body> + Send + Sync>;

/// What a stack gives to every exchange, beside its guards.
pub(crate) struct Env {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) render: Option<Render>,
    pub(crate) peer: Option<Peer>,
    pub(crate) body_limit: u64,
    pub(crate) body_deadline: Duration,
    pub(crate) handler_deadline: Option<Duration>,
}

impl Env {
    /// For one guard by itself: it does its own job and nothing else.
    pub(crate) fn alone() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            observers: Vec::new(),
            render: None,
            peer: Some(Peer::WHEREVER),
            body_limit: u64::MAX,
            body_deadline: BODY_DEADLINE,
            handler_deadline: None,
        }
    }
}

/// A body that has not arrived after this long is given up on.
pub(crate) const BODY_DEADLINE: Duration = Duration::from_secs(30);

#[cfg(test)]
impl super::Exchange {
    /// An exchange outside of a stack, for unit tests of guards; the peer comes from `PeerAddr`.
    pub(crate) fn test(request: http::Request<()>, clock: impl Clock) -> Self {
        let env = Env { clock: Arc::new(clock), ..Env::alone() };
        Self::begin(request.into_parts().0, Arc::new(env))
    }
}
