use std::{fmt, sync::Arc};

use http::Method;

use crate::{
    compose::Policy,
    context::{Access, Route},
    error::{ConfigError, Mistakes},
    grpc::NAME,
    guard::{Guard, IntoGuard, Needs, Phase},
};

use super::{
    Routes,
    join::Extra,
    table::{Conflict, Entry, Table, covered_by, grouped},
};

/// Builds a route table; see [`Routes::builder`].
///
/// Patterns use axum's syntax: `/orders/{id}`, `/files/{*rest}`. Methods stand before them:
/// `POST /orders`, `GET,HEAD /reports`; without any, the rule is for all methods.
#[derive(Default)]
pub struct RoutesBuilder {
    rules: Vec<Rule>,
    extras: Vec<Extra>,
    mistakes: Mistakes,
}

struct Rule {
    setter: &'static str,
    text: String,
    entry: Entry,
}

impl RoutesBuilder {
    /// Opens a pattern to anyone; credentials are not looked at. It never covers more than it says.
    ///
    /// The reason stands in the manifest, and may not be empty.
    pub fn public(mut self, pattern: &str, reason: &str) -> Self {
        if reason.trim().is_empty() {
            self.mistakes.push(
                "public",
                pattern,
                "is opened without a reason",
                "say why in the second argument, for the manifest",
            );
        }
        self.add("public", pattern, Policy::new(Access::Public { reason: reason.into() }))
    }

    /// Opens an exact path to health probes, by `GET` and `HEAD`: free of the rules for hosts,
    /// addresses, limits and credentials, and recorded by sample.
    pub fn probe(mut self, path: &str) -> Self {
        if path.contains(['{', '}', ' ']) || path == "*" {
            self.mistakes.push(
                "probe",
                path,
                "is not one path",
                "write the whole path, `/livez`, without methods and parameters",
            );
            return self;
        }
        let mut policy = Policy::new(Access::Probe);
        policy.sample = Some(Arc::default());
        self.add("probe", &format!("GET,HEAD {path}"), policy)
    }

    /// Judges a pattern by a policy. `/admin/{*rest}` also covers `/admin` and `/admin/`.
    pub fn route(self, pattern: &str, policy: Policy) -> Self {
        self.add("route", pattern, policy)
    }

    /// A route that the stack answers for by itself.
    pub(crate) fn answered(self, setter: &'static str, pattern: &str, policy: Policy) -> Self {
        self.add(setter, pattern, policy)
    }

    /// Adds a guard to whatever rule judges a route, `POST /orders` say. Who may call stays what
    /// the table says; a route it does not name is listed by this, for authenticated callers. Where
    /// the table has rules of narrower patterns, they stay without it.
    pub fn guard_on(self, route: &str, guard: impl IntoGuard) -> Self {
        self.join("guard_on", route, guard)
    }

    pub(crate) fn join(mut self, setter: &'static str, route: &str, guard: impl IntoGuard) -> Self {
        let guard = self.mistakes.absorb(setter, guard.into_guard());
        if let Some(early) = guard.as_ref().filter(|guard| guard.phase() == Phase::Record) {
            self.refuse_early(setter, route, early.name());
        }
        let route = parse(setter, route, &mut self.mistakes);
        if let (Some(guard), Some((methods, pattern))) = (guard, route) {
            self.extras.push(Extra { setter, methods, pattern, guard });
        }
        self
    }

