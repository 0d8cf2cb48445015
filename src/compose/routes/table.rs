use std::sync::Arc;

use http::Method;
use matchit::Router;

use crate::{
    context::{Access, Route},
    guard::{Guard, Guards, Phase},
};

/// A rule of the table, for some methods; none means all.
pub(super) struct Entry {
    pub(super) methods: Vec<Method>,
    pub(super) route: Arc<Route>,
}

/// A guard that joins whatever rule judges a route.
pub(super) struct Extra {
    pub(super) methods: Vec<Method>,
    pub(super) pattern: Arc<str>,
    pub(super) guard: Arc<dyn Guard>,
}

/// A pattern that is none, or two that no request could tell apart.
pub(super) struct Conflict {
    pub(super) pattern: String,
    pub(super) problem: String,
}

/// A rule with the methods and the pattern it judges; see [`Table::listing`].
pub(super) type Listed = (Vec<Option<Method>>, String, Arc<Route>);

/// A router for each method, so that a rule for one method never opens a gap for the others.
pub(super) struct Table {
    /// In the order of [`METHODS`]; the last one is for every other method.
    slots: Vec<Slot>,
    unlisted: Arc<Route>,
}

struct Slot {
    rules: Vec<(String, Arc<Route>)>,
    router: Router<Arc<Route>>,
}

const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

impl Table {
    pub(super) fn new(
        entries: &[Entry],
        extras: &[Extra],
        unlisted: Arc<Route>,
    ) -> Result<Self, Vec<Conflict>> {
        let mut conflicts = Vec::new();
        let mut slots = Vec::with_capacity(METHODS.len() + 1);
        for method in METHODS.iter().map(Some).chain([None]) {
            let rules = rules_for(entries, method);
            let router = router(&rules, &mut conflicts);
            let mut slot = Slot { rules, router };
            for extra in extras.iter().filter(|extra| extra.is_for(method)) {
                slot.join(extra, &unlisted, &mut conflicts);
            }
            slots.push(slot);
        }
        if conflicts.is_empty() { Ok(Self { slots, unlisted }) } else { Err(conflicts) }
    }

    /// The rule for a path as a router would read it.
    pub(super) fn find(&self, method: &Method, path: &str) -> &Arc<Route> {
        let index = METHODS.iter().position(|known| known == method).unwrap_or(METHODS.len());
        self.slots
            .get(index)
            .and_then(|slot| slot.router.at(path).ok())
            .map_or(&self.unlisted, |found| found.value)
    }

    /// Every rule once, with the patterns and methods it judges; `None` stands for every method
    /// that no rule can name, and no methods at all mean all.
    pub(super) fn listing(&self) -> Vec<Listed> {
        let mut listing: Vec<Listed> = Vec::new();
        for (slot, method) in self.slots.iter().zip(METHODS.iter().map(Some).chain([None])) {
            for (pattern, route) in &slot.rules {
                let method = method.cloned();
                let known = listing.iter_mut().find(|(_, p, r)| p == pattern && same(r, route));
                match known {
                    Some((methods, _, _)) => methods.push(method),
                    None => listing.push((vec![method], pattern.clone(), route.clone())),
                }
            }
        }
        for (methods, _, _) in &mut listing {
            if methods.len() == self.slots.len() {
                methods.clear();
            }
        }
        listing.sort_by(|(_, a, _), (_, b, _)| a.cmp(b));
        listing
    }

    pub(super) fn unlisted(&self) -> &Route {
        &self.unlisted
    }

    /// All rules, each once.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.slots.iter().flat_map(|slot| slot.rules.iter().map(|(_, route)| route))
    }
}

/// The same rule, or copies of one rule that differ in nothing.
fn same(one: &Arc<Route>, other: &Arc<Route>) -> bool {
    let guards = |route: &Route| -> Vec<*const ()> {
        let all = route.guards.iter().flat_map(|(_, guards)| guards.iter());
        all.map(|guard| Arc::as_ptr(guard).cast()).collect()
    };
    Arc::ptr_eq(one, other)
        || (one.pattern == other.pattern
            && one.access == other.access
            && guards(one) == guards(other))
}

