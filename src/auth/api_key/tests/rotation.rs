//! Two live secrets, and the text form of a stored key.

use super::*;

const WEEK: Duration = Duration::from_secs(7 * 86_400);
const NOW: Duration = Duration::from_secs(1_700_000_000);

fn rotated() -> (MemoryKeys, ApiKeys, ApiKey, ApiKey) {
    let (store, keys, old) = issued();
    let new = ApiKey::rotate("orders", old.id()).unwrap();
    let stored = store.get(old.id()).unwrap();
    store.insert(stored.rotated(&new, NOW + WEEK).unwrap());
    (store, keys, old, new)
}

#[test]
fn both_secrets_are_good_until_the_time_that_was_set_and_then_the_new_one_alone() {
    let (_, keys, old, new) = rotated();
    let (old, new) = (old.text().expose(), new.text().expose());
    assert_ne!(old, new);
    for key in [old, new] {
        let caller = judge(&keys, exchange_at(&[key], NOW + WEEK - Duration::from_nanos(1)));
        let caller = caller.unwrap();
        assert_eq!(caller.subject(), "acme");
        assert!(caller.has_scope("orders:read"));
    }
    assert!(judge(&keys, exchange_at(&[new], NOW + WEEK)).is_ok());
    let refused = judge(&keys, exchange_at(&[old], NOW + WEEK)).unwrap_err();
    assert_eq!(refused.reason(), Reason::ExpiredCredentials);
    assert!(refused.private_found().unwrap().starts_with("the former secret of key "));
}

#[test]
fn who_still_uses_the_former_secret_is_in_the_record() {
    let (_, keys, old, new) = rotated();
    for (key, notes) in [(&old, 1), (&new, 0)] {
        let mut exchange = exchange_at(&[key.text().expose()], NOW);
        keys.check(&mut exchange).unwrap();
        let noted = exchange.later.map_or(0, |later| later.notes.len());
        assert_eq!(noted, notes);
    }
}

#[test]
fn a_key_that_was_rotated_twice_has_two_live_secrets_and_not_three() {
    let (store, keys, first, second) = rotated();
    let third = ApiKey::rotate("orders", first.id()).unwrap();
    let stored = store.get(first.id()).unwrap();
    store.insert(stored.rotated(&third, NOW + WEEK).unwrap());
    let judge = |key: &ApiKey| judge(&keys, exchange_at(&[key.text().expose()], NOW));
    assert_eq!(judge(&first).unwrap_err().reason(), Reason::InvalidCredentials);
    assert!(judge(&second).is_ok() && judge(&third).is_ok());
}

#[test]
fn a_secret_is_for_the_key_it_was_drawn_for() {
    let (store, _, key) = issued();
    let stranger = ApiKey::generate("orders").unwrap();
    let error = store.get(key.id()).unwrap().rotated(&stranger, NOW).unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "rotated");
    assert!(ApiKey::rotate("orders", "no_id").is_err());
    assert!(ApiKey::rotate("Orders", key.id()).is_err());
}

#[test]
fn a_rotated_key_ends_with_the_key() {
    let (store, keys, key) = issued();
    let end = NOW + Duration::from_secs(1);
    let stored = key.stored().expires_at(end).build().unwrap();
    let new = ApiKey::rotate("orders", key.id()).unwrap();
    store.insert(stored.rotated(&new, NOW + WEEK).unwrap());
    for key in [&key, &new] {
        let judged = judge(&keys, exchange_at(&[key.text().expose()], end));
        assert_eq!(judged.unwrap_err().reason(), Reason::ExpiredCredentials);
    }
}

#[test]
fn a_stored_key_reads_back_from_its_text() {
    let (store, _, old, _) = rotated();
    let stored = store.get(old.id()).unwrap();
    let text = serde_json::to_string(&*stored).unwrap();
    let read: StoredKey = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert!(read.hash().is_same(stored.hash()));
    assert_eq!(read.previous().unwrap().1, NOW + WEEK);
    assert_eq!(read.principal().subject(), "acme");
    let full = ApiKey::generate("orders").unwrap().stored().tenant("t").address("192.0.2.0/24");
    let full = full.expires_at(NOW).build().unwrap();
    let read: StoredKey = serde_json::from_str(&serde_json::to_string(&full).unwrap()).unwrap();
    assert_eq!(read.expires_at(), Some(NOW));
    assert!(read.is_bound_to_addresses() && !read.admits("192.0.3.1".parse().unwrap()));
    assert_eq!(read.principal().tenant(), Some("t"));
}

#[test]
fn a_text_that_says_more_or_less_than_is_understood_is_no_key() {
    let hash = KeyHash::of(b"a key");
    let of = |rest: &str| {
        let text = format!("{{\"id\":\"a\",\"hash\":\"{hash}\"{rest}}}");
        serde_json::from_str::<StoredKey>(&text).map_err(|error| error.to_string())
    };
    assert!(of("").is_ok());
    assert!(of(",\"networks\":[\"192.0.2.0/24\"]").unwrap_err().contains("unknown field"));
    assert!(of(&format!(",\"previous\":\"{hash}\"")).unwrap_err().contains("belong together"));
    assert!(of(",\"addresses\":[\"office\"]").unwrap_err().contains("is not a network"));
    assert!(of(",\"expires_at\":\"never\"").is_err());
    assert!(serde_json::from_str::<StoredKey>("{\"id\":\"a\",\"hash\":\"abc\"}").is_err());
}
