use std::fmt;

use http::Method;
use serde::Serialize;

use crate::{
    compose::routes,
    error::{ConfigError, Mistakes},
};

use super::{openapi, pattern::Pattern, tree::Tree};

/// The routes that a service has: of an OpenAPI document, or written out.
///
/// Written out they read as the table's own patterns do: `GET /orders/{id}`, `GET,POST /orders`, and
/// `/orders` where every method is answered. What cannot be read is told by whoever uses the list,
/// all of it at once.
///
/// # Example
/// ```
/// use tower_parapet::RouteList;
///
/// let orders = RouteList::from(["GET,POST /", "GET /{id}"]);
/// let routes = RouteList::from(["GET /health"]).and(orders.under("/orders"));
/// assert_eq!(routes.to_string(), "GET /health\nGET,POST /orders\nGET /orders/{id}\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RouteList {
    pub(super) entries: Vec<Entry>,
    pub(super) mistakes: Mistakes,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// None means all.
    pub(super) methods: Vec<Method>,
    pub(super) pattern: Pattern,
}

impl Entry {
    /// Whether it is for a method. `HEAD` follows `GET`.
    pub(super) fn has(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}

impl RouteList {
    /// The routes of an OpenAPI 3 document: utoipa's or aide's, any value that serialises to one, or
    /// its JSON text.
    ///
    /// Parameters are one segment, as the specification has it; a router's `{*path}` that the document
    /// writes as `{path}` is written out beside it, by [`and`](Self::and).
    ///
    /// The routes stand under the base path of the document's servers. Where those have several, or
    /// where a proxy takes it away, say it by [`from_openapi_at`](Self::from_openapi_at).
    pub fn from_openapi(document: &(impl Serialize + ?Sized)) -> Self {
        openapi::read(document, None)
    }

    /// As [`from_openapi`](Self::from_openapi), under a base path as this service sees it, `/` or
    /// `/v1` say, whatever the document's servers are.
    pub fn from_openapi_at(base: &str, document: &(impl Serialize + ?Sized)) -> Self {
        openapi::read(document, Some(base))
    }

    /// These routes and those.
    pub fn and(mut self, other: impl Into<RouteList>) -> Self {
        let other = other.into();
        self.entries.extend(other.entries);
        self.mistakes.absorb_plain(other.mistakes.finish());
        self
    }

    /// The same routes behind a prefix, as under axum's `nest`.
    pub fn under(mut self, prefix: &str) -> Self {
        if !prefix.starts_with('/') {
            self.mistakes.push(
                "under",
                prefix,
                "does not begin with a slash",
                "write the prefix as the router has it, `/v1` say",
            );
        }
        for entry in &mut self.entries {
            entry.pattern = entry.pattern.under(prefix);
        }
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many lines it has; one may be for several methods.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn push(&mut self, text: &str) {
        if let Some((methods, pattern)) = routes::parse("routes", text, &mut self.mistakes) {
            self.entries.push(Entry { methods, pattern: Pattern::new(&pattern) });
        }
    }

    pub(super) fn tree(&self) -> Tree {
        let mut tree = Tree::default();
        for (index, entry) in self.entries.iter().enumerate() {
            tree.insert(&entry.pattern, index);
        }
        tree
    }

    /// What could not be read.
    pub(crate) fn checked(&self) -> Result<(), ConfigError> {
        self.mistakes.clone().finish()
    }
}

impl<T: AsRef<str>> FromIterator<T> for RouteList {
    fn from_iter<I: IntoIterator<Item = T>>(routes: I) -> Self {
        let mut list = Self::default();
        routes.into_iter().for_each(|route| list.push(route.as_ref()));
        list
    }
}

impl<T: AsRef<str>, const N: usize> From<[T; N]> for RouteList {
    fn from(routes: [T; N]) -> Self {
        routes.into_iter().collect()
    }
}

impl<T: AsRef<str>> From<&[T]> for RouteList {
    fn from(routes: &[T]) -> Self {
        routes.iter().collect()
    }
}

impl<T: AsRef<str>> From<Vec<T>> for RouteList {
    fn from(routes: Vec<T>) -> Self {
        routes.into_iter().collect()
    }
}

impl From<&str> for RouteList {
    /// A route a line, of a file by `include_str!` say; empty lines and those with `#` are left out.
    fn from(text: &str) -> Self {
        let lines = text.lines().map(str::trim);
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }
}

impl From<&RouteList> for RouteList {
    fn from(list: &RouteList) -> Self {
        list.clone()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.methods.iter().enumerate() {
            write!(f, "{}{method}", if index == 0 { "" } else { "," })?;
        }
        let space = if self.methods.is_empty() { "" } else { " " };
        write!(f, "{space}{}", self.pattern)
    }
}

impl fmt::Display for RouteList {
    /// A line each, as they would be written out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}
