use std::{fmt, sync::Arc, time::Duration};

use crate::{
    guard::{Guard, Guards, Phase},
    inspect::Seen,
    observe::Sample,
    path::Separators,
};

/// Who may call a route at all; what the caller must hold beyond that is a guard of the route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Anyone; credentials are not looked at. The reason is shown in the manifest.
    Public {
        /// Why it is public.
        reason: Arc<str>,
    },
    /// Health probes: anyone, from anywhere, for any host, as often as they like.
    Probe,
    /// Anyone; credentials that are sent must be good.
    Optional,
    /// Authenticated callers only. The default of a route nobody mentioned.
    Authenticated,
}

/// What a route says of bodies that take long, in place of what the stack does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streams {
    /// How long one may stand still.
    pub(crate) idle: Option<Duration>,
    /// The least pace of a request's body, in bytes a second.
    pub(crate) pace: Option<u64>,
}

/// The rule of the policy that a request is judged by.
#[derive(Clone)]
pub struct Route {
    pub(crate) pattern: Arc<str>,
    pub(crate) listed: bool,
    pub(crate) access: Access,
    pub(crate) body_limit: Option<u64>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) separators: Separators,
    /// Its own policy for other origins, which applies to preflights too.
    pub(crate) cross_origin: Option<Arc<dyn Guard>>,
    pub(crate) streams: Streams,
    /// Whether people open it in a browser.
    pub(crate) is_browser: bool,
    /// Whether the stack answers for it by itself, so that no router knows it.
    pub(crate) is_answered: bool,
    /// Whether a guard of its own authenticates, in place of the stack's schemes.
    pub(crate) own_authentication: bool,
    pub(crate) guards: Vec<(Phase, Guards)>,
    /// Which of its records are told, where not all are.
    pub(crate) sample: Option<Arc<Sample>>,
    pub(crate) seen: Seen,
}

impl Route {
    pub(crate) fn new(pattern: impl Into<Arc<str>>, access: Access) -> Self {
        Self {
            pattern: pattern.into(),
            listed: true,
            access,
            body_limit: None,
            deadline: None,
            separators: Separators::Refused,
            cross_origin: None,
            is_browser: false,
            is_answered: false,
            own_authentication: false,
            streams: Streams::default(),
            guards: Vec::new(),
            sample: None,
            seen: Seen::default(),
        }
    }

    /// The pattern in axum's syntax, `/orders/{id}` say; `*` stands for every unlisted route.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the policy names this route; what it does not name is closed by default.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// Who may call it at all.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The route's own guards of one phase.
    pub(crate) fn guards(&self, phase: Phase) -> Option<&Guards> {
        self.guards.iter().find(|(of, _)| *of == phase).map(|(_, guards)| guards)
    }

    /// The route's own guards of all phases, in the order they run.
    pub(crate) fn flat_guards(&self) -> impl Iterator<Item = Arc<dyn Guard>> {
        self.guards.iter().flat_map(|(_, guards)| guards.iter().cloned())
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("pattern", &self.pattern)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
