//! Hashes under a secret that the store does not have.

use super::*;
use crate::inspect::Findings;

fn pepper(id: &str, first: u8) -> Pepper {
    Pepper::new(id, (first..first + 32).collect::<Vec<_>>()).unwrap()
}

fn scheme(key: &ApiKey) -> ApiKeysBuilder {
    ApiKeys::builder(MemoryKeys::from_iter([key.stored().build().unwrap()]))
}

fn reason(keys: &ApiKeys, key: &ApiKey) -> Option<Reason> {
    judge(keys, exchange(&[key.text().expose()])).err().map(|refused| refused.reason())
}

#[test]
fn it_is_the_hmac_that_everybody_has() {
    // RFC 4231, test case 7: a key longer than a block.
    let pepper = pepper_of(&[0xaa; 131]);
    let text =
        b"This is a test using a larger than block-size key and a larger than block-size data. \
                 The key needs to be hashed before being used by the HMAC algorithm.";
    let digits = "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2";
    assert_eq!(KeyHash::keyed(&pepper, text).to_string(), format!("v1:hmac-sha256:rfc:{digits}"));
}

/// A secret that `Pepper::new` would rightly refuse.
fn pepper_of(secret: &[u8]) -> Pepper {
    Pepper::unchecked("rfc", secret)
}

#[test]
fn a_key_with_a_pepper_is_good_where_the_pepper_is() {
    let old = pepper("2025", 0);
    let new = pepper("2026", 100);
    for pepper in [&old, &new] {
        let key = ApiKey::generate("orders").unwrap().peppered(pepper);
        assert_eq!(key.hash().pepper(), Some(pepper.id()));
        let keys = scheme(&key).pepper(new.clone()).pepper(old.clone()).build().unwrap();
        assert_eq!(reason(&keys, &key), None);
        let hash: KeyHash = key.hash().to_string().parse().unwrap();
        assert!(hash.is_same(key.hash()));
    }
}

#[test]
fn the_same_id_with_another_secret_is_another_pepper() {
    let key = ApiKey::generate("orders").unwrap().peppered(&pepper("2026", 0));
    let keys = scheme(&key).pepper(pepper("2026", 1)).build().unwrap();
    assert_eq!(reason(&keys, &key), Some(Reason::InvalidCredentials));
}

#[test]
fn a_pepper_that_is_not_here_is_our_fault_and_not_the_callers() {
    let key = ApiKey::generate("orders").unwrap().peppered(&pepper("2025", 0));
    for keys in [scheme(&key), scheme(&key).pepper(pepper("2026", 1))] {
        assert_eq!(reason(&keys.build().unwrap(), &key), Some(Reason::Unavailable));
    }
}

#[test]
fn a_plain_hash_beside_a_pepper_may_be_planted_and_is_refused_unless_asked_for() {
    let key = ApiKey::generate("orders").unwrap();
    let strict = scheme(&key).pepper(pepper("2026", 0)).build().unwrap();
    assert_eq!(reason(&strict, &key), Some(Reason::InvalidCredentials));
    let lax = scheme(&key).pepper(pepper("2026", 0)).dangerous().plain_hashes().build().unwrap();
    assert_eq!(reason(&lax, &key), None);
    let mut report = Findings::default();
    crate::auth::Scheme::findings(&lax, &mut report);
    assert_eq!(report.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["plain-key-hashes"]);
}

#[test]
fn a_key_moves_to_a_pepper_by_rotation() {
    let old = ApiKey::generate("orders").unwrap();
    let pepper = pepper("2026", 0);
    let new = ApiKey::rotate("orders", old.id()).unwrap().peppered(&pepper);
    let until = Duration::from_secs(2_000);
    let stored = old.stored().build().unwrap().rotated(&new, until).unwrap();
    let keys = ApiKeys::builder(MemoryKeys::from_iter([stored])).pepper(pepper);
    let keys = keys.dangerous().plain_hashes().build().unwrap();
    assert_eq!((reason(&keys, &old), reason(&keys, &new)), (None, None));
    let stranger = with_secret_of(&ApiKey::generate("orders").unwrap(), old.id());
    assert!(judge(&keys, exchange(&[&stranger])).is_err());
}

#[test]
fn bad_peppers_are_reported_and_none_is_printed() {
    let secret = |bytes: &[u8]| Pepper::new("a", bytes.to_vec());
    assert!(secret(&[7; 31]).is_err() && secret(&[7; 32]).is_err());
    assert!(secret(&(0..32).collect::<Vec<_>>()).is_ok());
    for id in ["", "A", "a:b", "seventeen-letters"] {
        assert!(Pepper::new(id, (0..32).collect::<Vec<_>>()).is_err(), "{id}");
    }
    let key = ApiKey::generate("orders").unwrap();
    let twice = scheme(&key).pepper(pepper("a", 0)).pepper(pepper("a", 1)).build().unwrap_err();
    assert_eq!(twice.mistakes()[0].value(), "a");
    assert_eq!(format!("{:?}", pepper("a", 0)), "Pepper { id: \"a\", .. }");
}
