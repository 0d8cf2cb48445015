use std::{
    borrow::Cow,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;

use crate::{
    clock::within,
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase, Trial, drive},
    inspect::{Findings, Readiness, rule},
    observe::Observer,
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// A guard on trial: it judges, but its verdict is only noted in the record, as `would-reject`.
///
/// What it would have set (headers, principal, permits, a rewritten body) is dropped; a panic of the
/// guard is contained; one that waits is given up on after five seconds. A body it wants to read is
/// read for it where the body's size is known and within its limit; else, and where it wants to watch
/// the body pass, it is not asked.
///
/// A throttle on trial has buckets of its own, in Redis too, and spends nothing of what one in force
/// counts. Build it and give a clone, to read from the other what it would have refused.
///
/// # Example
/// ```
/// use tower_parapet::{Exchange, Flow, Guard, Phase, Reason, Rejection, compose::Shadow};
///
/// struct Strict;
/// impl Guard for Strict {
///     fn name(&self) -> &'static str { "strict" }
///     fn phase(&self) -> Phase { Phase::Transport }
///     fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
///         Err(Rejection::new(Reason::Forbidden))
///     }
/// }
/// let trial = Shadow::of(Strict)?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Shadow {
    guard: Arc<dyn Guard>,
}

impl Shadow {
    /// Puts a guard on trial.
    ///
    /// # Errors
    /// The mistakes of the guard's builder.
    pub fn of(guard: impl IntoGuard) -> Result<Self, ConfigError> {
        guard.into_guard().map(|guard| Self { guard })
    }
}

/// How long a guard on trial may keep a request waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// The verdict of a guard on trial that waits for something; a panic is one too.
async fn wait(flow: Flow, exchange: &mut Exchange) -> Result<Flow, Rejection> {
    let decided = AssertUnwindSafe(drive(flow, exchange)).catch_unwind();
    match within(PATIENCE, decided).await {
        Some(decided) => decided.unwrap_or_else(|panic| Err(Rejection::panicked(panic.as_ref()))),
        None => Err(Rejection::new(Reason::Unavailable)),
    }
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadow").field("guard", &self.guard.name()).finish()
    }
}

impl Guard for Shadow {
    fn name(&self) -> &'static str {
        self.guard.name()
    }

    fn phase(&self) -> Phase {
        self.guard.phase()
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let trial = Trial::begin(exchange, self.guard.name());
        let verdict = catch_unwind(AssertUnwindSafe(|| self.guard.check(exchange)))
            .unwrap_or_else(|panic| Err(Rejection::panicked(panic.as_ref())));
        let Ok(flow @ Flow::Suspend(_)) = verdict else {
            trial.end(exchange, verdict);
            return Ok(Flow::Continue);
        };
        Ok(Flow::suspend(move |exchange| {
            Box::pin(async move {
                let verdict = wait(flow, exchange).await;
                trial.end(exchange, verdict);
                Ok(Flow::Continue)
            })
        }))
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("on trial, refuses nothing: {}", self.guard.summary()))
    }

    fn needs(&self) -> Needs {
        self.guard.needs()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.guard.observer()
    }

    fn findings(&self, report: &mut Findings) {
        report.add(&rule::ON_TRIAL, self.guard.name(), "is on trial and refuses nothing");
        self.guard.findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.guard.ready(readiness);
    }

    fn judges_probes(&self) -> bool {
        self.guard.judges_probes()
    }
}

guard_layer!(Shadow);
