//! From what was written of plans to the selector that finds them.

use std::collections::HashMap;
use std::fmt;

use crate::context::claim_path::ClaimPath;
use crate::error::Mistakes;

use super::super::builder::{For, Sets};
use super::super::choice::{Choice, Outcome, Selector};
use super::look_up::{LookUp, Settings};
use super::selectors::{Names, Owners, by_claim, known};
use super::{By, Plans};

/// The note of a record whose request was limited by the plan for when none can be looked up.
const PLAN: &str = "throttle-plan";

impl Plans {
    /// Adds the plans to what limits are chosen from, and says how they are.
    pub(in crate::throttle) fn build(&self, choice: &mut Choice, sets: &mut Sets<'_>) -> String {
        let mut places: HashMap<Box<str>, usize> = HashMap::new();
        let mut clauses = Vec::new();
        for (name, limits) in &self.plans {
            if name.is_empty() {
                let remedy = "name it as the claim, the table or the look-up does";
                sets.mistakes.push("plan", "", "has no name", remedy);
            }
            let label = format!("plan {name}");
            let of = For { setter: "plan", value: name, word: name, label };
            let limits = sets.make(of, limits);
            clauses.push(format!("{name} ({})", limits.summary()));
            let place = choice.add(Outcome::limited(limits));
            if places.insert(name.as_str().into(), place).is_some() {
                let remedy = "give each plan a name of its own";
                sets.mistakes.push("plan", name, "is declared twice", remedy);
            }
        }
        let names = self.names(places, sets.mistakes);
        let otherwise = self.otherwise.as_deref().unwrap_or_default();
        let mut text = format!("{}: {}, otherwise {otherwise}", self.by, clauses.join(" or "));
        if let (Some(fallback), By::Source(_)) = (&self.fallback, &self.by) {
            text += &format!(", {fallback} where that fails");
        }
        let selector = self.selector(names, choice, sets.mistakes);
        choice.selectors.push(selector);
        choice.reads_caller = true;
        text
    }

    fn names(&self, places: HashMap<Box<str>, usize>, mistakes: &mut Mistakes) -> Names {
        if places.is_empty() {
            let remedy = "add one: `.plan(\"free\", [Limit::per_hour(100)])`";
            mistakes.push("plans", "", "have no plan", remedy);
        }
        let otherwise = match &self.otherwise {
            None => {
                let problem = "do not say whose limits callers without a known plan have";
                mistakes.push("plans", "", problem, "name a plan: `.otherwise(\"free\")`");
                None
            }
            Some(name) => place_of(&places, "otherwise", name, mistakes),
        };
        Names { places, otherwise: otherwise.unwrap_or_default() }
    }

    fn selector(
        &self,
        names: Names,
        choice: &mut Choice,
        mistakes: &mut Mistakes,
    ) -> Box<dyn Selector> {
        self.check_look_up(mistakes);
        match &self.by {
            By::Claim(claim) => {
                let path = ClaimPath::new(claim.clone());
                if path.is_empty() || !path.is_well_formed() {
                    let remedy = "write its name, or a JSON pointer like `/billing/plan`";
                    mistakes.push("by_claim", claim, "is not a claim", remedy);
                }
                by_claim(names, claim)
            }
            By::Stored => known(names, |principal| principal.plan()),
            By::Owner { issuer, owners } => Box::new(self.owners(issuer, owners, names, mistakes)),
            By::Source(source) => {
                let fallback = self
                    .fallback
                    .as_ref()
                    .and_then(|name| place_of(&names.places, "fallback", name, mistakes));
                // A place of its own, so that its record says why.
                let fallback = fallback.and_then(|place| {
                    let limits = choice.outcome(Some(place))?.limits.clone();
                    let name = self.fallback.as_deref().unwrap_or_default();
                    let text = format!("{name}, since it could not be looked up");
                    Some(choice.add(Outcome { limits, note: Some((PLAN, text.into())) }))
                });
                Box::new(LookUp::new(Settings {
                    source: source.clone(),
                    names,
                    fallback,
                    ttl: self.ttl,
                    timeout: self.timeout,
                    capacity: self.capacity,
                    parallel: self.parallel,
                }))
            }
        }
    }

    fn owners(
        &self,
        issuer: &str,
        owners: &[(String, String)],
        names: Names,
        mistakes: &mut Mistakes,
    ) -> Owners {
        if issuer.is_empty() {
            let remedy = "leave it out, or name who vouches for the owners";
            mistakes.push("issuer", "", "has no name", remedy);
        }
        let mut places: HashMap<Box<str>, usize> = HashMap::new();
        for (owner, plan) in owners {
            let Some(place) = place_of(&names.places, "by_owner", plan, mistakes) else { continue };
            if places.insert(owner.as_str().into(), place).is_some() {
                let remedy = "name each owner once";
                mistakes.push("by_owner", owner, "has two plans", remedy);
            }
        }
        Owners { issuer: issuer.into(), places, otherwise: names.otherwise }
    }

    fn check_look_up(&self, mistakes: &mut Mistakes) {
        if !matches!(self.by, By::Source(_)) {
            if let Some(name) = &self.fallback {
                let remedy = "leave it out: nothing is looked up that could fail";
                mistakes.push("fallback", name, "is of use with `by_source` alone", remedy);
            }
            return;
        }
        mistakes.refuse_zero("timeout", self.timeout);
        let counts = [("capacity", self.capacity), ("parallel", self.parallel)];
        for (setter, _) in counts.into_iter().filter(|(_, count)| *count == 0) {
            mistakes.push(setter, "0", "lets no look-up through", "write at least 1");
        }
    }
}

fn place_of(
    places: &HashMap<Box<str>, usize>,
    setter: &'static str,
    name: &str,
    mistakes: &mut Mistakes,
) -> Option<usize> {
    let place = places.get(name).copied();
    if place.is_none() {
        let mut known: Vec<_> = places.keys().map(|name| &**name).collect();
        known.sort_unstable();
        let remedy = format!("name one of: {}", known.join(", "));
        mistakes.push(setter, name, "is not the name of a plan", remedy);
    }
    place
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(claim) => write!(f, "plan by claim `{claim}`"),
            Self::Owner { issuer, owners } => {
                write!(f, "plan by {} owners of {issuer}", owners.len())
            }
            Self::Stored => f.write_str("plan by what the store of credentials says"),
            Self::Source(_) => f.write_str("plan by look-up"),
        }
    }
}
