use std::{collections::HashSet, error::Error, fmt};

use http::Method;

use crate::{
    compose::{Routes, routes::Listed},
    error::ConfigError,
};

use super::list::{Entry, RouteList};

/// How a policy and a list of routes differ; see [`Parapet::covers`](crate::Parapet::covers).
///
/// `Debug` shows the same lines as `Display`, so that a test that unwraps it can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Uncovered {
    unnamed: Vec<String>,
    unserved: Vec<Unserved>,
    unread: Option<ConfigError>,
}

#[derive(Clone, PartialEq, Eq)]
struct Unserved {
    rule: String,
    /// What the list has in its place.
    instead: Option<String>,
}

impl Uncovered {
    /// The routes of the list that no rule names: `POST /orders`.
    pub fn unnamed(&self) -> impl Iterator<Item = &str> {
        self.unnamed.iter().map(String::as_str)
    }

    /// The rules of the policy that no route of the list falls under.
    pub fn unserved(&self) -> impl Iterator<Item = &str> {
        self.unserved.iter().map(|unserved| unserved.rule.as_str())
    }

    /// What could not be read of the list.
    pub fn unread(&self) -> Option<&ConfigError> {
        self.unread.as_ref()
    }
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy and the list of routes differ")?;
        if let Some(unread) = &self.unread {
            write!(f, "\nthe list cannot be read: {unread}")?;
        }
        if !self.unnamed.is_empty() {
            f.write_str("\nserved, and no rule names it (any authenticated caller gets through):")?;
            self.unnamed.iter().try_for_each(|route| write!(f, "\n  {route}"))?;
        }
        if !self.unserved.is_empty() {
            f.write_str("\nnamed by a rule, and nothing serves it:")?;
        }
        self.unserved.iter().try_for_each(|Unserved { rule, instead }| match instead {
            Some(instead) => write!(f, "\n  {rule} (the list has `{instead}`)"),
            None => write!(f, "\n  {rule}"),
        })
    }
}

impl fmt::Debug for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Uncovered {}

/// Compares a table, if there is one, with a list.
pub(crate) fn compare(routes: Option<&Routes>, list: &RouteList) -> Result<(), Uncovered> {
    let mut served = Served::default();
    let unnamed = list.entries.iter().filter_map(|entry| served.add(routes, entry)).collect();
    let tree = list.tree();
    let own = routes.map(Routes::listing).unwrap_or_default().into_iter();
    let own = own.filter(|(_, pattern, route)| *pattern == *route.pattern() && !route.is_answered);
    let unserved = own.filter_map(|rule| {
        let methods = served.missing(&rule)?;
        let samples = super::pattern::Pattern::new(&rule.1).samples();
        let listed = |pleases: &dyn Fn(usize) -> bool| tree.find(samples.first()?, pleases);
        let has = |index: usize| {
            let entry = list.entries.get(index);
            entry.is_some_and(|entry| methods.iter().flatten().any(|method| entry.has(method)))
        };
        let instead = listed(&has).or_else(|| listed(&|_| true));
        let instead = instead.and_then(|index| list.entries.get(index)).map(ToString::to_string);
        Some(Unserved { rule: in_words(&methods, &rule.1), instead })
    });
    let uncovered =
        Uncovered { unnamed, unserved: unserved.collect(), unread: list.checked().err() };
    let is_covered =
        uncovered.unnamed.is_empty() && uncovered.unserved.is_empty() && uncovered.unread.is_none();
    if is_covered { Ok(()) } else { Err(uncovered) }
}

/// Which rules the routes of a list fall under, by method.
#[derive(Default)]
struct Served(HashSet<(Option<Method>, String)>);

impl Served {
    /// Notes the rules that a route falls under, and tells what of it falls under none.
    fn add(&mut self, routes: Option<&Routes>, entry: &Entry) -> Option<String> {
        let Some(routes) = routes else { return Some(entry.to_string()) };
        let methods: Vec<Option<Method>> = match entry.methods.as_slice() {
            [] => routes.methods().map(Some).chain([None]).collect(),
            named => {
                let head = Some(Method::HEAD).filter(|head| entry.has(head));
                let mut methods: Vec<_> = named.iter().cloned().chain(head).map(Some).collect();
                methods.dedup();
                methods
            }
        };
        let samples = entry.pattern.samples();
        let (named, unnamed): (Vec<_>, Vec<_>) = methods.into_iter().partition(|method| {
            let mut rules = samples.iter().map(|path| routes.rule(method.as_ref(), path));
            rules.by_ref().all(|rule| {
                self.0.insert((method.clone(), rule.pattern().to_owned()));
                rule.is_listed()
            })
        });
        match (named.as_slice(), unnamed.as_slice()) {
            (_, []) => None,
            ([], _) => Some(entry.to_string()),
            (named, _) if entry.methods.is_empty() => {
                let named: Vec<_> = named.iter().flatten().map(Method::as_str).collect();
                Some(format!("{} (by other methods than {})", entry.pattern, named.join(",")))
            }
            (_, unnamed) => Some(in_words(unnamed, &entry.pattern.to_string())),
        }
    }

    /// The methods of a rule that nothing serves. A rule for all methods wants one of them.
    fn missing(&self, (methods, pattern, _): &Listed) -> Option<Vec<Option<Method>>> {
        let is_served =
            |method: &Option<Method>| self.0.contains(&(method.clone(), pattern.clone()));
        if methods.is_empty() || methods.contains(&None) {
            let any = self.0.iter().any(|(method, rule)| {
                rule == pattern && (methods.is_empty() || methods.contains(method))
            });
            return (!any).then(Vec::new);
        }
        let missing: Vec<_> = methods.iter().filter(|method| !is_served(method)).cloned().collect();
        (!missing.is_empty()).then_some(missing)
    }
}

/// `GET,POST /orders`. `HEAD` goes without saying where `GET` is.
fn in_words(methods: &[Option<Method>], pattern: &str) -> String {
    let get = methods.contains(&Some(Method::GET));
    let named = methods.iter().flatten().filter(|method| !(get && **method == Method::HEAD));
    let named: Vec<_> = named.map(Method::as_str).collect();
    match named.as_slice() {
        [] => pattern.to_owned(),
        named => format!("{} {pattern}", named.join(",")),
    }
}
