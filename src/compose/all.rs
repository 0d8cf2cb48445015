use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    error::{ConfigError, Mistakes},
    guard::{Exchange, Flow, Guard, Guards, IntoGuard, Needs, Phase, halves, in_order, run},
    inspect::{Findings, Readiness},
    observe::{Observer, Record, contained},
    rejection::Rejection,
    service::guard_layer,
};

/// Several guards as one: each must let the request through, in the order of their phases.
///
/// It runs in the earliest phase of its members.
///
/// # Example
/// ```
/// use tower_parapet::{Exchange, Flow, Guard, Phase, Rejection, compose::All};
///
/// struct Nothing;
/// impl Guard for Nothing {
///     fn name(&self) -> &'static str { "nothing" }
///     fn phase(&self) -> Phase { Phase::Transport }
///     fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> { Ok(Flow::Continue) }
/// }
/// let both = All::of("both").and(Nothing).and(Nothing).build()?;
/// assert_eq!(both.phase(), Phase::Transport);
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct All {
    name: &'static str,
    guards: Guards,
}

impl All {
    /// Starts an empty list; the name stands in the manifest.
    pub fn of(name: &'static str) -> AllBuilder {
        AllBuilder { name, guards: Vec::new(), mistakes: Mistakes::default() }
    }
}

/// Builds [`All`].
pub struct AllBuilder {
    name: &'static str,
    guards: Vec<Arc<dyn Guard>>,
    mistakes: Mistakes,
}

impl AllBuilder {
    /// Adds a guard.
    pub fn and(mut self, guard: impl IntoGuard) -> Self {
        self.guards.extend(self.mistakes.absorb("and", guard.into_guard()));
        self
    }

    /// The composite.
    ///
    /// # Errors
    /// Every mistake of every member.
    pub fn build(mut self) -> Result<All, ConfigError> {
        in_order(&mut self.guards);
        self.mistakes.finish().map(|()| All { name: self.name, guards: self.guards.into() })
    }
}

impl fmt::Debug for AllBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for All {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("All").field("name", &self.name).field("guards", &names).finish()
    }
}

impl Guard for All {
    fn name(&self) -> &'static str {
        self.name
    }

    fn phase(&self) -> Phase {
        self.guards.first().map_or(Phase::Transport, |first| first.phase())
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        run(&self.guards, 0, exchange)
    }

    fn summary(&self) -> Cow<'static, str> {
        let parts: Vec<_> =
            self.guards.iter().map(|g| format!("{}: {}", g.name(), g.summary())).collect();
        Cow::Owned(parts.join("; "))
    }

    fn needs(&self) -> Needs {
        self.guards.iter().fold(Needs::NONE, |needs, guard| needs.and(guard.needs()))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        together(self.guards.iter())
    }

    fn findings(&self, report: &mut Findings) {
        self.guards.iter().for_each(|guard| guard.findings(report));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.guards.iter().for_each(|guard| guard.ready(readiness));
    }

    fn judges_probes(&self) -> bool {
        self.guards.iter().any(|guard| guard.judges_probes())
    }
}

/// The observing halves of several guards as one, if there are any.
pub(super) fn together<'a>(
    guards: impl Iterator<Item = &'a Arc<dyn Guard>>,
) -> Option<Arc<dyn Observer>> {
    let halves = halves(guards);
    (!halves.is_empty()).then(|| Arc::new(Together(halves)) as _)
}

struct Together(Vec<Arc<dyn Observer>>);

impl Together {
    fn each(&self, tell: impl Fn(&dyn Observer)) {
        self.0.iter().for_each(|observer| contained("an observer", || tell(&**observer)));
    }
}

impl Observer for Together {
    fn completed(&self, record: &Record) {
        self.each(|observer| observer.completed(record));
    }

    fn opened(&self, record: &Record) {
        self.each(|observer| observer.opened(record));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.iter().for_each(|observer| observer.ready(readiness));
    }

    fn flush(&self) {
        self.each(|observer| observer.flush());
    }
}

guard_layer!(All);
