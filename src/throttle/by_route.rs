//! What a setter says of single routes.

use http::Method;
use matchit::Router;

use crate::error::Mistakes;
use crate::guard::Exchange;
use crate::path::{self, Separators};

/// Values of routes, named as the policy names them: `POST /reports`, `GET,HEAD /reports` or
/// `/admin/{*rest}`, which also covers `/admin` and `/admin/`. `HEAD` follows `GET`.
#[derive(Clone, Debug)]
pub(super) struct ByRoute<T> {
    /// A router for each method that is named, and one for all others.
    slots: Vec<(Option<Method>, Router<T>)>,
}

impl<T> Default for ByRoute<T> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

impl<T: Clone> ByRoute<T> {
    /// What is written in `rules`, each of which is a mistake of `setter` where it cannot be read or
    /// another one says the same.
    pub(super) fn new(
        setter: &'static str,
        rules: &[(String, T)],
        mistakes: &mut Mistakes,
    ) -> Self {
        let rules: Vec<_> = rules
            .iter()
            .filter_map(|(text, value)| {
                let (methods, pattern) = parse(setter, text, mistakes)?;
                Some((text, methods, pattern, value))
            })
            .collect();
        let mut named: Vec<_> = rules.iter().flat_map(|rule| rule.1.iter().cloned()).collect();
        named.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        named.dedup();
        let mut slots = Vec::new();
        for method in named.into_iter().map(Some).chain([None]) {
            let mut router = Router::new();
            // A rule for the method itself comes before one for all methods of the same pattern.
            let (own, others): (Vec<_>, Vec<_>) =
                rules.iter().partition(|rule| method.as_ref().is_some_and(|m| rule.1.contains(m)));
            for (text, _, pattern, value) in &own {
                if let Err(error) = router.insert(*pattern, (*value).clone()) {
                    conflict(setter, text, &error, mistakes);
                }
            }
            // HEAD follows GET, also where another rule names it.
            let follows =
                |methods: &[Method]| method == Some(Method::HEAD) && methods.contains(&Method::GET);
            for (_, _, pattern, value) in others.iter().filter(|rule| follows(&rule.1)) {
                drop(router.insert(*pattern, (*value).clone()));
            }
            for (text, _, pattern, value) in others.iter().filter(|rule| rule.1.is_empty()) {
                let inserted = router.insert(*pattern, (*value).clone());
                if let (Err(error), None) = (&inserted, &method) {
                    conflict(setter, text, error, mistakes);
                }
            }
            for (_, methods, pattern, value) in &rules {
                let is_its =
                    method.as_ref().is_some_and(|m| methods.contains(m)) || follows(methods);
                if !is_its && !methods.is_empty() {
                    continue;
                }
                for base in bases(pattern) {
                    // One that has a rule of its own keeps it.
                    drop(router.insert(base, (*value).clone()));
                }
            }
            slots.push((method, router));
        }
        Self { slots }
    }

    /// What is said of the route a request asks for, as sent, and as it reads once decoded.
    pub(super) fn of<'a>(&'a self, exchange: &Exchange) -> [Option<&'a T>; 2] {
        let (method, sent) = (exchange.judged_method(), exchange.path());
        let decoded = match sent.contains('%') {
            true => path::decode(sent, Separators::Text),
            false => None,
        };
        [Some(sent), decoded.as_deref()].map(|path| self.find(method, path?))
    }

    fn find(&self, method: &Method, path: &str) -> Option<&T> {
        let of = |method: Option<&Method>| {
            self.slots.iter().find(|(known, _)| known.as_ref() == method).map(|(_, router)| router)
        };
        let own = of(Some(method)).or_else(|| match *method {
            Method::HEAD => of(Some(&Method::GET)),
            _ => None,
        });
        own.or_else(|| of(None))?.at(path).ok().map(|found| found.value)
    }
}

/// `/admin` and `/admin/` for `/admin/{*rest}`.
fn bases(pattern: &str) -> impl Iterator<Item = String> {
    let base = pattern.rsplit_once("/{*").map(|(base, _)| base.to_owned());
    base.into_iter().flat_map(|base| [format!("{base}/"), base]).filter(|base| !base.is_empty())
}