impl Extra {
    fn is_for(&self, method: Option<&Method>) -> bool {
        self.methods.is_empty()
            || method.is_some_and(|method| {
                self.methods.contains(method)
                    || (method == Method::HEAD && self.methods.contains(&Method::GET))
            })
    }
}

impl Slot {
    fn join(&mut self, extra: &Extra, unlisted: &Arc<Route>, conflicts: &mut Vec<Conflict>) {
        let base = self.router.at(&extra.pattern).map_or(unlisted, |found| found.value);
        let mut joined = Route::clone(base);
        joined.pattern = extra.pattern.clone();
        joined.listed = true;
        joined.guards = grouped(joined.flat_guards().chain([extra.guard.clone()]));
        let joined = Arc::new(joined);
        let mut patterns = covered_by(&joined);
        patterns.push(extra.pattern.to_string());
        for pattern in patterns {
            match self.rules.iter_mut().find(|(known, _)| *known == pattern) {
                Some((_, route)) => *route = joined.clone(),
                None => self.rules.push((pattern, joined.clone())),
            }
        }
        self.router = router(&self.rules, conflicts);
    }
}

fn router(rules: &[(String, Arc<Route>)], conflicts: &mut Vec<Conflict>) -> Router<Arc<Route>> {
    let mut router = Router::new();
    for (pattern, route) in rules {
        if let Err(error) = router.insert(pattern.as_str(), route.clone())
            && !conflicts.iter().any(|known| known.pattern == *pattern)
        {
            conflicts.push(Conflict { pattern: pattern.clone(), problem: error.to_string() });
        }
    }
    router
}

/// What stands in one method's router: what names the method, then what is for all methods, then
/// what a requirement covers beyond its pattern. Who comes first keeps a pattern.
fn rules_for(entries: &[Entry], method: Option<&Method>) -> Vec<(String, Arc<Route>)> {
    let mut ordered: Vec<&Entry> = Vec::new();
    if let Some(method) = method {
        ordered.extend(entries.iter().filter(|entry| entry.methods.contains(method)));
        if method == Method::HEAD {
            ordered.extend(entries.iter().filter(|entry| entry.methods.contains(&Method::GET)));
        }
    }
    ordered.extend(entries.iter().filter(|entry| entry.methods.is_empty()));
    let explicit = ordered.iter().map(|entry| (entry.route.pattern.to_string(), &entry.route));
    let covered = ordered.iter().flat_map(|entry| {
        covered_by(&entry.route).into_iter().map(move |pattern| (pattern, &entry.route))
    });
    let mut rules: Vec<(String, Arc<Route>)> = Vec::new();
    for (pattern, route) in explicit.chain(covered) {
        if !rules.iter().any(|(known, _)| *known == pattern) {
            rules.push((pattern, route.clone()));
        }
    }
    rules
}

/// What a rule that is not public covers beyond its own pattern.
pub(super) fn covered_by(route: &Route) -> Vec<String> {
    let pattern = &*route.pattern;
    if matches!(route.access, Access::Public { .. }) {
        return Vec::new();
    }
    match pattern.rsplit_once("/{*") {
        Some(("", _)) => vec!["/".to_owned()],
        Some((base, _)) => vec![base.to_owned(), format!("{base}/")],
        None if pattern.ends_with('/') || !pattern.starts_with('/') => Vec::new(),
        None => vec![format!("{pattern}/")],
    }
}

/// Guards by phase, in the order of the phases.
pub(super) fn grouped(guards: impl Iterator<Item = Arc<dyn Guard>>) -> Vec<(Phase, Guards)> {
    let guards: Vec<_> = guards.collect();
    let of = |phase| -> Guards { guards.iter().filter(|g| g.phase() == phase).cloned().collect() };
    Phase::ALL.into_iter().map(|p| (p, of(p))).filter(|(_, guards)| !guards.is_empty()).collect()
}
