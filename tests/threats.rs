//! Whether every test that `docs/threats.md` names is where it says.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

use std::{fs, path::Path};

const THREATS: &str = include_str!("../docs/threats.md");

/// What stands in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// File and test, of every row that has any.
fn named() -> Vec<(&'static str, &'static str)> {
    let rows = THREATS.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | "));
    let files = cells.flat_map(|(_, tests)| tests.split("; "));
    files
        .flat_map(|tests| {
            let mut quoted = quoted(tests);
            let file = quoted.next().unwrap_or_default();
            quoted.map(move |test| (file, test))
        })
        .collect()
}

#[test]
fn every_test_that_is_named_is_in_the_file_that_is_named_with_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = named();
    assert!(named.len() > 300, "{} found", named.len());
    let lost: Vec<_> = named
        .iter()
        .filter(|(file, test)| {
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            !text.contains(&format!("fn {test}("))
        })
        .collect();
    assert!(lost.is_empty(), "{lost:#?}");
}
