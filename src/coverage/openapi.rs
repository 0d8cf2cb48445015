//! Reads the routes of an OpenAPI 3 document, and nothing else of it.

use std::collections::BTreeSet;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::Mistakes;

use super::{
    list::{Entry, RouteList},
    pattern::Pattern,
};

const METHODS: [(&str, Method); 8] = [
    ("get", Method::GET),
    ("put", Method::PUT),
    ("post", Method::POST),
    ("delete", Method::DELETE),
    ("options", Method::OPTIONS),
    ("head", Method::HEAD),
    ("patch", Method::PATCH),
    ("trace", Method::TRACE),
];

/// A path item may refer to another one, and that to a third; a circle ends somewhere.
const MAX_REFERENCES: usize = 8;

pub(super) fn read(document: &(impl Serialize + ?Sized), base: Option<&str>) -> RouteList {
    let mut list = RouteList::default();
    let document = match to_document(document) {
        Ok(document) => document,
        Err(problem) => {
            list.mistakes.push("from_openapi", "", problem, REMEDY);
            return list;
        }
    };
    let mut reader = Reader { document: &document, base, list };
    reader.read();
    reader.list
}

const REMEDY: &str = "give it an OpenAPI 3 document, as a value or as JSON text";

fn to_document(document: &(impl Serialize + ?Sized)) -> Result<Value, String> {
    let value =
        serde_json::to_value(document).map_err(|error| format!("does not serialise: {error}"))?;
    let value = match value {
        Value::String(text) => {
            serde_json::from_str(&text).map_err(|error| format!("is not JSON: {error}"))?
        }
        value => value,
    };
    match value.get("openapi").and_then(Value::as_str) {
        Some(version) if version.starts_with("3.") => Ok(value),
        Some(version) => Err(format!("is of version `{}`", version.escape_debug())),
        None => Err("has no `openapi` field".to_owned()),
    }
}

struct Reader<'a> {
    document: &'a Value,
    /// What the caller says, whatever the servers are.
    base: Option<&'a str>,
    list: RouteList,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        if let Some(base) = self.base.filter(|base| !base.starts_with('/')) {
            self.list.mistakes.push(
                "from_openapi_at",
                base,
                "does not begin with a slash",
                "write the base path as this service sees it, `/` or `/v1` say",
            );
        }
        let Some(document) = self.document.as_object() else { return };
        let base = self.base_of(document, "servers", "");
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, item) in paths.into_iter().flatten().filter(|(key, _)| !key.starts_with("x-")) {
            let is_odd = |c: char| c.is_control() || matches!(c, '?' | '#' | ' ');
            if !path.starts_with('/') || path.contains(is_odd) {
                self.mistake(path, "is not a path", "write it as `/orders/{id}`");
                continue;
            }
            self.read_item(path, item, &base, 0);
        }
    }

    fn read_item(&mut self, path: &str, item: &'a Value, base: &str, references: usize) {
        let Some(item) = item.as_object() else { return };
        if let Some(reference) = item.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|at| self.document.pointer(at));
            match target.filter(|_| references < MAX_REFERENCES) {
                Some(target) => self.read_item(path, target, base, references + 1),
                None => self.mistake(
                    path,
                    format!(
                        "refers to `{}`, which is not in the document",
                        reference.escape_debug()
                    ),
                    "bundle the document into one, or write these routes out",
                ),
            }
        }
        let base = self.base_of(item, path, base);
        let operations = METHODS.iter().filter_map(|(key, method)| Some((item.get(*key)?, method)));
        let named: Vec<(&Value, Method)> =
            operations.map(|(operation, method)| (operation, method.clone())).collect();
        let others = item.get("additionalOperations").and_then(Value::as_object);
        let others = others.into_iter().flatten().map(|(name, operation)| (operation, &**name));
        let query = item.get("query").map(|operation| (operation, "QUERY"));
        let others = query.into_iter().chain(others);
        let others: Vec<_> = others
            .filter_map(|(operation, name)| Some((operation, name.parse::<Method>().ok()?)))
            .collect();
        for (operation, method) in named.into_iter().chain(others) {
            let base = match operation.as_object() {
                Some(operation) => self.base_of(operation, path, &base),
                None => base.clone(),
            };
            self.add(method, Pattern::new(path).under(&base));
        }
    }

    fn add(&mut self, method: Method, pattern: Pattern) {
        let same = |entry: &&mut Entry| entry.pattern.to_string() == pattern.to_string();
        match self.list.entries.iter_mut().rev().take(1).find(same) {
            Some(entry) => entry.methods.push(method),
            None => self.list.entries.push(Entry { methods: vec![method], pattern }),
        }
    }

    /// The base path of the servers that the document, a path or an operation names, or else the one
    /// it inherits.
    fn base_of(&mut self, owner: &Map<String, Value>, subject: &str, inherited: &str) -> String {
        if let Some(base) = self.base {
            return base.to_owned();
        }
        let servers = owner.get("servers").and_then(Value::as_array).into_iter().flatten();
        let mut bases = BTreeSet::new();
        for server in servers {
            let url = server.get("url").and_then(Value::as_str).unwrap_or_default();
            match base_path(&filled_in(url, server.get("variables"))) {
                Some(base) => drop(bases.insert(base)),
                None => self.mistake(
                    url,
                    "is the URL of a server whose path cannot be told from the document",
                    SAY_WHICH,
                ),
            }
        }
        if bases.len() > 1 {
            let all: Vec<_> = bases.iter().map(|base| format!("`{base}/`")).collect();
            let problem = format!("has servers with several base paths: {}", all.join(", "));
            self.mistake(subject, problem, SAY_WHICH);
        }
        bases.pop_first().unwrap_or_else(|| inherited.to_owned())
    }

    fn mistake(
        &mut self,
        value: &str,
        problem: impl Into<std::borrow::Cow<'static, str>>,
        remedy: &'static str,
    ) {
        let mistakes: &mut Mistakes = &mut self.list.mistakes;
        mistakes.push("from_openapi", value.escape_debug().to_string(), problem, remedy);
    }
}

const SAY_WHICH: &str = "say the base path that this service sees, by `RouteList::from_openapi_at`";

/// A server's URL with the defaults of its variables.
fn filled_in(url: &str, variables: Option<&Value>) -> String {
    let variables = variables.and_then(Value::as_object).into_iter().flatten();
    variables.fold(url.to_owned(), |url, (name, variable)| {
        match variable.get("default").and_then(Value::as_str) {
            Some(default) => url.replace(&format!("{{{name}}}"), default),
            None => url,
        }
    })
}

/// The path of a server's URL, without a slash at its end; `None` where it is relative to where the
/// document is found.
fn base_path(url: &str) -> Option<String> {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let authority = url.split_once("://").map(|(_, rest)| rest).or_else(|| url.strip_prefix("//"));
    let path = match authority {
        Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
        None if url.is_empty() => "",
        None => url.strip_prefix('/')?,
    };
    let path = path.trim_end_matches('/');
    match path {
        "" => Some(String::new()),
        path if path.contains(['{', '}']) => None,
        path => Some(format!("/{path}")),
    }
}
