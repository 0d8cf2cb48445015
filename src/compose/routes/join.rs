//! Guards that join whatever rule judges a route, and loosen nothing.

use std::sync::Arc;

use http::Method;
use matchit::Router;

use crate::{
    context::{Access, Route},
    guard::Guard,
};

use super::table::{Conflict, Slot, grouped, router, widened};

/// A guard that joins whatever rule judges a route.
pub(super) struct Extra {
    pub(super) setter: &'static str,
    pub(super) methods: Vec<Method>,
    pub(super) pattern: Arc<str>,
    pub(super) guard: Arc<dyn Guard>,
}

impl Extra {
    pub(super) fn is_for(&self, method: Option<&Method>) -> bool {
        self.methods.is_empty()
            || method.is_some_and(|method| {
                self.methods.contains(method)
                    || (method == Method::HEAD && self.methods.contains(&Method::GET))
            })
    }

    /// Sorts what covers more before what it covers, so that the order of the calls does not matter.
    pub(super) fn width(&self) -> (usize, bool) {
        let fixed = self.pattern.split('/').filter(|segment| !is_parameter(segment)).count();
        (fixed, !self.pattern.contains("/{*"))
    }

    fn joined(&self, base: &Route, pattern: &str) -> Arc<Route> {
        let mut joined = base.clone();
        joined.pattern = pattern.into();
        joined.listed = true;
        joined.guards = grouped(joined.flat_guards().chain([self.guard.clone()]));
        Arc::new(joined)
    }
}

impl Slot {
    pub(super) fn join(&mut self, extra: &Extra, unlisted: &Arc<Route>, out: &mut Vec<Conflict>) {
        let pattern = &*extra.pattern;
        let base = self.judge(pattern, unlisted).clone();
        if *base.access() == Access::Probe {
            out.push(Conflict {
                setter: extra.setter,
                pattern: pattern.to_owned(),
                problem: "is a probe, which no such guard judges".to_owned(),
                remedy: "write `public` in place of `probe`, or leave the guard out",
            });
            return;
        }
        let joined = extra.joined(&base, pattern);
        if self.rules.iter().any(|(known, _)| known == pattern) {
            let is_whole = *base.pattern == *pattern;
            for (known, route) in &mut self.rules {
                if Arc::ptr_eq(route, &base) && (is_whole || known == pattern) {
                    *route = joined.clone();
                }
            }
            self.router = router(&self.rules, out);
            return;
        }
        if let Err(other) = self.add(pattern, &base, &joined, unlisted, out) {
            out.push(Conflict {
                setter: extra.setter,
                pattern: pattern.to_owned(),
                problem: format!("is judged by `{}` and by `{other}`", base.pattern),
                remedy: "name a route for each of them",
            });
            return;
        }
        for wider in widened(pattern) {
            if Arc::ptr_eq(self.judge(&wider, unlisted), &base) {
                match self.rules.iter_mut().find(|(known, _)| *known == wider) {
                    Some((_, route)) => *route = joined.clone(),
                    // Where it would take requests from a third rule, they stay with that.
                    None => drop(self.add(&wider, &base, &joined, unlisted, out)),
                }
            }
        }
        self.router = router(&self.rules, out);
    }

    fn judge<'a>(&'a self, path: &str, unlisted: &'a Arc<Route>) -> &'a Arc<Route> {
        self.router.at(path).map_or(unlisted, |found| found.value)
    }

    /// Adds a pattern, unless it would take requests from another rule than `base`: that one's
    /// pattern is the error then.
    fn add(
        &mut self,
        pattern: &str,
        base: &Arc<Route>,
        joined: &Arc<Route>,
        unlisted: &Arc<Route>,
        out: &mut Vec<Conflict>,
    ) -> Result<(), Arc<str>> {
        let mut rules = self.rules.clone();
        rules.push((pattern.to_owned(), joined.clone()));
        let after: Router<Arc<Route>> = router(&rules, out);
        let shared = self.rules.iter().filter_map(|(other, _)| meet(pattern, other));
        // However deep, a path under a catch-all must have been judged by the same rule.
        for path in shared.chain([format!("{pattern}/deeper")]) {
            let before = self.judge(&path, unlisted);
            let is_taken = after.at(&path).is_ok_and(|found| Arc::ptr_eq(found.value, joined));
            if is_taken && !Arc::ptr_eq(before, base) {
                return Err(before.pattern.clone());
            }
        }
        self.rules = rules;
        self.router = after;
        Ok(())
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{') && !segment.starts_with("{{")
}

/// A path that both patterns match, if any path does.
fn meet(one: &str, other: &str) -> Option<String> {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    let mut path = Vec::new();
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return Some(path.join("/")),
            (Some(rest), Some(segment)) if rest.starts_with("{*") => {
                path.push(segment);
                path.extend(others);
                return Some(path.join("/"));
            }
            (Some(segment), Some(rest)) if rest.starts_with("{*") => {
                path.push(segment);
                path.extend(ones);
                return Some(path.join("/"));
            }
            (Some(segment), Some(other)) if segment == other || is_parameter(other) => {
                path.push(segment);
            }
            (Some(parameter), Some(segment)) if is_parameter(parameter) => path.push(segment),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_in_the_most_particular_path_that_both_match() {
        for (one, other, path) in [
            ("/a/{x}", "/{y}/b", Some("/a/b")),
            ("/a/{x}", "/a/{y}", Some("/a/{x}")),
            ("/a/{*rest}", "/{y}/{z}", Some("/a/{z}")),
            ("/{y}/b/c", "/a/{*rest}", Some("/a/b/c")),
            ("/a", "/b", None),
            ("/a/{x}", "/a", None),
            ("/a", "/a/{*rest}", None),
        ] {
            assert_eq!(meet(one, other).as_deref(), path, "{one} and {other}");
        }
    }
}
