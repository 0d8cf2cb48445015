//! What a stack does, in words.

mod text;

use std::{sync::Arc, time::Duration};

use http::Method;
use serde::Serialize;

use crate::{
    compose::Routes,
    context::{Access, Route},
    guard::Guard,
    path::Separators,
    service::Stack,
};

/// The effective order of a stack and, route by route, who may call, under which guards.
///
/// `Display` gives stable text to keep as a snapshot in a test; it serialises to JSON with serde, or
/// by [`to_json`](Self::to_json).
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    guards: Vec<Step>,
    /// The last one is for what no other one names; `None` without a route table.
    routes: Option<Vec<Line>>,
    body_limit_bytes: u64,
    body_deadline_seconds: f64,
    handler_deadline_seconds: Option<f64>,
    idle_deadline_seconds: Option<f64>,
    observers: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Step {
    phase: String,
    name: &'static str,
    summary: String,
}

/// A rule of the table.
#[derive(Clone, Debug, Serialize)]
struct Line {
    /// Empty for every method; `*` stands for those that have no rule of their own here and no
    /// name in HTTP's own documents.
    methods: Vec<String>,
    pattern: String,
    /// False for the rule of what no other one names.
    listed: bool,
    /// What the rule covers beside its pattern: `/admin` where that is `/admin/{*rest}`.
    covers: Vec<String>,
    access: Who,
    /// What the caller must hold.
    requires: Vec<String>,
    guards: Vec<Step>,
    body_limit_bytes: Option<u64>,
    deadline_seconds: Option<f64>,
    idle_seconds: Option<f64>,
    pace_bytes_per_second: Option<u64>,
    /// Whether `%2F` and `%5C` are let through, as text.
    encoded_slashes: bool,
    /// Whether a browser that calls it in the clear is sent on to HTTPS.
    browser: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Who {
    /// Anyone, for a reason.
    Public(String),
    /// Health checks, which no other rule stands in the way of.
    Probe,
    Optional,
    Authenticated,
}

impl Manifest {
    pub(crate) fn of(stack: &Stack, routes: Option<&Routes>) -> Self {
        let env = &stack.env;
        Self {
            guards: stack.guards.iter().map(Step::of).collect(),
            routes: routes.map(lines),
            body_limit_bytes: env.body_limit,
            body_deadline_seconds: env.body_deadline.as_secs_f64(),
            handler_deadline_seconds: env.handler_deadline.as_ref().map(Duration::as_secs_f64),
            idle_deadline_seconds: env.idle_deadline.as_ref().map(Duration::as_secs_f64),
            observers: env.observers.len() + env.halves.len(),
        }
    }

    /// The manifest as JSON, indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl Step {
    fn of(guard: &Arc<dyn Guard>) -> Self {
        Self {
            phase: format!("{:?}", guard.phase()),
            name: guard.name(),
            summary: guard.summary().into_owned(),
        }
    }
}

impl Line {
    fn of(methods: &[Option<Method>], pattern: String, route: &Route) -> Self {
        let steps = route.cross_origin.iter().cloned().chain(route.flat_guards());
        let steps = steps.map(|guard| Step::of(&guard));
        let (requirements, guards): (Vec<_>, Vec<_>) =
            steps.partition(|step| step.name == "authorize" && !step.summary.is_empty());
        Self {
            methods: methods
                .iter()
                .map(|m| m.as_ref().map_or("*", Method::as_str).into())
                .collect(),
            pattern,
            listed: route.is_listed(),
            covers: Vec::new(),
            access: Who::of(route.access()),
            requires: requirements.into_iter().map(|step| step.summary).collect(),
            guards,
            body_limit_bytes: route.body_limit,
            deadline_seconds: route.deadline.as_ref().map(Duration::as_secs_f64),
            idle_seconds: route.streams.idle.as_ref().map(Duration::as_secs_f64),
            pace_bytes_per_second: route.streams.pace,
            encoded_slashes: route.separators == Separators::Text,
            browser: route.is_browser,
        }
    }
}

impl Who {
    fn of(access: &Access) -> Self {
        match access {
            Access::Public { reason } => Self::Public(reason.to_string()),
            Access::Probe => Self::Probe,
            Access::Optional => Self::Optional,
            Access::Authenticated => Self::Authenticated,
        }
    }
}

/// The rules in the order of their patterns. What a rule covers beside its pattern stands with it,
/// unless other rules took some of its methods there.
fn lines(routes: &Routes) -> Vec<Line> {
    let (own, beside): (Vec<_>, Vec<_>) =
        routes.listing().into_iter().partition(|(_, pattern, route)| pattern == route.pattern());
    let own = own.into_iter().map(|(methods, pattern, route)| Line::of(&methods, pattern, &route));
    let mut lines: Vec<_> = own.collect();
    for (methods, pattern, route) in beside {
        let line = Line::of(&methods, pattern, &route);
        let rule = lines
            .iter_mut()
            .find(|rule| rule.pattern == route.pattern() && rule.methods == line.methods);
        match rule {
            Some(rule) => rule.covers.push(line.pattern),
            None => lines.push(line),
        }
    }
    lines.sort_by(|one, other| one.pattern.cmp(&other.pattern));
    lines.push(Line::of(&[], "*".to_owned(), routes.unlisted()));
    lines
}
