//! Which limits hold for a request, where not always the same ones do: a table of outcomes, and an
//! ordered list of selectors, of which the first that knows the request says which one it is.

mod exempt;
mod follow;
mod routes;
mod selectors;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::Answer;
use crate::guard::Needs;
use crate::rejection::Rejection;

use super::key::Facts;
use super::limits::Limits;

pub use exempt::Exempt;

pub(super) use exempt::Exemption;
pub(super) use routes::Patterns;
pub(super) use selectors::{Callers, Network, Routes, Scopes};

/// The place of an outcome in the table; none where a selector does not know the request.
pub(super) type Place = Option<usize>;

/// Knows some requests.
pub(super) trait Selector: Send + Sync + 'static {
    /// What holds for the request, at a time of the monotonic clock. One that is over is never
    /// answered later.
    ///
    /// # Errors
    /// What the request is answered where that cannot be told.
    fn select(&self, facts: Facts<'_>, now: Duration) -> Answer<Result<Place, Rejection>>;
}

/// What holds for some requests.
pub(super) struct Outcome {
    /// Nothing where they are exempt.
    pub(super) limits: Option<Arc<Limits>>,
    /// What the record is told.
    pub(super) note: Option<(&'static str, Cow<'static, str>)>,
}

impl Outcome {
    pub(super) fn limited(limits: Arc<Limits>) -> Self {
        Self { limits: Some(limits), note: None }
    }
}

/// How limits are chosen.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) selectors: Vec<Box<dyn Selector>>,
    /// Whether any of them may read who is calling.
    pub(super) reads_caller: bool,
    /// Whether any of them reads the client's address.
    pub(super) reads_client: bool,
    /// Exemptions that nearly everybody has.
    pub(super) wide: Vec<String>,
}

/// What a round over the selectors came to.
pub(super) enum Chosen<'a> {
    /// None of them knows the request: what a throttle began with holds.
    Base,
    Outcome(&'a Outcome),
    /// The selector at that place has to ask first.
    Ask(usize, futures_util::future::BoxFuture<'static, Result<Place, Rejection>>),
}

impl Choice {
    /// Asks the selectors, from a place on.
    pub(super) fn choose(
        &self,
        from: usize,
        facts: Facts<'_>,
        now: Duration,
    ) -> Result<Chosen<'_>, Rejection> {
        for (at, selector) in self.selectors.iter().enumerate().skip(from) {
            match selector.select(facts, now) {
                Answer::Now(place) => {
                    if let Some(outcome) = self.outcome(place?) {
                        return Ok(Chosen::Outcome(outcome));
                    }
                }
                Answer::Later(asked) => return Ok(Chosen::Ask(at, asked)),
            }
        }
        Ok(Chosen::Base)
    }

    pub(super) fn outcome(&self, place: Place) -> Option<&Outcome> {
        self.outcomes.get(place?)
    }

    /// The place of a new outcome.
    pub(super) fn add(&mut self, outcome: Outcome) -> usize {
        self.outcomes.push(outcome);
        self.outcomes.len().saturating_sub(1)
    }

    pub(super) fn needs(&self) -> Needs {
        let client = if self.reads_client { Needs::CLIENT } else { Needs::NONE };
        client.and(if self.reads_caller { Needs::PRINCIPAL } else { Needs::NONE })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.selectors.is_empty()
    }

    /// All sets of limits, each once.
    pub(super) fn limits(&self) -> impl Iterator<Item = &Arc<Limits>> {
        let all = || self.outcomes.iter().filter_map(|outcome| outcome.limits.as_ref());
        let is_new = move |(at, set): &(usize, &Arc<Limits>)| {
            !all().take(*at).any(|known| Arc::ptr_eq(known, set))
        };
        all().enumerate().filter(is_new).map(|(_, set)| set)
    }
}

#[cfg(test)]
mod tests;