fn conflict(
    setter: &'static str,
    text: &str,
    error: &matchit::InsertError,
    mistakes: &mut Mistakes,
) {
    let problem = match error {
        matchit::InsertError::Conflict { .. } => "names a route that another one names".to_owned(),
        other => format!("is no pattern: {}", other.to_string().to_lowercase()),
    };
    mistakes.push(setter, text, problem, "name each route once, as `POST /reports/{id}`");
}

/// Reads `POST /orders`, `GET,HEAD /reports` or `/orders`.
fn parse<'a>(
    setter: &'static str,
    text: &'a str,
    mistakes: &mut Mistakes,
) -> Option<(Vec<Method>, &'a str)> {
    let (methods, pattern) = text.trim().rsplit_once(' ').unwrap_or(("", text.trim()));
    let names = methods.split([',', ' ']).filter(|method| !method.is_empty());
    let read: Option<Vec<_>> = names
        .map(|name| {
            let is_upper = !name.bytes().any(|byte| byte.is_ascii_lowercase());
            Method::from_bytes(name.as_bytes()).ok().filter(|_| is_upper)
        })
        .collect();
    let read = read.filter(|_| pattern.starts_with('/')).map(|methods| (methods, pattern));
    if read.is_none() {
        let remedy = "write it as `/reports`, `POST /reports` or `GET,HEAD /reports/{id}`";
        mistakes.push(setter, text, "names no route", remedy);
    }
    read
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::clock::ManualClock;

    fn rules(list: &[(&str, u32)]) -> (ByRoute<u32>, usize) {
        let list: Vec<_> = list.iter().map(|(text, value)| ((*text).to_owned(), *value)).collect();
        let mut mistakes = Mistakes::default();
        let rules = ByRoute::new("cost_on", &list, &mut mistakes);
        (rules, mistakes.len())
    }

    fn of(rules: &ByRoute<u32>, method: &str, path: &str) -> Option<u32> {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        let exchange = Exchange::test(request, ManualClock::default());
        rules.of(&exchange).into_iter().flatten().max().copied()
    }

    #[test]
    fn a_method_s_own_rule_comes_before_that_of_all_methods() {
        let (rules, mistakes) = rules(&[
            ("/reports", 2),
            ("POST /reports", 9),
            ("GET /reports/{id}", 3),
            ("/admin/{*rest}", 4),
        ]);
        assert_eq!(mistakes, 0);
        assert_eq!(of(&rules, "GET", "/reports"), Some(2));
        assert_eq!(of(&rules, "POST", "/reports"), Some(9));
        assert_eq!(of(&rules, "PURGE", "/reports"), Some(2));
        assert_eq!(of(&rules, "HEAD", "/reports/7?full=1"), Some(3));
        assert_eq!(of(&rules, "DELETE", "/reports/7"), None);
        for path in ["/admin", "/admin/", "/admin/a/b"] {
            assert_eq!(of(&rules, "POST", path), Some(4), "{path}");
        }
        assert_eq!(of(&rules, "GET", "/administrators"), None);
    }

    #[test]
    fn a_path_is_read_as_sent_and_as_it_is_once_decoded() {
        let (rules, _) = rules(&[("/reports", 25), ("/%72aw", 3)]);
        assert_eq!(of(&rules, "GET", "/%72eports"), Some(25));
        assert_eq!(of(&rules, "GET", "/%72aw"), Some(3));
        assert_eq!(of(&rules, "GET", "/reports/"), None);
        assert_eq!(of(&rules, "GET", "/%ff"), None);
    }

    #[test]
    fn what_names_no_route_or_one_twice_is_a_mistake() {
        for bad in ["reports", "post /reports", "", "POST", "/{id", "/a/{*rest}/b"] {
            assert_eq!(rules(&[(bad, 2)]).1, 1, "{bad}");
        }
        assert_eq!(rules(&[("GET /a/{b}", 2), ("GET,POST /a/{c}", 3)]).1, 1);
        assert_eq!(rules(&[("/a", 2), ("/a", 2)]).1, 1);
        assert_eq!(rules(&[("/a", 2), ("GET /a", 2)]).1, 0);
    }
}
