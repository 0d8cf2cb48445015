use std::{sync::Arc, time::Duration};

use http::{
    HeaderValue, Request,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{
    checksum::CHECKSUM_LEN,
    text::{KeyText, NotAKey},
    *,
};
use crate::{
    answer::Answer,
    clock::ManualClock,
    context::Principal,
    guard::{Exchange, Flow, Guard},
    rejection::{Reason, Rejection},
};

mod files;
mod guesses;
mod peppers;
mod places;
mod rotation;

fn exchange(keys: &[&str]) -> Exchange {
    exchange_at(keys, Duration::from_secs(1_000))
}

fn exchange_at(keys: &[&str], unix: Duration) -> Exchange {
    let mut request = Request::new(());
    for key in keys {
        request.headers_mut().append("x-api-key", HeaderValue::from_str(key).unwrap());
    }
    Exchange::test(request, ManualClock::at_unix(unix))
}

fn judge(keys: &ApiKeys, mut exchange: Exchange) -> Result<Principal, Rejection> {
    match keys.check(&mut exchange)? {
        Flow::Continue => Ok(exchange.principal().unwrap().clone()),
        other => panic!("{other:?}"),
    }
}

fn issued() -> (MemoryKeys, ApiKeys, ApiKey) {
    let store = MemoryKeys::new();
    let key = ApiKey::generate("orders").unwrap();
    store.insert(key.stored().owner("acme").scope("orders:read").role("clerk").build().unwrap());
    let keys = ApiKeys::builder(store.clone()).build().unwrap();
    (store, keys, key)
}

fn with_character(text: &str, place: usize, character: char) -> String {
    text.chars().enumerate().map(|(at, old)| if at == place { character } else { old }).collect()
}

/// A text with a right checksum, of which id and secret were never issued together.
fn with_secret_of(other: &ApiKey, id: &str) -> String {
    let text = other.text().expose().replace(other.id(), id);
    let (checked, _) = text.split_at(text.len() - CHECKSUM_LEN);
    let mut text = checked.to_owned();
    text::push_checksum(&mut text);
    text
}

#[test]
fn a_generated_key_has_a_prefix_an_id_and_256_bits() {
    let key = ApiKey::generate("acme_live").unwrap();
    let parts: Vec<_> = key.text().expose().rsplitn(3, '_').collect();
    let [secret, id, prefix] = parts.as_slice() else { panic!("{parts:?}") };
    assert_eq!((*prefix, *id), ("acme_live", key.id()));
    assert_eq!(secret.len(), 43 + CHECKSUM_LEN);
    assert!(62_f64.log2() * 43.0 > 256.0);
    assert_ne!(key.text().expose(), ApiKey::generate("acme_live").unwrap().text().expose());
}

#[test]
fn each_character_of_a_secret_is_equally_likely() {
    let mut text = String::new();
    let mut values = (0..=255_u8).cycle();
    let every_byte_in_turn = |bytes: &mut [u8]| -> Result<(), ()> {
        bytes.iter_mut().zip(&mut values).for_each(|(byte, value)| *byte = value);
        Ok(())
    };
    text::push_base62(&mut text, 248, every_byte_in_turn).unwrap();
    for character in ('0'..='9').chain('A'..='Z').chain('a'..='z') {
        assert_eq!(text.matches(character).count(), 4, "{character}");
    }
}

#[test]
fn a_good_key_settles_the_principal_of_its_owner() {
    let (_, keys, key) = issued();
    let caller = judge(&keys, exchange(&[key.text().expose()])).unwrap();
    assert_eq!((caller.issuer(), caller.subject()), ("api-key", "acme"));
    assert_eq!(caller.scheme(), "api-key");
    assert!(caller.has_scope("orders:read") && caller.has_role("clerk"));
}

#[test]
fn a_key_without_an_owner_speaks_for_itself() {
    let key = ApiKey::generate("orders").unwrap();
    let stored = key.stored().build().unwrap();
    assert_eq!(stored.principal().subject(), key.id());
}

#[test]
fn missing_forged_and_expired_keys_are_different_reasons() {
    let (store, keys, key) = issued();
    let reason = |exchange| judge(&keys, exchange).unwrap_err().reason();
    assert_eq!(reason(exchange(&[])), Reason::MissingCredentials);
    assert_eq!(reason(exchange(&[""])), Reason::InvalidCredentials);
    assert_eq!(reason(exchange(&["orders_nothing"])), Reason::InvalidCredentials);
    let end = Duration::from_secs(2_000);
    store.insert(key.stored().expires_at(end).build().unwrap());
    let text = key.text().expose();
    assert!(judge(&keys, exchange_at(&[text], end - Duration::from_nanos(1))).is_ok());
    assert_eq!(reason(exchange_at(&[text], end)), Reason::ExpiredCredentials);
    let forged = with_secret_of(&ApiKey::generate("orders").unwrap(), key.id());
    assert_eq!(reason(exchange_at(&[&forged], end)), Reason::InvalidCredentials);
    store.revoke(key.id());
    assert_eq!(reason(exchange(&[text])), Reason::InvalidCredentials);
}

#[test]
fn an_unknown_id_and_a_wrong_secret_get_the_same_answer() {
    let (_, keys, key) = issued();
    let stranger = ApiKey::generate("orders").unwrap();
    let unknown = judge(&keys, exchange(&[stranger.text().expose()])).unwrap_err();
    let mixed = with_secret_of(&key, stranger.id());
    assert_eq!(judge(&keys, exchange(&[&mixed])).unwrap_err().reason(), unknown.reason());
    let wrong = with_secret_of(&stranger, key.id());
    let (_, secret) = wrong.rsplit_once('_').unwrap();
    let wrong = judge(&keys, exchange(&[&wrong])).unwrap_err();
    let public = |r: &Rejection| (r.reason(), r.public_detail().to_owned(), r.headers().to_vec());
    assert_eq!(public(&unknown), public(&wrong));
    assert_ne!(unknown.private_found(), wrong.private_found());
    assert!(!wrong.private_found().unwrap().contains(secret), "{secret}");
}

#[test]
fn the_prefix_is_part_of_the_key() {
    let (_, keys, key) = issued();
    let other = key.text().expose().replace("orders_", "admin_");
    let mut other = other.split_at(other.len() - CHECKSUM_LEN).0.to_owned();
    text::push_checksum(&mut other);
    let refused = judge(&keys, exchange(&[&other])).unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidCredentials);
}

