use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    compose::Patterns,
    guard::{Exchange, Flow, Guard, Needs, Phase},
    inspect::{Findings, Readiness},
    observe::Observer,
    rejection::Rejection,
    service::guard_layer,
    throttle::Throttle,
};

use super::BusinessFlowBuilder;

/// Limits how often a caller may go through a flow. See the [module](super) for behaviour and defaults.
///
/// Clones share one store.
#[derive(Clone)]
pub struct BusinessFlow(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) name: String,
    pub(super) patterns: Patterns,
    pub(super) throttle: Throttle,
    pub(super) summary: String,
}

impl BusinessFlow {
    /// Starts a flow by its name, which clients see in `RateLimit` and records in the refusal.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Guard, throttle::{BusinessFlow, Key, Throttle}};
    ///
    /// let checkout = BusinessFlow::named("checkout")
    ///     .routes(["POST /basket", "POST /orders"])
    ///     .at_most(Throttle::per_hour(20).by(Key::Principal))
    ///     .build()?;
    /// assert_eq!(
    ///     checkout.summary(),
    ///     "checkout: POST /basket, POST /orders; together \
    ///      20 per hour, burst 20, by principal, at most 100000 keys",
    /// );
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn named(name: impl Into<String>) -> BusinessFlowBuilder {
        BusinessFlowBuilder::new(name.into())
    }
}

impl Guard for BusinessFlow {
    fn name(&self) -> &'static str {
        "business-flow"
    }

    fn phase(&self) -> Phase {
        self.0.throttle.phase()
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match self.0.patterns.find(exchange.judged_method(), exchange.path()) {
            Some(_) => self.0.throttle.check(exchange),
            None => Ok(Flow::Continue),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("{}; together {}", self.0.summary, self.0.throttle.summary()))
    }

    fn needs(&self) -> Needs {
        self.0.throttle.needs()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.0.throttle.observer()
    }

    fn findings(&self, report: &mut Findings) {
        self.0.throttle.findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.throttle.ready(readiness);
    }
}

guard_layer!(BusinessFlow);

impl fmt::Debug for BusinessFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusinessFlow")
            .field("name", &self.0.name)
            .field("routes", &self.0.patterns)
            .field("throttle", &self.0.throttle)
            .finish()
    }
}
