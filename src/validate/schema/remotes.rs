use std::{collections::HashMap, error::Error, fmt};

use jsonschema::{Retrieve, Uri};
use serde_json::Value;

use super::explain::rewrite;

/// The documents a `$ref` may lead to, all of them in memory.
#[derive(Debug, Default)]
pub(super) struct Remotes(HashMap<String, Value>);

impl Remotes {
    /// Adds a document; `false` when the address has one already.
    pub(super) fn insert(&mut self, uri: &str, document: Value) -> bool {
        self.0.insert(plain(uri).to_owned(), document).is_none()
    }
}

impl Remotes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    /// The same documents rewritten for explanations, and whether any has alternatives.
    pub(super) fn rewritten(&self) -> (Self, bool) {
        let mut has_alternatives = false;
        let documents = self.0.iter().map(|(uri, document)| {
            let rewritten = rewrite(document);
            has_alternatives |= rewritten.has_alternatives;
            (uri.clone(), rewritten.document)
        });
        let documents = documents.collect();
        (Self(documents), has_alternatives)
    }
}

impl Retrieve for Remotes {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        match self.0.get(plain(uri.as_str())) {
            Some(document) => Ok(document.clone()),
            None => Err(Box::new(NotGiven)),
        }
    }
}

fn plain(uri: &str) -> &str {
    uri.split_once('#').map_or(uri, |(plain, _)| plain)
}

#[derive(Debug)]
struct NotGiven;

impl fmt::Display for NotGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was not given to `remote`, and nothing is fetched")
    }
}

impl Error for NotGiven {}
