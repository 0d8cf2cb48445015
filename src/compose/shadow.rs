use std::{
    borrow::Cow,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures_util::FutureExt;

use crate::{
    context::Context,
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase, drive},
    inspect::{Findings, Severity},
    observe::Observer,
    rejection::Rejection,
    service::guard_layer,
};

/// A guard on trial: it judges, but its verdict is only noted in the record, as `would-reject`.
///
/// What it would have set (headers, principal, permits, a rewritten body) is dropped. A shadowed
/// throttle counts in a store of its own. A panic of the guard is contained.
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

/// Leaves the shadow: the context is as it was, and the verdict is a note.
fn conclude(
    exchange: &mut Exchange,
    saved: Context,
    name: &'static str,
    verdict: Result<Flow, Rejection>,
) {
    exchange.shadow -= 1;
    let id = exchange.context.request_id;
    exchange.context = saved;
    exchange.context.request_id = id;
    match verdict {
        Ok(Flow::Respond(_)) => exchange.note("would-respond", name),
        Ok(_) => {}
        Err(rejection) => {
            exchange.note("would-reject", format!("{name}: {}", rejection.reason().code()));
        }
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
        let saved = exchange.context.clone();
        let name = self.guard.name();
        exchange.shadow += 1;
        let verdict = catch_unwind(AssertUnwindSafe(|| self.guard.check(exchange)))
            .unwrap_or_else(|payload| Err(Rejection::panicked(payload.as_ref())));
        let Ok(flow @ Flow::Suspend(_)) = verdict else {
            conclude(exchange, saved, name, verdict);
            return Ok(Flow::Continue);
        };
        Ok(Flow::suspend(move |exchange| {
            Box::pin(async move {
                let verdict = AssertUnwindSafe(drive(flow, exchange))
                    .catch_unwind()
                    .await
                    .unwrap_or_else(|payload| Err(Rejection::panicked(payload.as_ref())));
                conclude(exchange, saved, name, verdict);
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
        report.push(
            Severity::Info,
            self.guard.name(),
            "is on trial and refuses nothing",
            "take it out of the shadow once its notes look right",
        );
        self.guard.findings(report);
    }
}

guard_layer!(Shadow);
