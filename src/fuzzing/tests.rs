use std::{fs, path::Path};

/// Runs every seed of a target, of which some must be taken: a target that takes nothing stops at the
/// first check. The package has no seeds; the repository must.
fn replay(target: &str, run: fn(&[u8]) -> bool) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !fuzz.exists() {
        println!("skipped: the package comes without `fuzz/`");
        return;
    }
    let seeds = fs::read_dir(fuzz.join("seeds").join(target)).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for seed in seeds {
        let is_taken = run(&fs::read(seed.unwrap().path()).unwrap());
        *if is_taken { &mut taken } else { &mut refused } += 1;
    }
    println!("{target}: {taken} seeds taken, {refused} refused");
    assert!(taken >= 2 && refused >= 3, "{target}: {taken} seeds taken, {refused} refused");
}

#[cfg(feature = "jwt")]
#[test]
fn seeds_of_tokens_run_without_a_finding() {
    replay("token", super::token);
}

#[cfg(feature = "jwt")]
#[test]
fn seeds_of_key_sets_run_without_a_finding() {
    replay("jwks", super::jwks);
}

#[cfg(feature = "dpop")]
#[test]
fn seeds_of_proofs_run_without_a_finding() {
    replay("proof", super::proof);
}

#[cfg(feature = "signatures")]
#[test]
fn seeds_of_signatures_run_without_a_finding() {
    replay("signature", super::signature);
}

#[cfg(feature = "mtls")]
#[test]
fn seeds_of_client_certificates_run_without_a_finding() {
    replay("client_cert", super::client_cert);
}
