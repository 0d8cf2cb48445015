//! The selectors that decide at once.

use std::collections::HashMap;
use std::time::Duration;

use crate::answer::Answer;
use crate::ranges::Ranges;
use crate::rejection::Rejection;

use super::super::key::Facts;
use super::{Patterns, Place, Selector};

fn at_once(place: Place) -> Answer<Result<Place, Rejection>> {
    Answer::Now(Ok(place))
}

/// Who calls from a network.
pub(in crate::throttle) struct Network {
    pub(in crate::throttle) ranges: Ranges,
    pub(in crate::throttle) place: usize,
}

impl Selector for Network {
    fn select(&self, facts: Facts<'_>, _: Duration) -> Answer<Result<Place, Rejection>> {
        let is_known = |client: crate::context::ClientAddr| self.ranges.contains(client.ip());
        at_once(facts.client().is_some_and(is_known).then_some(self.place))
    }
}

/// Single callers, by issuer and subject.
#[derive(Default)]
pub(in crate::throttle) struct Callers(HashMap<Box<str>, HashMap<Box<str>, usize>>);

impl Callers {
    /// Adds one; false where it was there.
    pub(in crate::throttle) fn add(&mut self, issuer: &str, subject: &str, place: usize) -> bool {
        let subjects = self.0.entry(issuer.into()).or_default();
        let is_new = !subjects.contains_key(subject);
        subjects.entry(subject.into()).or_insert(place);
        is_new
    }

    pub(in crate::throttle) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, facts: Facts<'_>) -> Place {
        let principal = facts.principal()?;
        self.0.get(principal.issuer())?.get(principal.subject()).copied()
    }
}

impl Selector for Callers {
    fn select(&self, facts: Facts<'_>, _: Duration) -> Answer<Result<Place, Rejection>> {
        at_once(self.place(facts))
    }
}

/// Callers with a scope.
#[derive(Default)]
pub(in crate::throttle) struct Scopes(pub(in crate::throttle) Vec<(Box<str>, usize)>);

impl Selector for Scopes {
    fn select(&self, facts: Facts<'_>, _: Duration) -> Answer<Result<Place, Rejection>> {
        let held = facts.principal().and_then(|principal| {
            self.0.iter().find(|(scope, _)| principal.has_scope(scope)).map(|(_, place)| *place)
        });
        at_once(held)
    }
}

/// Routes by pattern and method.
pub(in crate::throttle) struct Routes {
    pub(in crate::throttle) patterns: Patterns,
    /// Whether a path has to match as it was sent and decoded, since a match sets something free.
    pub(in crate::throttle) is_strict: bool,
}

impl Selector for Routes {
    fn select(&self, facts: Facts<'_>, _: Duration) -> Answer<Result<Place, Rejection>> {
        at_once(self.patterns.find(facts.method(), facts.path(), self.is_strict))
    }
}
