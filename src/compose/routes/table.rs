use std::sync::Arc;

use http::Method;
use matchit::Router;

use super::join::Extra;
use crate::{
    context::{Access, Route},
    guard::{Guard, Guards, Phase},
};

/// A rule of the table, for some methods; none means all.
pub(super) struct Entry {
    pub(super) methods: Vec<Method>,
    pub(super) route: Arc<Route>,
}

/// A pattern that is none, or two that no request could tell apart.
pub(super) struct Conflict {
    pub(super) setter: &'static str,
    pub(super) pattern: String,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// A rule with the methods and the pattern it judges; see [`Table::listing`].
pub(crate) type Listed = (Vec<Option<Method>>, String, Arc<Route>);

/// A router for each method, so that a rule for one method never opens a gap for the others.
pub(super) struct Table {
    /// The usual methods, and those that rules name beside them.
    methods: Vec<Method>,
    /// In the order of the methods; the last one is for every other method.
    slots: Vec<Slot>,
    unlisted: Arc<Route>,
}

pub(super) struct Slot {
    pub(super) rules: Vec<(String, Arc<Route>)>,
    pub(super) router: Router<Arc<Route>>,
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
        mut extras: Vec<Extra>,
        unlisted: Arc<Route>,
    ) -> Result<Self, Vec<Conflict>> {
        let mut conflicts = Vec::new();
        let mut methods = METHODS.to_vec();
        let named = entries.iter().flat_map(|entry| &entry.methods);
        for method in named.chain(extras.iter().flat_map(|extra| &extra.methods)) {
            if !methods.contains(method) {
                methods.push(method.clone());
            }
        }
        extras.sort_by_key(Extra::width);
        let mut slots = Vec::with_capacity(methods.len() + 1);
        for method in methods.iter().map(Some).chain([None]) {
            let rules = rules_for(entries, method);
            let router = router(&rules, &mut conflicts);
            let mut slot = Slot { rules, router };
            for extra in extras.iter().filter(|extra| extra.is_for(method)) {
                slot.join(extra, &unlisted, &mut conflicts);
            }
            slots.push(slot);
        }
        conflicts.dedup_by(|one, other| one.pattern == other.pattern);
        if conflicts.is_empty() { Ok(Self { methods, slots, unlisted }) } else { Err(conflicts) }
    }

    /// The rule for a path as a router would read it.
    pub(super) fn find(&self, method: &Method, path: &str) -> &Arc<Route> {
        self.find_any(Some(method), path)
    }

    /// As [`find`](Self::find); `None` stands for every method that no rule can name.
    pub(super) fn find_any(&self, method: Option<&Method>, path: &str) -> &Arc<Route> {
        let known = self.methods.iter().position(|known| Some(known) == method);
        let index = known.unwrap_or(self.methods.len());
        self.slots
            .get(index)
            .and_then(|slot| slot.router.at(path).ok())
            .map_or(&self.unlisted, |found| found.value)
    }

    /// Every rule once, with the patterns and methods it judges; `None` stands for every method
    /// that no rule can name, and no methods at all mean all.
    pub(super) fn listing(&self) -> Vec<Listed> {
        let mut listing: Vec<Listed> = Vec::new();
        for (slot, method) in self.slots.iter().zip(self.methods.iter().map(Some).chain([None])) {
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

    /// The usual methods, and those that rules name beside them.
    pub(super) fn methods(&self) -> &[Method] {
        &self.methods
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
            && (one.body_limit, one.deadline) == (other.body_limit, other.deadline)
            && one.streams == other.streams
            && guards(one) == guards(other))
}

pub(super) fn router(
    rules: &[(String, Arc<Route>)],
    conflicts: &mut Vec<Conflict>,
) -> Router<Arc<Route>> {
    let mut router = Router::new();
    for (pattern, route) in rules {
        // What a rule covers beyond its pattern falls with the pattern, and is no mistake of its own.
        let is_told =
            |known: &Conflict| known.pattern == *pattern || *known.pattern == *route.pattern;
        if let Err(error) = router.insert(pattern.as_str(), route.clone())
            && !conflicts.iter().any(is_told)
        {
            conflicts.push(Conflict {
                setter: "route",
                pattern: pattern.clone(),
                problem: format!("cannot stand in the table: {error}"),
                remedy: "use axum's syntax, and the same parameter names where patterns overlap",
            });
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
    // What judges `/admin` judges `/admin/` too, whatever else covers it.
    let mut covering = ordered.clone();
    covering.sort_by_key(|entry| entry.route.pattern.contains("/{*"));
    let explicit = ordered.iter().map(|entry| (entry.route.pattern.to_string(), &entry.route));
    let covered = covering.iter().flat_map(|entry| {
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
    match route.access {
        Access::Public { .. } | Access::Probe => Vec::new(),
        _ => widened(&route.pattern),
    }
}

/// The base of a catch-all, with and without a slash; any other pattern with a slash behind it.
pub(crate) fn widened(pattern: &str) -> Vec<String> {
    match pattern.rsplit_once("/{*") {
        Some(("", _)) => vec!["/".to_owned()],
        Some((base, _)) => vec![base.to_owned(), format!("{base}/")],
        None if pattern.ends_with('/') || !pattern.starts_with('/') || pattern.contains("{*") => {
            Vec::new()
        }
        None => vec![format!("{pattern}/")],
    }
}

/// Guards by phase, in the order of the phases.
pub(super) fn grouped(guards: impl Iterator<Item = Arc<dyn Guard>>) -> Vec<(Phase, Guards)> {
    let guards: Vec<_> = guards.collect();
    let of = |phase| -> Guards { guards.iter().filter(|g| g.phase() == phase).cloned().collect() };
    Phase::ALL.into_iter().map(|p| (p, of(p))).filter(|(_, guards)| !guards.is_empty()).collect()
}
