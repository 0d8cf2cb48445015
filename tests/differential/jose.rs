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

    /// The private key of an algorithm, in PKCS#8.
    pub fn private_pem(&mut self, alg: &str) -> String {
        let answer = self.node.ask(&json!({"op": "private", "alg": alg}));
        answer["pem"].as_str().unwrap_or_else(|| panic!("{alg}: {answer}")).to_owned()
    }

    pub fn sign(&mut self, alg: &str, header: &Value, claims: &Value) -> String {
        let question = json!({"op": "sign", "alg": alg, "header": header, "claims": claims});
        let answer = self.node.ask(&question);
        answer["token"].as_str().unwrap_or_else(|| panic!("{question}: {answer}")).to_owned()
    }

    /// A text that is no token.
    pub fn sign_text(&mut self, alg: &str, text: &str) -> String {
        let answer = self.node.ask(&json!({"op": "sign-text", "alg": alg, "text": text}));
        answer["jws"].as_str().unwrap_or_else(|| panic!("{alg}: {answer}")).to_owned()
    }

    pub fn proof(&mut self, alg: &str, header: &Value, claims: &Value) -> String {
        self.prove(alg, header, claims)["proof"].as_str().unwrap().to_owned()
    }

    /// Of the key that signs the proofs of an algorithm (RFC 7638).
    pub fn thumbprint(&mut self, alg: &str) -> String {
        self.prove(alg, &json!({}), &json!({}))["jkt"].as_str().unwrap().to_owned()
    }

    fn prove(&mut self, alg: &str, header: &Value, claims: &Value) -> Value {
        let question = json!({"op": "proof", "alg": alg, "header": header, "claims": claims});
        let answer = self.node.ask(&question);
        assert!(answer["error"].is_null(), "{question}: {answer}");
        answer
    }

    /// What a token says, if `jose` takes it.
    pub fn verify(&mut self, token: &str, jwk: &Value, options: &Value) -> Result<Value, String> {
        self.judge(json!({"op": "verify", "token": token, "jwk": jwk, "options": options}))
    }

    /// What a proof says, if `jose` takes it.
    pub fn verify_proof(&mut self, proof: &str) -> Result<Value, String> {
        self.judge(json!({"op": "verify-proof", "proof": proof}))
    }

    fn judge(&mut self, question: Value) -> Result<Value, String> {
        let answer = self.node.ask(&question);
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer),
        }
    }
}
