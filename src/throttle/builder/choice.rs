//! Which limits hold for whom: plans, overrides and exemptions.

use crate::cidr::{is_too_wide, parse};
use crate::error::Mistakes;
use crate::ranges::Ranges;

use super::super::choice::{
    Callers, Choice, Exempt, Exemption, Network, Outcome, Patterns, Routes, Scopes,
};
use super::super::limit::Limit;
use super::super::plans::Plans;
use super::sets::{For, Sets};
use super::{Count, ThrottleBuilder};

/// The note of a record whose request was exempt: from what limit, and why.
const EXEMPT: &str = "throttle-exempt";

/// What a builder was told of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Choosing {
    exempt: Vec<(Exempt, String)>,
    callers: Vec<(String, String, Vec<Limit>)>,
    routes: Vec<(String, Vec<Limit>)>,
    plans: Option<Plans>,
}

/// Limits of their own for some requests, in place of those that the throttle began with.
///
/// The first of these that knows a request decides: [`exempt`](Self::exempt) (network, principal,
/// scope, route), [`for_principal`](Self::for_principal), [`on_route`](Self::on_route),
/// [`plans`](Self::plans). Each set of limits has buckets of its own. What asks for the caller makes
/// the throttle run after authentication, whatever its key.
impl ThrottleBuilder {
    /// Sets some requests free of this throttle. The reason stands in the manifest and, as the note
    /// `throttle-exempt`, in the record of each request that it sets free; it may not be empty.
    pub fn exempt(mut self, exempt: Exempt, reason: impl Into<String>) -> Self {
        self.choosing.exempt.push((exempt, reason.into()));
        self
    }

    /// Limits of one caller's own, by issuer and subject, up to four.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::throttle::{Key, Limit, Throttle};
    ///
    /// Throttle::per_minute(600)
    ///     .by(Key::Principal)
    ///     .for_principal("api-key", "nightly-import", [Limit::per_minute(60_000)])
    ///     .on_route("POST /orders", [Limit::per_minute(30)])
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn for_principal(
        mut self,
        issuer: impl Into<String>,
        subject: impl Into<String>,
        limits: impl IntoIterator<Item = Limit>,
    ) -> Self {
        let limits = limits.into_iter().collect();
        self.choosing.callers.push((issuer.into(), subject.into(), limits));
        self
    }

    /// Limits of a route's own, up to four. The pattern is one of the policy table's syntax, `POST
    /// /orders/{id}` say, and covers what a requirement of that pattern covers: `/admin/{*rest}` also
    /// `/admin` and `/admin/`, and `GET` also `HEAD`. The narrowest pattern counts.
    pub fn on_route(
        mut self,
        pattern: impl Into<String>,
        limits: impl IntoIterator<Item = Limit>,
    ) -> Self {
        self.choosing.routes.push((pattern.into(), limits.into_iter().collect()));
        self
    }

    /// Limits by plan, for whoever is authenticated. The throttle's own are those of everybody else.
    pub fn plans(mut self, plans: Plans) -> Self {
        self.choosing.plans = Some(plans);
        self
    }

    /// How limits are chosen, and what there is to say of it.
    pub(super) fn choice(&self, mistakes: &mut Mistakes) -> (Choice, String) {
        let (mut choice, mut clauses) = (Choice::default(), Vec::new());
        self.exemptions(&mut choice, &mut clauses, mistakes);
        let what = self.what();
        let mut sets = Sets::new(what, mistakes);
        self.of_callers(&mut choice, &mut clauses, &mut sets);
        self.of_routes(&mut choice, &mut clauses, &mut sets);
        if let Some(plans) = &self.choosing.plans {
            clauses.push(plans.build(&mut choice, &mut sets));
        }
        self.check_when(&choice, mistakes);
        match clauses.is_empty() {
            true => (choice, String::new()),
            false => (choice, format!("; first of: {}", clauses.join(", "))),
        }
    }

