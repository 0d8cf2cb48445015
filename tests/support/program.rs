//! An example as a program that runs, for as long as its owner lives.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

/// Ends with its owner.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    /// What it prints after the line that says where it listens.
    pub output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts an example on any free port, its audit thrown away.
    pub fn start(example: &str) -> Self {
        let mut command = Command::new(path(example));
        command.env("PORT", "0").stderr(Stdio::null());
        Self::run(command)
    }

    /// Starts a program that prints `listening http://ADDRESS` first.
    pub fn run(mut command: Command) -> Self {
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening http://").and_then(|a| a.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{command:?} begins with `{line}`"));
        Self { child, address, output }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo puts the examples, beside the tests.
pub fn path(example: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples").join(example);
    assert!(
        program.exists(),
        "`{}` is missing; `cargo test` alone builds it, and so does \
         `cargo build --all-features --example {example}`",
        program.display()
    );
    program
}