    fn add(mut self, setter: &'static str, text: &str, mut policy: Policy) -> Self {
        let own = std::mem::take(&mut policy.mistakes).finish();
        self.mistakes.absorb(setter, own);
        if let Some((methods, pattern)) = parse(setter, text, &mut self.mistakes) {
            for early in policy.guards.iter().filter(|guard| guard.phase() == Phase::Record) {
                self.refuse_early(setter, text, early.name());
            }
            let route = Arc::new(Route {
                body_limit: policy.body_limit,
                deadline: policy.deadline,
                separators: policy.separators,
                cross_origin: policy.cross_origin,
                sample: policy.sample,
                is_browser: policy.is_browser,
                is_answered: policy.is_answered,
                own_authentication: policy.own_authentication,
                streams: policy.streams,
                guards: grouped(policy.guards.into_iter()),
                ..Route::new(pattern, policy.access)
            });
            let entry = Entry { methods, route };
            self.rules.push(Rule { setter, text: text.to_owned(), entry });
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.extras.is_empty() && self.mistakes.is_empty()
    }

    /// Whether any rule has a policy of its own for other origins.
    pub(crate) fn has_cross_origin(&self) -> bool {
        self.rules.iter().any(|rule| rule.entry.route.cross_origin.is_some())
    }

    /// The guards of every rule that was written, whether or not the table can be built.
    pub(crate) fn guards(&self) -> impl Iterator<Item = Arc<dyn Guard>> {
        let of_rules = self.rules.iter().flat_map(|rule| rule.entry.route.flat_guards());
        of_rules.chain(self.extras.iter().map(|extra| extra.guard.clone()))
    }

    /// The table.
    ///
    /// # Errors
    /// Patterns that do not parse, that are declared twice or that no request could tell apart; a
    /// public pattern that a requirement covers; a guard that would have to run before the route
    /// is judged; a policy for other origins, which only a stack applies.
    pub fn build(mut self) -> Result<Routes, ConfigError> {
        let rules = self.rules.iter().filter(|rule| rule.entry.route.cross_origin.is_some());
        for rule in rules {
            self.mistakes.push(
                rule.setter,
                rule.text.as_str(),
                "has a policy for other origins, and a table by itself answers no preflights",
                "write the route on a stack, or put the layer `Cors` around the table",
            );
        }
        self.build_for_stack()
    }

    /// As [`build`](Self::build), for a stack, which applies what a table by itself does not.
    pub(crate) fn build_for_stack(mut self) -> Result<Routes, ConfigError> {
        self.refuse_overlaps();
        let unlisted = Arc::new(Route { listed: false, ..Route::new("*", Access::Authenticated) });
        let entries: Vec<_> = self.rules.into_iter().map(|rule| rule.entry).collect();
        let table = Table::new(&entries, self.extras, unlisted);
        match table.map_err(|conflicts| report(conflicts, &mut self.mistakes)) {
            Ok(table) => {
                refuse_whole_bodies(&table, &mut self.mistakes);
                self.mistakes.finish().map(|()| Routes::new(table))
            }
            Err(()) => Err(self.mistakes.into_error()),
        }
    }

    fn refuse_early(&mut self, setter: &'static str, text: &str, guard: &str) {
        self.mistakes.push(
            setter,
            text,
            format!("has the guard `{guard}`, which runs before routes are judged"),
            "put it on the whole stack",
        );
    }

    fn refuse_overlaps(&mut self) {
        for (index, rule) in self.rules.iter().enumerate() {
            let earlier = self.rules.iter().take(index).find(|earlier| {
                rule.entry.route.pattern == earlier.entry.route.pattern
                    && share_a_method(&rule.entry.methods, &earlier.entry.methods)
            });
            if let Some(earlier) = earlier {
                self.mistakes.push(
                    rule.setter,
                    &rule.text,
                    format!("is declared twice, first by `{}`", earlier.setter),
                    "declare each pattern and method once",
                );
            }
            let is_public =
                matches!(rule.entry.route.access, Access::Public { .. } | Access::Probe);
            let covering = self.rules.iter().find(|other| {
                let methods = (&rule.entry.methods, &other.entry.methods);
                covered_by(&other.entry.route).iter().any(|c| **c == *rule.entry.route.pattern)
                    && (methods.0.is_empty()
                        || methods.1.is_empty()
                        || share_a_method(methods.0, methods.1))
            });
            if let Some(covering) = covering.filter(|_| is_public) {
                self.mistakes.push(
                    rule.setter,
                    &rule.text,
                    format!("overlaps `{}`, which covers it, and disagrees", covering.text),
                    "drop one of the two, or narrow the requirement",
                );
            }
        }
    }
}

/// A stream of gRPC has no end to wait for.
fn refuse_whole_bodies(table: &Table, mistakes: &mut Mistakes) {
    let mut told: Vec<&str> = Vec::new();
    for route in table.routes() {
        let guards: Vec<_> = route.flat_guards().collect();
        let reader = guards.iter().find(|guard| guard.needs().intersects(Needs::BODY));
        let is_grpc = guards.iter().any(|guard| guard.name() == NAME);
        if let Some(reader) = reader.filter(|_| is_grpc && !told.contains(&route.pattern())) {
            mistakes.push(
                "route",
                route.pattern(),
                format!("is gRPC, and its guard `{}` reads whole bodies", reader.name()),
                "take the guard off the route, or watch the body as it passes",
            );
            told.push(route.pattern());
        }
    }
}

fn share_a_method(one: &[Method], other: &[Method]) -> bool {
    (one.is_empty() && other.is_empty()) || one.iter().any(|method| other.contains(method))
}

fn report(conflicts: Vec<Conflict>, mistakes: &mut Mistakes) {
    for Conflict { setter, pattern, problem, remedy } in conflicts {
        mistakes.push(setter, pattern, problem, remedy);
    }
}

/// Reads `POST /orders`, `GET,HEAD /reports` or `/orders`.
pub(crate) fn parse(
    setter: &'static str,
    text: &str,
    mistakes: &mut Mistakes,
) -> Option<(Vec<Method>, Arc<str>)> {
    let (methods, pattern) = text.trim().rsplit_once(' ').unwrap_or(("", text.trim()));
    let mut read = Vec::new();
    for method in methods.split([',', ' ']).filter(|method| !method.is_empty()) {
        match Method::from_bytes(method.as_bytes()) {
            Ok(method) if method.as_str() == method.as_str().to_ascii_uppercase() => {
                read.push(method);
            }
            _ => {
                mistakes.push(
                    setter,
                    text,
                    format!("has `{method}`, which is not a method"),
                    "write methods in capitals before the pattern, `GET,HEAD /reports` say",
                );
                return None;
            }
        }
    }
    if pattern != "*" && !pattern.starts_with('/') {
        mistakes.push(
            setter,
            text,
            "has no pattern that begins with a slash",
            "write it as `/orders` or `POST /orders`",
        );
        return None;
    }
    Some((read, pattern.into()))
}

impl fmt::Debug for RoutesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<_> = self.rules.iter().map(|rule| &rule.text).collect();
        f.debug_struct("RoutesBuilder").field("rules", &rules).finish_non_exhaustive()
    }
}
