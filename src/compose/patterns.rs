//! A set of routes that a guard is about, in the syntax of the policy table.

use std::borrow::Cow;

use http::Method;
use matchit::Router;

use crate::{
    error::Mistakes,
    path::{Separators, decode},
};

use super::routes::parse;

/// The routes by which a guard knows its own requests: `POST /orders`, `GET,HEAD /orders/{id}`.
///
/// `HEAD` follows `GET`, as in the policy table; several entries of one pattern add up.
#[derive(Clone)]
pub(crate) struct Patterns {
    router: Router<Vec<Entry>>,
    texts: Vec<Box<str>>,
}

#[derive(Clone)]
struct Entry {
    /// Empty for those that the guard takes where none are named.
    methods: Vec<Method>,
    index: usize,
}

/// A route of the set that a request falls under.
pub(crate) struct Matched<'a> {
    /// The pattern alone.
    pub(crate) pattern: &'a str,
    path: Cow<'a, str>,
}

impl Patterns {
    /// Reads the routes; those that name no methods are for `usual`, and no `usual` means all.
    pub(crate) fn read(
        setter: &'static str,
        texts: &[String],
        usual: &[Method],
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut entries: Vec<(String, Vec<Entry>)> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let Some((methods, pattern)) = parse(setter, text, mistakes) else { continue };
            if &*pattern == "*" {
                let remedy = "write `/{*rest}`, or name the routes";
                mistakes.push(setter, text, "names no path", remedy);
                continue;
            }
            let methods = if methods.is_empty() { usual.to_vec() } else { methods };
            let entry = Entry { methods, index };
            match entries.iter_mut().find(|(known, _)| **known == *pattern) {
                Some((_, of_pattern)) => of_pattern.push(entry),
                None => entries.push((pattern.to_string(), vec![entry])),
            }
        }
        let mut router = Router::new();
        for (pattern, of_pattern) in entries {
            if let Err(error) = router.insert(pattern.as_str(), of_pattern) {
                let remedy = "write it as axum would take it beside the others, `/orders/{id}` say";
                mistakes.push(setter, pattern, format!("is no pattern: {error}"), remedy);
            }
        }
        Self { router, texts: texts.iter().map(|text| text.trim().into()).collect() }
    }

    /// The route that a request falls under: by its path as sent, which is how axum routes, else
    /// decoded, and each of them with or without a slash at the end, so that no spelling of a path
    /// gets around the guard where a router is less strict.
    pub(crate) fn find<'a>(&'a self, method: &Method, path: &'a str) -> Option<Matched<'a>> {
        self.find_spelt(method, Cow::Borrowed(path)).or_else(|| {
            let decoded = path.contains('%').then(|| decode(path, Separators::Text)).flatten()?;
            self.find_spelt(method, Cow::Owned(decoded.into_owned()))
        })
    }

    fn find_spelt<'a>(&'a self, method: &Method, path: Cow<'a, str>) -> Option<Matched<'a>> {
        let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty());
        let found = self.router.at(&path).ok().map(|found| (found, path.len()));
        let (found, length) = found
            .or_else(|| bare.and_then(|bare| Some((self.router.at(bare).ok()?, bare.len()))))?;
        let index = found.value.iter().find_map(|entry| {
            let is_own = entry.methods.is_empty()
                || entry.methods.contains(method)
                || (method == Method::HEAD && entry.methods.contains(&Method::GET));
            is_own.then_some(entry.index)
        })?;
        let text = self.texts.get(index)?;
        let pattern = text.rsplit_once(' ').map_or(&**text, |(_, pattern)| pattern);
        let path = match path {
            Cow::Borrowed(path) => Cow::Borrowed(path.get(..length)?),
            Cow::Owned(mut path) => {
                path.truncate(length);
                Cow::Owned(path)
            }
        };
        Some(Matched { pattern, path })
    }

    /// The values of a request's parameters, in the order of the pattern, as a handler gets them.
    pub(crate) fn values(&self, matched: &Matched<'_>, mut each: impl FnMut(&str)) {
        let Ok(found) = self.router.at(&matched.path) else { return };
        for (_, value) in found.params.iter() {
            match value.contains('%').then(|| decode(value, Separators::Text)).flatten() {
                Some(decoded) => each(&decoded),
                None => each(value),
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// As they were written, for a summary: `POST /basket, POST /orders`.
    pub(crate) fn list(&self) -> String {
        self.texts.join(", ")
    }
}

impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.texts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str], usual: &[Method]) -> Result<Patterns, Vec<String>> {
        let mut mistakes = Mistakes::default();
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let patterns = Patterns::read("routes", &texts, usual, &mut mistakes);
        let told = |error: crate::ConfigError| {
            error.mistakes().iter().map(|mistake| mistake.value().to_owned()).collect()
        };
        mistakes.finish().map(|()| patterns).map_err(told)
    }

    fn found(patterns: &Patterns, method: Method, path: &str) -> Option<(String, Vec<String>)> {
        let matched = patterns.find(&method, path)?;
        let mut values = Vec::new();
        patterns.values(&matched, |value| values.push(value.to_owned()));
        Some((matched.pattern.to_owned(), values))
    }

    #[test]
    fn a_request_is_known_by_method_and_path_however_it_is_spelt() {
        let set = [
            "GET /orders/{id}",
            "DELETE /orders/{id}",
            "/users/{user}/keys/{key}",
            "/files/{*rest}",
        ];
        let set = patterns(&set, &[]).unwrap();
        let id = |value: &str| Some(("/orders/{id}".to_owned(), vec![value.to_owned()]));
        for path in ["/orders/17", "/orders/%31%37", "/%6frders/17", "/orders/17/", "/%6frders/17/"]
        {
            assert_eq!(found(&set, Method::GET, path), id("17"), "{path}");
            assert_eq!(found(&set, Method::HEAD, path), id("17"), "{path}");
            assert_eq!(found(&set, Method::DELETE, path), id("17"), "{path}");
            assert_eq!(found(&set, Method::POST, path), None, "{path}");
        }
        assert_eq!(found(&set, Method::GET, "/orders/a%2Fb"), id("a%2Fb"));
        let both = vec!["ada".to_owned(), "1".to_owned()];
        let key = Some(("/users/{user}/keys/{key}".to_owned(), both));
        assert_eq!(found(&set, Method::PATCH, "/users/ada/keys/1"), key);
        let rest = Some(("/files/{*rest}".to_owned(), vec!["a/b".to_owned()]));
        assert_eq!(found(&set, Method::PUT, "/files/a/b"), rest);
        for path in ["/", "", "/orders", "/orders/", "/orders//", "/users/ada/keys", "/orders/%f"] {
            assert_eq!(
                found(&set, Method::GET, path).filter(|_| path != "/orders/%f"),
                None,
                "{path}"
            );
        }
    }

    #[test]
    fn routes_without_methods_are_for_the_usual_ones() {
        let set = patterns(&["/orders", "PUT /orders"], &[Method::POST]).unwrap();
        assert!(found(&set, Method::POST, "/orders").is_some());
        assert!(found(&set, Method::PUT, "/orders").is_some());
        assert!(found(&set, Method::GET, "/orders").is_none());
    }

    #[test]
    fn what_is_no_route_is_a_mistake_each() {
        let wrong = ["orders", "get /orders", "*", "/a/{", "/a/{x}", "/a/{y}"];
        let told = patterns(&wrong, &[]).unwrap_err();
        assert_eq!(told, ["orders", "get /orders", "*", "/a/{", "/a/{y}"]);
    }
}
