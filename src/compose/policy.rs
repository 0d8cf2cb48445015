use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, header};

use crate::{
    context::{Access, Streams},
    error::Mistakes,
    guard::{Exchange, Flow, Guard, IntoGuard, Mode, Phase},
    observe::Sample,
    path::Separators,
    rejection::Rejection,
};

/// Swagger UI, Redoc and their like, served by the service itself: inline styles, no inline scripts.
const DOCS: &str = "default-src 'none'; connect-src 'self'; font-src 'self'; img-src 'self' data:; \
                    script-src 'self'; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
                    form-action 'none'; frame-ancestors 'none'";

/// What a route asks of a request: who may call, under which guards and limits of its own.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_parapet::compose::Policy;
///
/// let uploads = Policy::authenticated()
///     .body_limit(64 << 20)
///     .deadline(Duration::from_secs(300));
/// ```
#[derive(Clone)]
pub struct Policy {
    pub(crate) access: Access,
    pub(crate) guards: Vec<Arc<dyn Guard>>,
    pub(crate) body_limit: Option<u64>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) separators: Separators,
    pub(crate) cross_origin: Option<Arc<dyn Guard>>,
    pub(crate) sample: Option<Arc<Sample>>,
    pub(crate) is_browser: bool,
    pub(crate) is_answered: bool,
    pub(crate) own_authentication: bool,
    pub(crate) streams: Streams,
    pub(crate) mistakes: Mistakes,
}

impl Policy {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            guards: Vec::new(),
            body_limit: None,
            deadline: None,
            separators: Separators::Refused,
            cross_origin: None,
            sample: None,
            is_browser: false,
            is_answered: false,
            own_authentication: false,
            streams: Streams::default(),
            mistakes: Mistakes::default(),
        }
    }

    /// For any authenticated caller.
    pub fn authenticated() -> Self {
        Self::new(Access::Authenticated)
    }

    /// For callers whom this guard authenticates, a webhook's sender say, and for nobody else: the
    /// schemes of the stack are not asked on the route. A guard that lets a request through without
    /// settling a principal opens nothing.
    pub fn authenticated_by(guard: impl IntoGuard) -> Self {
        let policy = Self::authenticated().guard(guard);
        Self { own_authentication: true, ..policy }
    }

    /// For anyone; credentials that are sent must be good, and are then known to the handler.
    pub fn optional() -> Self {
        Self::new(Access::Optional)
    }

    /// Adds a guard that runs on this route only, in its own phase.
    ///
    /// The route is judged in [`Phase::Record`](crate::Phase::Record), so a guard of that phase is
    /// refused when the table is built.
    pub fn guard(mut self, guard: impl IntoGuard) -> Self {
        self.guards.extend(self.mistakes.absorb("guard", guard.into_guard()));
        self
    }

    /// The largest body in bytes, in place of the stack's 1 MiB.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// How long the handler may take to its first byte, in place of the stack's 30 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.mistakes.refuse_zero("deadline", deadline);
        self.deadline = Some(deadline);
        self
    }

    /// Lets `%2F` and `%5C` through, as text within a segment: `/files/a%2Fb` is judged by
    /// `/files/{name}`, and a handler that decodes the name gets `a/b`. Anywhere else such a path is
    /// refused. Dot segments stay refused, beside an encoded separator too.
    pub fn encoded_slashes(mut self) -> Self {
        self.separators = Separators::Text;
        self
    }

    /// Lets the caller keep answers, to be asked for anew each time (`private, no-cache`), in place
    /// of `no-store`. A handler that knows better sets its own `Cache-Control`.
    pub fn cacheable(self) -> Self {
        self.guard(Sends::one(header::CACHE_CONTROL, "private, no-cache"))
    }

    /// For pages of documentation: a `Content-Security-Policy` under which a page may load scripts,
    /// styles, fonts and images of its own origin, in place of the one that runs nothing.
    pub fn docs(self) -> Self {
        self.guard(Sends::one(header::CONTENT_SECURITY_POLICY, DOCS))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("Policy")
            .field("access", &self.access)
            .field("guards", &names)
            .field("body_limit", &self.body_limit)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Stamps a header on the answers of a route, before the stack's own default for it.
struct Sends(HeaderName, HeaderValue);

impl Sends {
    fn one(name: HeaderName, value: &'static str) -> Self {
        Self(name, HeaderValue::from_static(value))
    }
}

impl Guard for Sends {
    fn name(&self) -> &'static str {
        "route-headers"
    }

    fn phase(&self) -> Phase {
        Phase::Reply
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        exchange.reply_header(Mode::Default, self.0.clone(), self.1.clone());
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("sends {}: {}", self.0, self.1.to_str().unwrap_or_default()))
    }
}
