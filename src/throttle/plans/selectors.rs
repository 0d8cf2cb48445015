//! What knows a caller's plan at once.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::answer::Answer;
use crate::context::Principal;
use crate::context::claim_path::ClaimPath;
use crate::rejection::Rejection;

use super::super::choice::{Place, Selector};
use super::super::key::Facts;

/// The places of plans, by name.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) places: HashMap<Box<str>, usize>,
    pub(super) otherwise: usize,
}

impl Names {
    pub(super) fn place(&self, name: Option<&str>) -> usize {
        name.and_then(|name| self.places.get(name)).copied().unwrap_or(self.otherwise)
    }
}

/// By what a principal itself says.
pub(super) struct Known<F> {
    pub(super) names: Names,
    pub(super) plan: F,
}

impl<F: for<'p> Fn(&'p Principal) -> Option<&'p str> + Send + Sync + 'static> Selector
    for Known<F>
{
    fn select(&self, facts: Facts<'_>, _: Duration) -> Answer<Result<Place, Rejection>> {
        let place = |principal| self.names.place((self.plan)(principal));
        Answer::Now(Ok(facts.principal().map(place)))
    }
}

/// A selector by what a principal says.
pub(super) fn known<F>(names: Names, plan: F) -> Box<dyn Selector>
where
    F: for<'p> Fn(&'p Principal) -> Option<&'p str> + Send + Sync + 'static,
{
    Box::new(Known { names, plan })
}

pub(super) fn by_claim(names: Names, claim: &str) -> Box<dyn Selector> {
    let path = ClaimPath::new(claim.to_owned());
    known(names, move |principal| match path.of(principal.claims()?)? {
        Value::String(plan) => Some(plan),
        _ => None,
    })
}

/// By a table of owners: the places of their plans.
pub(super) struct Owners {
    pub(super) issuer: Box<str>,
    pub(super) places: HashMap<Box<str>, usize>,
    pub(super) otherwise: usize,
}

impl Selector for Owners {
    fn select(&self, facts: Facts<'_>, _: Duration) -> Answer<Result<Place, Rejection>> {
        let place = |principal: &Principal| {
            let is_owner = principal.issuer() == &*self.issuer;
            let owned = self.places.get(principal.subject()).filter(|_| is_owner);
            owned.copied().unwrap_or(self.otherwise)
        };
        Answer::Now(Ok(facts.principal().map(place)))
    }
}
