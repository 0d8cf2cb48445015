use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase},
    inspect::{Findings, Readiness, Seen, never},
    observe::Observer,
    rejection::Rejection,
    service::guard_layer,
};

type Predicate = Arc<dyn Fn(&Exchange) -> bool + Send + Sync>;

/// A guard that applies only where a predicate holds.
///
/// The predicate says the earliest phase at which what it reads is settled: one that reads the
/// principal needs [`Phase::Authenticate`] behind it. A guard of an earlier phase cannot be
/// combined with it.
///
/// # Example
/// ```
/// use tower_parapet::{Exchange, Flow, Guard, Phase, Rejection, compose::When};
///
/// struct Slow;
/// impl Guard for Slow {
///     fn name(&self) -> &'static str { "slow" }
///     fn phase(&self) -> Phase { Phase::Content }
///     fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> { Ok(Flow::Continue) }
/// }
/// let writes = When::request(|exchange| exchange.method() == "POST", Slow)?;
/// let callers = When::caller(|exchange| exchange.principal().is_some(), Slow)?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct When {
    predicate: Predicate,
    guard: Arc<dyn Guard>,
    held: Arc<Seen>,
}

impl When {
    /// By what is known from the start: the request's head.
    ///
    /// # Errors
    /// The mistakes of the guard's builder.
    pub fn request(
        predicate: impl Fn(&Exchange) -> bool + Send + Sync + 'static,
        guard: impl IntoGuard,
    ) -> Result<Self, ConfigError> {
        Self::after(Phase::Record, predicate, guard)
    }

    /// By the client's address.
    ///
    /// # Errors
    /// The mistakes of the guard's builder; a guard that runs before the address is settled.
    pub fn client(
        predicate: impl Fn(&Exchange) -> bool + Send + Sync + 'static,
        guard: impl IntoGuard,
    ) -> Result<Self, ConfigError> {
        Self::after(Phase::Transport, predicate, guard)
    }

    /// By the judged route.
    ///
    /// # Errors
    /// The mistakes of the guard's builder; a guard that runs before the route is judged.
    pub fn route(
        predicate: impl Fn(&Exchange) -> bool + Send + Sync + 'static,
        guard: impl IntoGuard,
    ) -> Result<Self, ConfigError> {
        Self::after(Phase::EdgeThrottle, predicate, guard)
    }

    /// By who is calling.
    ///
    /// # Errors
    /// The mistakes of the guard's builder; a guard that runs before callers are known.
    pub fn caller(
        predicate: impl Fn(&Exchange) -> bool + Send + Sync + 'static,
        guard: impl IntoGuard,
    ) -> Result<Self, ConfigError> {
        Self::after(Phase::Quota, predicate, guard)
    }

    fn after(
        earliest: Phase,
        predicate: impl Fn(&Exchange) -> bool + Send + Sync + 'static,
        guard: impl IntoGuard,
    ) -> Result<Self, ConfigError> {
        let guard = guard.into_guard()?;
        let mut mistakes = crate::error::Mistakes::default();
        if guard.phase() < earliest {
            mistakes.push(
                "when",
                guard.name(),
                format!("runs in phase {:?}, before what the predicate reads", guard.phase()),
                format!("combine it with guards of phase {earliest:?} or later"),
            );
        }
        mistakes.finish().map(|()| Self {
            predicate: Arc::new(predicate),
            guard,
            held: Arc::default(),
        })
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("When").field("guard", &self.guard.name()).finish_non_exhaustive()
    }
}

impl Guard for When {
    fn name(&self) -> &'static str {
        self.guard.name()
    }

    fn phase(&self) -> Phase {
        self.guard.phase()
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if (self.predicate)(exchange) {
            if !exchange.is_rehearsal() {
                self.held.mark();
            }
            return self.guard.check(exchange);
        }
        exchange.remark(|| "its condition does not hold".into());
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("under a condition: {}", self.guard.summary()))
    }

    fn needs(&self) -> Needs {
        self.guard.needs()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.guard.observer()
    }

    fn findings(&self, report: &mut Findings) {
        if report.is_of_busy_stack() && !self.held.is_marked() {
            never(report, self.name(), "its condition never held");
        }
        self.guard.findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.guard.ready(readiness);
    }

    fn judges_probes(&self) -> bool {
        self.guard.judges_probes()
    }
}

guard_layer!(When);
