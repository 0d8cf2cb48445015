use std::{borrow::Cow, fmt, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    error::ConfigError,
    guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase},
    inspect::{Findings, Readiness},
    observe::{Observer, Record},
    rejection::Rejection,
    service::guard_layer,
};

/// A guard that can be replaced while requests run; clones share it.
///
/// A request keeps the guard it began with, suspended work included. A replacement that does not
/// build changes nothing: the last good one stays.
///
/// # Example
/// ```
/// use tower_parapet::{Exchange, Flow, Guard, Phase, Rejection, compose::Reloadable};
///
/// struct Nothing;
/// impl Guard for Nothing {
///     fn name(&self) -> &'static str { "nothing" }
///     fn phase(&self) -> Phase { Phase::Transport }
///     fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> { Ok(Flow::Continue) }
/// }
/// let guard = Reloadable::of(Nothing)?;
/// let handle = guard.clone();
/// handle.replace(Nothing)?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Reloadable {
    phase: Phase,
    needs: Needs,
    observes: bool,
    guard: Arc<ArcSwap<Arc<dyn Guard>>>,
}

impl Reloadable {
    /// Starts with a guard, whose phase stays.
    ///
    /// # Errors
    /// The mistakes of the guard's builder.
    pub fn of(guard: impl IntoGuard) -> Result<Self, ConfigError> {
        let guard = guard.into_guard()?;
        Ok(Self {
            phase: guard.phase(),
            needs: guard.needs(),
            observes: guard.observer().is_some(),
            guard: Arc::new(ArcSwap::from_pointee(guard)),
        })
    }

    /// Takes a new guard for all requests that begin from now on.
    ///
    /// # Errors
    /// The mistakes of the new guard's builder, a phase other than the first guard's, or what the
    /// stack was not built for: a need, an observing half. The guard in force stays.
    pub fn replace(&self, guard: impl IntoGuard) -> Result<(), ConfigError> {
        let guard = guard.into_guard()?;
        let mut mistakes = crate::error::Mistakes::default();
        if guard.phase() != self.phase {
            mistakes.push(
                "replace",
                guard.name(),
                format!(
                    "runs in phase {:?}, the guard in force in {:?}",
                    guard.phase(),
                    self.phase
                ),
                "replace a guard by one of its own phase",
            );
        }
        if !self.needs.contains(guard.needs()) {
            mistakes.push(
                "replace",
                guard.name(),
                "needs what the guard in force did not",
                "build the stack anew",
            );
        }
        if guard.observer().is_some() && !self.observes {
            mistakes.push(
                "replace",
                guard.name(),
                "learns from how requests ended, and the guard in force did not",
                "build the stack anew",
            );
        }
        mistakes.finish().map(|()| self.guard.store(Arc::new(guard)))
    }
}

impl fmt::Debug for Reloadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloadable").field("guard", &self.guard.load().name()).finish()
    }
}

impl Guard for Reloadable {
    fn name(&self) -> &'static str {
        self.guard.load().name()
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        self.guard.load().check(exchange)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("reloadable: {}", self.guard.load().summary()))
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.observes.then(|| Arc::new(InForce(self.guard.clone())) as _)
    }

    fn findings(&self, report: &mut Findings) {
        self.guard.load().findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.guard.load().ready(readiness);
    }

    fn judges_probes(&self) -> bool {
        self.guard.load().judges_probes()
    }
}

/// Tells whichever guard is in force when there is something to tell.
struct InForce(Arc<ArcSwap<Arc<dyn Guard>>>);

impl InForce {
    fn tell(&self, tell: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = self.0.load().observer() {
            tell(&*observer);
        }
    }
}

impl Observer for InForce {
    fn completed(&self, record: &Record) {
        self.tell(|observer| observer.completed(record));
    }

    fn opened(&self, record: &Record) {
        self.tell(|observer| observer.opened(record));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.tell(|observer| observer.ready(readiness));
    }

    fn flush(&self) {
        self.tell(|observer| observer.flush());
    }
}

guard_layer!(Reloadable);
