//! What happens between two looks at the set, or where a thousand wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::super::settings::{Asked, Fetching};
use crate::auth::jwt::algorithm::{Algorithm, AlgorithmSet};
use crate::auth::jwt::fault::Fault;
use crate::auth::jwt::jwk;
use crate::auth::jwt::key::Key;
use crate::auth::jwt::keyring::{Claimed, Keyring, Signed};
use crate::error::Mistakes;
use crate::testing::TestIssuer;

fn ring() -> Arc<Keyring> {
    let mut fetching = Fetching::default();
    fetching.locations.push(Asked::Url("http://127.0.0.1:9/".to_owned()));
    let mut mistakes = Mistakes::default();
    let allowed = AlgorithmSet::ALL.without_symmetric();
    let provider = fetching.provider("https://id.example", allowed, &mut mistakes);
    Keyring::new(Vec::new(), provider)
}

fn keys(issuer: &TestIssuer) -> Vec<Arc<Key>> {
    jwk::parse(&issuer.jwks()).unwrap().keys.into_iter().map(Arc::new).collect()
}

/// Verifies a token, and lets something happen once its key was not found.
fn verify(ring: &Arc<Keyring>, kid: &str, token: &str, then: impl Fn()) -> Result<(), Fault> {
    use base64::Engine;
    let (text, signature) = token.rsplit_once('.').unwrap();
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    let signed = Signed {
        kid: Some(kid),
        algorithm: Algorithm::Es256,
        text: text.as_bytes(),
        signature: &signature,
    };
    let claimed = || {
        then();
        Some(Claimed { issued_at: None })
    };
    ring.verify(signed, Duration::from_secs(1), claimed).map(|_| ())
}

#[test]
fn a_set_that_comes_between_the_look_and_the_refusal_counts() {
    let issuer = TestIssuer::default();
    // Outside of a runtime nothing is fetched: what is not found is told at once.
    let ring = ring();
    let token = issuer.token().sign();
    let told = verify(&ring, issuer.key_id(), &token, || ());
    assert!(matches!(told, Err(Fault::Undecided(_))), "{told:?}");
    let looks = AtomicU32::new(0);
    let told = verify(&ring, issuer.key_id(), &token, || {
        looks.fetch_add(1, Ordering::Relaxed);
        ring.replace(keys(&issuer));
    });
    assert_eq!((told, looks.into_inner()), (Ok(()), 1));
}

#[test]
fn keys_that_stay_are_the_same_and_one_that_goes_is_told() {
    let (one, other) = (TestIssuer::default(), TestIssuer::default());
    let ring = ring();
    let change = ring.replace(keys(&one));
    assert_eq!(
        (change.added.as_slice(), change.removed.len()),
        ([one.key_id().to_owned()].as_slice(), 0)
    );
    assert!(ring.replace(keys(&one)).is_empty());
    let both = keys(&one).into_iter().chain(keys(&other)).collect();
    assert_eq!(ring.replace(both).removed.len(), 0);
    let change = ring.replace(keys(&other));
    assert_eq!(change.removed, [one.key_id().to_owned()]);
}

#[tokio::test]
async fn a_thousand_wait_and_the_next_is_told_to_come_again() {
    let ring = ring();
    let mut waiting: Vec<_> = (0..1024).map(|_| ring.landed(u64::MAX).unwrap()).collect();
    assert!(ring.landed(u64::MAX).is_none());
    waiting.pop();
    assert!(ring.landed(u64::MAX).is_some());
}
