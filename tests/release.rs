//! What a build for release says about a feature that is for tests.
#![cfg(all(unix, feature = "full"))]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/cargo.rs"]
mod cargo;

use std::{fs, io::Write, path::Path, process::Command};

use cargo::{cargo, package, target};

const MAIN: &str = r#"fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parapet = tower_parapet::Parapet::builder().public("GET /", "a greeting").build()?;
    let codes: Vec<_> = parapet.findings().iter().map(|finding| finding.code).collect();
    println!("{}", codes.join(" "));
    Ok(())
}
"#;

/// As in a release build, but for the dependencies, which then need not be compiled anew.
const RELEASE: &str = "\n[profile.dev.package.tower-parapet]\ndebug-assertions = false\n";

#[test]
fn the_testing_feature_in_a_release_build_is_a_finding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package("parapet-release", MAIN);
    let add = ["add", "--quiet", "--path", root.to_str().unwrap(), "tower-parapet"];
    let codes = || {
        cargo(&folder, &["build", "--quiet"]);
        let output = Command::new(target().join("debug/parapet-release")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let is_found = |codes: &str| codes.split_whitespace().any(|code| code == "testing-in-release");

    cargo(&folder, &add);
    let mut manifest = fs::File::options().append(true).open(folder.join("Cargo.toml")).unwrap();
    manifest.write_all(RELEASE.as_bytes()).unwrap();
    let without = codes();
    assert!(without.contains("no-audit") && !is_found(&without), "{without}");

    cargo(&folder, &[&add[..], &["--features", "testing"]].concat());
    let with = codes();
    assert!(is_found(&with), "{with}");
    fs::remove_dir_all(folder).unwrap();
}

/// The build of these very tests has debug assertions, so they are not told of themselves.
#[test]
fn in_a_debug_build_it_is_none() {
    let parapet = tower_parapet::Parapet::builder().public("GET /", "a greeting").build().unwrap();
    let findings = parapet.findings();
    let is_found = findings.iter().any(|finding| finding.code == "testing-in-release");
    assert_eq!(is_found, cfg!(all(feature = "testing", not(debug_assertions))), "{findings}");
}
