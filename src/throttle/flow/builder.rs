use std::sync::Arc;

use crate::{
    compose::Patterns,
    error::{ConfigError, Mistakes},
    guard::{Guard, IntoGuard},
    throttle::{Throttle, ThrottleBuilder},
};

use super::{BusinessFlow, guard::Inner};

const LONGEST_NAME: usize = 40;

/// Builds a [`BusinessFlow`]; see [`BusinessFlow::named`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct BusinessFlowBuilder {
    name: String,
    routes: Vec<String>,
    throttle: Option<ThrottleBuilder>,
}

impl BusinessFlowBuilder {
    pub(super) fn new(name: String) -> Self {
        Self { name, routes: Vec::new(), throttle: None }
    }

    /// The routes of the flow, in the syntax of the policy table: `POST /basket`,
    /// `POST,PUT /orders/{id}`. Without methods a route is for all of them. Required.
    pub fn routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.routes.extend(routes.into_iter().map(Into::into));
        self
    }

    /// The limits of the whole flow, and whose they are. Required. They count requests;
    /// limits without a name get the flow's.
    pub fn at_most(mut self, throttle: ThrottleBuilder) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// The cap.
    ///
    /// # Errors
    /// When a value cannot be used; the error lists every one of them.
    pub fn build(self) -> Result<BusinessFlow, ConfigError> {
        let mut mistakes = Mistakes::default();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = &self.name;
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            let remedy = "write 1 to 40 letters, digits, `-`, `_` or `.`";
            mistakes.push("named", name, "cannot be the name of a flow", remedy);
        }
        if self.routes.is_empty() {
            let remedy = "name the routes of the flow, `POST /orders` say";
            mistakes.push("routes", "", "are none, so that nothing is limited", remedy);
        }
        let patterns = Patterns::read("routes", &self.routes, &[], &mut mistakes);
        let throttle = self.throttle(&mut mistakes);
        mistakes.finish_with(throttle).map(|throttle| {
            let summary = format!("{}: {}", self.name, patterns.list());
            BusinessFlow(Arc::new(Inner { summary, name: self.name, patterns, throttle }))
        })
    }

    fn throttle(&self, mistakes: &mut Mistakes) -> Option<Throttle> {
        let Some(throttle) = self.throttle.clone() else {
            let remedy =
                "write how often, and by whom: `Throttle::per_hour(20).by(Key::Principal)`";
            mistakes.push("at_most", "", "is not said", remedy);
            return None;
        };
        if !throttle.counts_requests() {
            let problem = "counts what the flow's routes do not have to do with";
            let remedy = "leave out `counting(…)`, and limit guesses by a throttle of their own";
            mistakes.push("at_most.counting", "ForgedCredentials", problem, remedy);
            return None;
        }
        mistakes.absorb("at_most", throttle.labelled(&self.name).build())
    }
}

impl IntoGuard for BusinessFlowBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}
