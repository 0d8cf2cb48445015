//! What a stack does, in words.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::{
    compose::Routes,
    context::{Access, Route},
    guard::Phase,
    service::Stack,
};

/// The effective order of a stack and, route by route, who may call, under which guards.
///
/// `Display` gives stable text to keep as a snapshot in a test; it serialises to JSON with serde, or
/// by [`to_json`](Self::to_json).
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    guards: Vec<Step>,
    routes: Vec<Line>,
    unlisted: &'static str,
    body_limit_bytes: u64,
    body_deadline_seconds: f64,
    handler_deadline_seconds: Option<f64>,
    observers: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Step {
    phase: String,
    name: &'static str,
    summary: String,
}

#[derive(Clone, Debug, Serialize)]
struct Line {
    methods: Vec<String>,
    pattern: String,
    access: String,
    guards: Vec<Step>,
    body_limit_bytes: Option<u64>,
    deadline_seconds: Option<f64>,
}

impl Manifest {
    pub(crate) fn of(stack: &Stack, routes: Option<&Routes>) -> Self {
        let env = &stack.env;
        let step = |phase: Phase, name, summary: std::borrow::Cow<'static, str>| Step {
            phase: format!("{phase:?}"),
            name,
            summary: summary.into_owned(),
        };
        let line = |(methods, pattern, route): (Vec<http::Method>, String, Arc<Route>)| Line {
            methods: methods.iter().map(ToString::to_string).collect(),
            pattern,
            access: access(route.access()),
            guards: route.flat_guards().map(|g| step(g.phase(), g.name(), g.summary())).collect(),
            body_limit_bytes: route.body_limit,
            deadline_seconds: route.deadline.map(|deadline| deadline.as_secs_f64()),
        };
        Self {
            guards: stack.guards.iter().map(|g| step(g.phase(), g.name(), g.summary())).collect(),
            routes: routes.iter().flat_map(|routes| routes.listing()).map(line).collect(),
            unlisted: if routes.is_some() { "authenticated callers" } else { "no route table" },
            body_limit_bytes: env.body_limit,
            body_deadline_seconds: env.body_deadline.as_secs_f64(),
            handler_deadline_seconds: env.handler_deadline.map(|deadline| deadline.as_secs_f64()),
            observers: env.observers.len() + env.halves.len(),
        }
    }

    /// The manifest as JSON, indented.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

fn access(access: &Access) -> String {
    match access {
        Access::Public { reason } => format!("public ({reason})"),
        Access::Optional => "anyone, known or not".to_owned(),
        Access::Authenticated => "authenticated callers".to_owned(),
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "guards, in the order they run:")?;
        for step in &self.guards {
            writeln!(f, "  {:<12} {:<16} {}", step.phase, step.name, step.summary)?;
        }
        writeln!(f, "routes:")?;
        for line in &self.routes {
            let methods = match line.methods.as_slice() {
                [] => "*".to_owned(),
                methods => methods.join(","),
            };
            write!(f, "  {methods:<10} {:<24} {}", line.pattern, line.access)?;
            if let Some(limit) = line.body_limit_bytes {
                write!(f, ", body at most {limit} bytes")?;
            }
            if let Some(deadline) = line.deadline_seconds {
                write!(f, ", first byte within {deadline} s")?;
            }
            writeln!(f)?;
            for guard in &line.guards {
                writeln!(f, "{:13}{}: {}", "", guard.name, guard.summary)?;
            }
        }
        writeln!(f, "  {:<10} {:<24} {}", "*", "anything else", self.unlisted)?;
        writeln!(f, "limits:")?;
        writeln!(f, "  body at most {} bytes", self.body_limit_bytes)?;
        writeln!(f, "  body read within {} s", self.body_deadline_seconds)?;
        if let Some(deadline) = self.handler_deadline_seconds {
            writeln!(f, "  first byte within {deadline} s")?;
        }
        write!(f, "observers: {}", self.observers)
    }
}
