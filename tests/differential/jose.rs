//! `jose` as the tests ask it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::node::{self, Node};

static JOSE: Mutex<Option<Jose>> = Mutex::new(None);

/// One process for all tests, with keys of its own.
pub struct Jose {
    node: Node,
    keys: Value,
}

/// Runs a test against `jose`, or says why it cannot.
pub fn with_jose(test: impl FnOnce(&mut Jose)) {
    if !node::is_here() {
        return;
    }
    let mut jose: MutexGuard<'_, _> = JOSE.lock().unwrap_or_else(PoisonError::into_inner);
    test(jose.get_or_insert_with(Jose::start));
}

impl Jose {
    fn start() -> Self {
        let mut node = Node::start("jose.mjs", &[]);
        assert_eq!(node.greeting, "ready");
        let keys = node.ask(&json!({"op": "keys"}));
        Self { node, keys }
    }

    /// The public key of an algorithm, or its secret.
    pub fn key(&self, alg: &str) -> &Value {
        &self.keys[alg]
    }

    pub fn sign(&mut self, alg: &str, header: &Value, claims: &Value) -> String {
        let question = json!({"op": "sign", "alg": alg, "header": header, "claims": claims});
        let answer = self.node.ask(&question);
        answer["token"].as_str().unwrap_or_else(|| panic!("{question}: {answer}")).to_owned()
    }
}
