//! What shows only in the whole: protections that are missing, routes that are wide open.

use std::time::Duration;

use http::Method;

use crate::{
    compose::Routes,
    context::{Access, Route},
    guard::Phase,
    inspect::{Findings, Rule, never, rule},
    path::Separators,
};

use super::{Parapet, build};

const LARGE_BODY: u64 = 64 << 20;
const LONG: Duration = Duration::from_secs(300);

impl Parapet {
    /// What there is to say about the settings: each guard about its own, then the whole; and about
    /// the traffic so far, each [`Diagnosis`](crate::inspect::Diagnosis) once.
    ///
    /// The rules are listed on the [findings](crate::findings) page.
    pub fn findings(&self) -> Findings {
        let diagnoses = &self.stack.env.diagnoses;
        let mut report =
            Findings::of_traffic(diagnoses.reached().is_some()).at(self.stack.env.clock.unix());
        build::findings(&mut report);
        self.stack.guards.iter().for_each(|guard| guard.findings(&mut report));
        let of_routes = self.routes.iter().flat_map(Routes::guards);
        of_routes.for_each(|guard| guard.findings(&mut report));
        self.what_is_missing(&mut report);
        self.what_is_large(&mut report);
        match &self.routes {
            Some(routes) => routes.listing().iter().for_each(|(methods, pattern, route)| {
                // What a rule covers beside its own pattern is said once.
                if **pattern == *route.pattern() {
                    about(methods, route, &mut report);
                }
            }),
            None => report.add(
                &rule::BARE_STACK,
                "bare",
                "there is no route table, so every route is open to whom the guards let through",
            ),
        }
        diagnoses.report(&mut report);
        self.what_never_ran(&mut report);
        report
    }

    /// Guards of the stack that no request came to, and rules of the table that none was judged by.
    fn what_never_ran(&self, report: &mut Findings) {
        let Some(reached) = self.stack.env.diagnoses.reached() else { return };
        for guard in self.stack.guards.iter().skip(reached) {
            never(report, guard.name(), "no request came as far as this guard");
        }
        let rules = self.routes.iter().flat_map(Routes::listing);
        for (methods, pattern, route) in rules.filter(|(.., route)| !route.seen.is_marked()) {
            if *pattern == *route.pattern() {
                never(report, subject(&methods, &route), "no request was judged by this rule");
            }
        }
    }

    fn what_is_missing(&self, report: &mut Findings) {
        let runs = |phase: Phase| self.stack.guards.iter().any(|guard| guard.phase() == phase);
        let authenticates = runs(Phase::Authenticate);
        let missing: [(bool, &Rule, &str, &str); 6] = [
            (
                !runs(Phase::EdgeThrottle),
                &rule::NO_EARLY_LIMIT,
                "throttle",
                "nothing limits how often strangers call",
            ),
            (
                authenticates && !report.is_marked("guess-limit"),
                &rule::NO_GUESS_LIMIT,
                "throttle",
                "nothing slows down who tries forged credentials, but what limits everybody",
            ),
            (
                self.stack.env.observers.is_empty(),
                &rule::NO_AUDIT,
                "audit",
                "nobody is told what was refused and why",
            ),
            (
                !report.is_marked("methods"),
                &rule::TRACE_ALLOWED,
                "sanity",
                "any method is let through, TRACE among them",
            ),
            (
                report.is_marked("credentials") && !report.is_marked("csrf"),
                &rule::NO_CSRF,
                "csrf",
                "browsers send cookies here from other origins, and nothing looks where from",
            ),
            (
                authenticates && self.stack.env.peer.is_none(),
                &rule::UNKNOWN_PEER,
                "peer",
                "whether credentials came in the clear cannot be told, so they are let through",
            ),
        ];
        for (_, rule, subject, evidence) in missing.into_iter().filter(|(is_so, ..)| *is_so) {
            report.add(rule, subject, evidence);
        }
    }

    fn what_is_large(&self, report: &mut Findings) {
        let env = &self.stack.env;
        about_body("body_limit", env.body_limit, report);
        let deadlines = [
            ("handler_deadline", env.handler_deadline.unwrap_or(Duration::MAX)),
            ("body_deadline", env.body_deadline),
        ];
        for (setter, deadline) in deadlines.into_iter().filter(|(_, deadline)| *deadline > LONG) {
            let evidence = format!("{} seconds for every route", deadline.as_secs());
            report.add(&rule::LONG_DEADLINE, setter, evidence);
        }
    }
}

fn about_body(subject: &str, limit: u64, report: &mut Findings) {
    let rule = match limit {
        u64::MAX => &rule::NO_BODY_LIMIT,
        LARGE_BODY.. => &rule::LARGE_BODY,
        _ => return,
    };
    report.add(rule, subject.to_owned(), format!("a body may have {limit} bytes"));
}

/// What there is to say about one rule of the table, for the methods it judges; none means all.
fn about(methods: &[Option<Method>], route: &Route, report: &mut Findings) {
    let subject = subject(methods, route);
    let is_every = methods.is_empty() || methods.contains(&None);
    let writes = methods.iter().flatten().any(|method| !method.is_safe());
    match route.access() {
        Access::Public { .. } if is_everything(route.pattern()) => {
            report.add(&rule::PUBLIC_EVERYTHING, subject.clone(), "any path is open to anyone");
        }
        Access::Public { .. } if is_every => {
            report.add(&rule::PUBLIC_ANY_METHOD, subject.clone(), "is open for every method");
        }
        Access::Public { .. } if writes => {
            report.add(&rule::PUBLIC_WRITE, subject.clone(), "anyone may write");
        }
        Access::Optional if (is_every || writes) && !has(route, "authorize") => {
            report.add(&rule::OPTIONAL_WRITE, subject.clone(), "anyone may write, known or not");
        }
        _ => {}
    }
    let takes_content = methods.iter().flatten().any(|method| CONTENT.contains(method));
    if takes_content && !has(route, "json-schema") {
        let evidence = "nothing says what its bodies must look like";
        report.add(&rule::UNTYPED_WRITE, subject.clone(), evidence);
    }
    if route.separators == Separators::Text {
        let evidence = "what is behind it may take an encoded slash for one";
        report.add(&rule::ENCODED_SLASHES, subject.clone(), evidence);
    }
    if route.body_limit == Some(u64::MAX) {
        about_body(&subject, u64::MAX, report);
    }
}

fn subject(methods: &[Option<Method>], route: &Route) -> String {
    let named: Vec<_> = methods.iter().flatten().map(Method::as_str).collect();
    match named.as_slice() {
        [] => route.pattern().to_owned(),
        named => format!("{} {}", named.join(","), route.pattern()),
    }
}

const CONTENT: [Method; 3] = [Method::POST, Method::PUT, Method::PATCH];

fn is_everything(pattern: &str) -> bool {
    pattern.starts_with("/{*")
}

fn has(route: &Route, guard: &str) -> bool {
    route.flat_guards().any(|known| known.name() == guard)
}
