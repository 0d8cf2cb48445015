use http::Method;
use matchit::{InsertError, Router};

use crate::compose::routes::{parse, widened};
use crate::error::Mistakes;
use crate::path::{self, Separators};

/// Patterns of the policy table's syntax, each with a place.
#[derive(Default)]
pub(in crate::throttle) struct Patterns {
    rules: Vec<Rule>,
    /// Methods that rules name, and the routers for each of them; the last one is for all others.
    methods: Vec<Method>,
    routers: Vec<Router<usize>>,
}

struct Rule {
    methods: Vec<Method>,
    pattern: String,
    place: usize,
}

impl Patterns {
    /// Adds a pattern, `POST /orders` say; one that is none, or that is there already, is a mistake.
    pub(in crate::throttle) fn add(
        &mut self,
        setter: &'static str,
        text: &str,
        place: usize,
        mistakes: &mut Mistakes,
    ) {
        let Some((methods, pattern)) = parse(setter, text, mistakes) else { return };
        if let Err(error) = Router::new().insert(&*pattern, ()) {
            let remedy = "use axum's syntax, `/orders/{id}` say";
            mistakes.push(setter, text, format!("cannot be matched: {error}"), remedy);
            return;
        }
        let rule = Rule { methods, pattern: pattern.to_string(), place };
        if self.rules.iter().any(|known| known.is_twin_of(&rule)) {
            let remedy = "declare each pattern and method once";
            mistakes.push(setter, text, "is declared twice", remedy);
            return;
        }
        self.rules.push(rule);
    }

    /// Makes it ready to be asked. Widened patterns cover what a requirement of that pattern
    /// covers: `/admin/{*rest}` also `/admin`, and `/orders` also `/orders/`.
    pub(in crate::throttle) fn build(
        mut self,
        setter: &'static str,
        is_widened: bool,
        mistakes: &mut Mistakes,
    ) -> Self {
        for method in self.rules.iter().flat_map(|rule| &rule.methods) {
            if !self.methods.contains(method) {
                self.methods.push(method.clone());
            }
        }
        // HEAD follows GET.
        if self.methods.contains(&Method::GET) && !self.methods.contains(&Method::HEAD) {
            self.methods.push(Method::HEAD);
        }
        let mut told: Vec<&str> = Vec::new();
        for method in self.methods.iter().map(Some).chain([None]) {
            let (router, conflicts) = router(&self.rules, method, is_widened);
            self.routers.push(router);
            for (pattern, error) in conflicts {
                if !told.contains(&pattern) {
                    let problem = format!("cannot stand beside the others: {error}");
                    let remedy = "use the same parameter names where patterns overlap";
                    mistakes.push(setter, pattern, problem, remedy);
                    told.push(pattern);
                }
            }
        }
        self
    }

    pub(in crate::throttle) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The place of the narrowest pattern that a path matches as it was sent, or else as it reads
    /// once decoded; both have to agree where that is strict.
    pub(in crate::throttle) fn find(
        &self,
        method: &Method,
        path: &str,
        is_strict: bool,
    ) -> Option<usize> {
        let known = self.methods.iter().position(|known| known == method);
        let router = self.routers.get(known.unwrap_or(self.methods.len()))?;
        let at = |path: &str| router.at(path).ok().map(|found| *found.value);
        let sent = at(path);
        if !path.contains('%') || (sent.is_some() && !is_strict) {
            return sent;
        }
        let meant = path::decode(path, Separators::Text).and_then(|path| at(&path));
        if is_strict { sent.filter(|sent| meant == Some(*sent)) } else { meant }
    }
}

impl Rule {
    fn is_twin_of(&self, other: &Self) -> bool {
        self.pattern == other.pattern
            && ((self.methods.is_empty() && other.methods.is_empty())
                || self.methods.iter().any(|method| other.methods.contains(method)))
    }
}

/// What names the method, then what is for all methods, then what is only covered. Who comes first
/// keeps a pattern.
fn router<'r>(
    rules: &'r [Rule],
    method: Option<&Method>,
    is_widened: bool,
) -> (Router<usize>, Vec<(&'r str, InsertError)>) {
    let mut ordered: Vec<&Rule> = Vec::new();
    let mut conflicts = Vec::new();
    if let Some(method) = method {
        ordered.extend(rules.iter().filter(|rule| rule.methods.contains(method)));
        if method == Method::HEAD {
            ordered.extend(rules.iter().filter(|rule| rule.methods.contains(&Method::GET)));
        }
    }
    ordered.extend(rules.iter().filter(|rule| rule.methods.is_empty()));
    let mut router = Router::new();
    let mut taken: Vec<&str> = Vec::new();
    for rule in &ordered {
        if taken.contains(&&*rule.pattern) {
            continue;
        }
        taken.push(&rule.pattern);
        if let Err(error) = router.insert(&*rule.pattern, rule.place) {
            conflicts.push((&*rule.pattern, error));
        }
    }
    if is_widened {
        let mut covering = ordered;
        covering.sort_by_key(|rule| rule.pattern.contains("/{*"));
        for rule in covering {
            for pattern in widened(&rule.pattern) {
                // A pattern of its own keeps it.
                let _ = router.insert(pattern, rule.place);
            }
        }
    }
    (router, conflicts)
}