    fn exemptions(&self, choice: &mut Choice, clauses: &mut Vec<String>, mistakes: &mut Mistakes) {
        let (mut callers, mut scopes) = (Callers::default(), Scopes::default());
        let (mut networks, mut patterns) = (Vec::new(), Patterns::default());
        let mut told = self.choosing.exempt.clone();
        told.sort_by_key(|(Exempt(exemption), _)| rank(exemption));
        for (Exempt(exemption), reason) in &told {
            let reason = reason.trim();
            if reason.is_empty() {
                let remedy = "say why in the second argument, for the manifest and the records";
                let problem = "is exempt without a reason";
                mistakes.push("exempt", exemption.text(), problem, remedy);
            }
            let clause = format!("{exemption} ({reason})");
            let note = Some((EXEMPT, format!("{}: {clause}", self.name_of_first()).into()));
            clauses.push(format!("exempt {clause}"));
            let place = choice.add(Outcome { limits: None, note });
            match exemption {
                Exemption::Network(text) => match parse(text) {
                    Ok(network) => {
                        if is_too_wide(&network) {
                            choice.wide.push(exemption.to_string());
                        }
                        networks.push(Network { ranges: Ranges::new(&[network]), place });
                    }
                    Err(fault) => mistakes.push("exempt", text, fault.problem, fault.remedy),
                },
                Exemption::Principal { issuer, subject } => {
                    add_caller("exempt", &mut callers, (issuer, subject), place, mistakes);
                }
                Exemption::Scope(scope) => {
                    if scope.is_empty() || scope.contains(char::is_whitespace) {
                        let remedy = "write one scope, `internal` say";
                        mistakes.push("exempt", scope, "is not a scope", remedy);
                    }
                    scopes.0.push((scope.as_str().into(), place));
                }
                Exemption::Route(text) => {
                    if is_everything(text) {
                        choice.wide.push(exemption.to_string());
                    }
                    patterns.add("exempt", text, place, mistakes);
                }
            }
        }
        choice.reads_caller |= !callers.is_empty() || !scopes.0.is_empty();
        choice.reads_client |= !networks.is_empty();
        choice.selectors.extend(networks.into_iter().map(|network| Box::new(network) as _));
        if !callers.is_empty() {
            choice.selectors.push(Box::new(callers));
        }
        if !scopes.0.is_empty() {
            choice.selectors.push(Box::new(scopes));
        }
        if !patterns.is_empty() {
            let patterns = patterns.build("exempt", false, mistakes);
            choice.selectors.push(Box::new(Routes { patterns, is_strict: true }));
        }
    }

    fn of_callers(&self, choice: &mut Choice, clauses: &mut Vec<String>, sets: &mut Sets<'_>) {
        let mut callers = Callers::default();
        for (issuer, subject, limits) in &self.choosing.callers {
            let label = format!("principal {subject} of {issuer}");
            let of =
                For { setter: "for_principal", value: subject, word: "own", label: label.clone() };
            let limits = sets.make(of, limits);
            clauses.push(format!("{label} ({})", limits.summary()));
            let place = choice.add(Outcome::limited(limits));
            add_caller("for_principal", &mut callers, (issuer, subject), place, sets.mistakes);
        }
        if !callers.is_empty() {
            choice.reads_caller = true;
            choice.selectors.push(Box::new(callers));
        }
    }

    fn of_routes(&self, choice: &mut Choice, clauses: &mut Vec<String>, sets: &mut Sets<'_>) {
        let mut patterns = Patterns::default();
        for (pattern, limits) in &self.choosing.routes {
            let label = format!("route {pattern}");
            let of =
                For { setter: "on_route", value: pattern, word: pattern, label: label.clone() };
            let limits = sets.make(of, limits);
            clauses.push(format!("{label} ({})", limits.summary()));
            let place = choice.add(Outcome::limited(limits));
            patterns.add("on_route", pattern, place, sets.mistakes);
        }
        if !patterns.is_empty() {
            let patterns = patterns.build("on_route", true, sets.mistakes);
            choice.selectors.push(Box::new(Routes { patterns, is_strict: false }));
        }
    }

    /// Once a request with forged credentials is over, nobody knows who sent it.
    fn check_when(&self, choice: &Choice, mistakes: &mut Mistakes) {
        if self.count == Count::ForgedCredentials && choice.reads_caller {
            let problem = "cannot be charged by who is calling, which nobody knows then";
            let remedy = "leave out plans, and limits and exemptions of principals and scopes";
            mistakes.push("counting", "ForgedCredentials", problem, remedy);
        }
    }
}

/// The order of the selectors.
fn rank(exemption: &Exemption) -> u8 {
    match exemption {
        Exemption::Network(_) => 0,
        Exemption::Principal { .. } => 1,
        Exemption::Scope(_) => 2,
        Exemption::Route(_) => 3,
    }
}

/// A pattern that covers any path.
fn is_everything(pattern: &str) -> bool {
    pattern.rsplit(' ').next().is_some_and(|pattern| pattern.starts_with("/{*"))
}

fn add_caller(
    setter: &'static str,
    callers: &mut Callers,
    (issuer, subject): (&str, &str),
    place: usize,
    mistakes: &mut Mistakes,
) {
    if issuer.is_empty() || subject.is_empty() {
        let remedy = "write the issuer and the subject of the principal";
        mistakes.push(setter, subject, "names nobody", remedy);
    } else if !callers.add(issuer, subject, place) {
        let remedy = "name each caller once";
        mistakes.push(setter, subject, "is named twice", remedy);
    }
}