#[test]
fn two_keys_in_one_request_are_refused_even_if_equal() {
    let (_, keys, key) = issued();
    let text = key.text().expose();
    let refused = judge(&keys, exchange(&[text, text])).unwrap_err();
    assert_eq!(refused.reason(), Reason::AmbiguousCredentials);
}

#[test]
fn a_401_names_the_header_and_a_503_says_when_to_come_back() {
    struct Down;
    impl KeyStore for Down {
        fn find(&self, _: &str) -> Answer<Result<Option<Arc<StoredKey>>, StoreError>> {
            Answer::Now(Err(StoreError::new("connection refused")))
        }
    }
    let keys = ApiKeys::builder(Down).header("X-Robot-Key").build().unwrap();
    let missing = judge(&keys, exchange(&[])).unwrap_err();
    let challenge = HeaderValue::from_static("ApiKey header=\"X-Robot-Key\"");
    assert_eq!(missing.headers(), [(WWW_AUTHENTICATE, challenge)]);
    let keys = ApiKeys::builder(Down).build().unwrap();
    let key = ApiKey::generate("orders").unwrap();
    let down = judge(&keys, exchange(&[key.text().expose()])).unwrap_err();
    assert_eq!(down.reason(), Reason::Unavailable);
    assert_eq!(down.headers(), [(RETRY_AFTER, HeaderValue::from_static("5"))]);
    assert!(down.private_cause().unwrap().to_string().ends_with("connection refused"));
}

#[test]
fn a_key_is_never_printed() {
    let (store, keys, key) = issued();
    let text = key.text().expose();
    let (_, secret) = text.rsplit_once('_').unwrap();
    let stored = store.get(key.id()).unwrap();
    let mut exchange = exchange(&[text]);
    keys.check(&mut exchange).unwrap();
    let headers = format!("{:?}", exchange.headers());
    let printed = format!("{key:?} {stored:?} {store:?} {keys:?} {headers}");
    assert!(!printed.contains(secret), "{printed}");
    assert!(!printed.contains(&stored.hash().to_string()), "{printed}");
}

#[test]
fn the_handler_still_gets_the_key() {
    let (_, keys, key) = issued();
    let mut exchange = exchange(&[key.text().expose()]);
    keys.check(&mut exchange).unwrap();
    let kept = exchange.headers().get("x-api-key").unwrap();
    assert_eq!(kept, key.text().expose());
    assert!(kept.is_sensitive());
}

#[test]
fn a_hash_survives_its_text_and_is_the_sha256_of_the_key() {
    let hash = KeyHash::of(b"abc");
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let text = format!("v1:sha256:{text}");
    assert_eq!(hash.to_string(), text);
    assert!(text.parse::<KeyHash>().unwrap().is_same(&hash));
    assert!(KeyHash::from_bytes(*hash.as_bytes()).is_same(&hash));
    let bare = text.strip_prefix("v1:sha256:").unwrap();
    let keyed = |pepper: &str| format!("v1:hmac-sha256:{pepper}:{bare}");
    let (long, other) = (format!("{text}00"), text.replace("ba7", "é7"));
    for bad in
        ["", "v1:sha256:", bare, &text.replace("ba", "gg"), &long, &other, &keyed(""), &keyed("A")]
    {
        assert!(bad.parse::<KeyHash>().is_err(), "{bad}");
    }
}

