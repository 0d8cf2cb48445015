//! Programs in Node.js, beside the locked packages of `scripts/oidc`.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;

/// A program that answers a line with a line. It ends with its owner.
pub struct Node {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What it said first.
    pub greeting: String,
}

/// Why there is no Node.js here, found out once.
static MISSING: LazyLock<Option<String>> = LazyLock::new(|| {
    let tried = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(script(name));
        match command.args(arguments).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Some(format!("scripts/{name}: {error}")),
        }
    };
    tried("oidc/install", &[]).or_else(|| tried("oidc/node", &["--check"]))
});

/// Whether the tests that need Node.js can run. Says why not; where `CI=true` they must.
pub fn is_here() -> bool {
    let Some(why) = &*MISSING else { return true };
    assert!(env::var("CI").as_deref() != Ok("true"), "Node.js is required with CI=true: {why}");
    println!("skipped, no Node.js: {why}");
    false
}

impl Node {
    /// Starts a script of `scripts/oidc` and waits for its first line.
    pub fn start(script_name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(script("oidc/node"));
        command.arg(script_name).args(arguments);
        // What it warns of is for whoever would put it into production.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut node = Self { child, input, output, greeting: String::new() };
        node.greeting = node.line();
        assert!(!node.greeting.is_empty(), "{script_name} {arguments:?} ended at once");
        node
    }

    /// Sends a line and gives the line that comes back.
    pub fn tell(&mut self, line: &str) -> String {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.line()
    }

    /// The same in JSON.
    pub fn ask(&mut self, question: &Value) -> Value {
        let answer = self.tell(&question.to_string());
        serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{question}: `{answer}`"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}
