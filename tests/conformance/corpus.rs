//! Where the corpora are, and how a run is told.

use std::{env, io::Write, path::PathBuf};

/// The folder of one corpus; `None`, told and passed, where there are none and nobody insists.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = match env::var_os("PARAPET_CORPORA") {
        Some(root) => PathBuf::from(root),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"),
    };
    if root.join("README.md").is_file() {
        let folder = root.join(name);
        assert!(folder.is_dir(), "the corpora have no folder {name}");
        return Some(folder);
    }
    assert!(env::var("CI").as_deref() != Ok("true"), "the corpora are required with CI=true");
    tell("skipped: corpora not found");
    None
}

/// Writes a line past the test harness, which keeps what `println!` says of a test that passes.
pub(crate) fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// What became of the cases of one corpus.
pub(crate) struct Tally {
    corpus: &'static str,
    passed: usize,
    failed: Vec<String>,
    left_out: Vec<String>,
    remarks: Vec<String>,
}

impl Tally {
    pub(crate) fn new(corpus: &'static str) -> Self {
        Self { corpus, passed: 0, failed: Vec::new(), left_out: Vec::new(), remarks: Vec::new() }
    }

    pub(crate) fn judge(&mut self, case: &str, is_right: bool) {
        match is_right {
            true => self.passed += 1,
            false => self.failed.push(case.to_owned()),
        }
    }

    /// A case that is not counted, and why.
    pub(crate) fn leave_out(&mut self, case: &str, reason: &str) {
        self.left_out.push(format!("{case}: {reason}"));
    }

    /// A line of the report that counts nothing.
    pub(crate) fn tell_also(&mut self, remark: &str) {
        self.remarks.push(remark.to_owned());
    }

    pub(crate) fn read(&self) -> usize {
        self.passed + self.failed.len() + self.left_out.len()
    }

    pub(crate) fn passed(&self) -> usize {
        self.passed
    }

    pub(crate) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Tells the result in one block, so that tests beside it do not get between the lines.
    pub(crate) fn finish(self) {
        let mut lines = String::new();
        for case in &self.left_out {
            lines += &format!("{}: not counted: {case}\n", self.corpus);
        }
        for remark in &self.remarks {
            lines += &format!("{}: {remark}\n", self.corpus);
        }
        for case in &self.failed {
            lines += &format!("{}: FAILED: {case}\n", self.corpus);
        }
        lines += &format!("{}: {} passed, {} failed", self.corpus, self.passed, self.failed.len());
        tell(&format!("\n{lines}"));
        assert!(self.failed.is_empty(), "{} cases of {} failed", self.failed.len(), self.corpus);
    }
}