#[test]
fn every_bad_setting_is_reported_at_once() {
    for bad in ["", "Orders", "1st", "a__b", "_a", "a_", "a-b", &"a".repeat(33)] {
        let error = ApiKey::generate(bad).unwrap_err();
        assert_eq!(error.mistakes()[0].setter(), "generate");
    }
    let hash = KeyHash::of(b"");
    let stored = StoredKey::builder("no_id", hash).owner("").issuer("").scope("a b").role("");
    let setters: Vec<_> =
        stored.build().unwrap_err().mistakes().iter().map(|m| m.setter().to_owned()).collect();
    assert_eq!(setters, ["builder", "owner", "issuer", "scope", "role"]);
    for bad in ["", "X Api", "Authorization", "cookie", "HOST", "x\"y"] {
        assert!(ApiKeys::builder(MemoryKeys::new()).header(bad).build().is_err(), "{bad}");
    }
}

#[test]
fn a_store_counts_replaces_and_forgets() {
    let keys: Vec<_> = (0..100).map(|_| ApiKey::generate("orders").unwrap()).collect();
    let store: MemoryKeys = keys.iter().map(|key| key.stored().build().unwrap()).collect();
    assert_eq!((store.len(), store.keys().len()), (100, 100));
    assert!(store.insert(keys[0].stored().owner("other").build().unwrap()).is_some());
    assert_eq!(store.get(keys[0].id()).unwrap().principal().subject(), "other");
    assert!(keys.iter().all(|key| store.revoke(key.id()).is_some()));
    assert!(store.is_empty());
    assert!(store.revoke("").is_none());
}

#[test]
fn of_ten_thousand_mutations_of_a_key_none_is_admitted_not_even_with_a_checksum_of_its_own() {
    let (store, _, key) = issued();
    // Every one is tried.
    let limit = crate::auth::Guesses::default().burst(20_000);
    let keys = ApiKeys::builder(store).guesses(limit).build().unwrap();
    let text = key.text().expose();
    let alphabet = checksum::BASE62;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % 1_000_003).unwrap() % below
    };
    for number in 0..10_000 {
        let mut changed = text.to_owned();
        while changed == text {
            for _ in 0..=draw(3) {
                let character = char::from(alphabet[draw(alphabet.len())]);
                changed = with_character(&changed, draw(text.len() - CHECKSUM_LEN), character);
            }
        }
        if number % 2 == 0 {
            changed.truncate(text.len() - CHECKSUM_LEN);
            text::push_checksum(&mut changed);
        }
        let refused = judge(&keys, exchange(&[&changed])).unwrap_err();
        assert_eq!(refused.reason(), Reason::InvalidCredentials, "{changed}");
    }
    assert!(judge(&keys, exchange(&[text])).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_none_unissued_is_admitted(text in any::<Vec<u8>>()) {
        prop_assert!(KeyText::parse(&text).is_err());
        if let Ok(value) = HeaderValue::from_bytes(&text) {
            let (_, keys, _) = issued();
            let mut request = Request::new(());
            request.headers_mut().insert("x-api-key", value);
            let judged = judge(&keys, Exchange::test(request, ManualClock::default()));
            prop_assert_eq!(judged.unwrap_err().reason(), Reason::InvalidCredentials);
        }
    }

    #[test]
    fn a_key_with_any_one_character_changed_is_refused(place in 0..73_usize, to in any::<char>()) {
        let (_, keys, key) = issued();
        let text = key.text().expose();
        let changed = with_character(text, place, to);
        let Ok(value) = HeaderValue::from_bytes(changed.as_bytes()) else { return Ok(()) };
        let mut request = Request::new(());
        request.headers_mut().insert("x-api-key", value);
        let judged = judge(&keys, Exchange::test(request, ManualClock::default()));
        prop_assert_eq!(judged.is_ok(), changed == text);
        let is_made_up = matches!(KeyText::parse(changed.as_bytes()), Err(NotAKey::Checksum | NotAKey::Form));
        prop_assert_eq!(is_made_up, changed != text);
    }

    #[test]
    fn a_key_reads_back_whatever_its_prefix(prefix in "[a-z][a-z0-9]{0,7}(_[a-z0-9]{1,7}){0,3}") {
        let key = ApiKey::generate(&prefix).unwrap();
        let read = KeyText::parse(key.text().expose().as_bytes());
        prop_assert!(read.is_ok_and(|read| read.id() == key.id()));
    }
}
