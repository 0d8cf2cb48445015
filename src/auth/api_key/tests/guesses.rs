//! Wrong secrets for one key.

use super::*;
use crate::auth::Guesses;

struct Attack {
    keys: ApiKeys,
    key: ApiKey,
    clock: ManualClock,
}

impl Attack {
    fn on(key: ApiKey, store: MemoryKeys) -> Self {
        let limit = Guesses::per_hour(60).burst(5);
        let keys = ApiKeys::builder(store).guesses(limit).build().unwrap();
        Self { keys, key, clock: ManualClock::at_unix(Duration::from_secs(1_000)) }
    }

    fn send(&self, text: &str) -> Option<Rejection> {
        let mut request = Request::new(());
        request.headers_mut().insert("x-api-key", HeaderValue::from_str(text).unwrap());
        judge(&self.keys, Exchange::test(request, self.clock.clone())).err()
    }

    fn guess(&self, id: &str) -> Reason {
        let wrong = with_secret_of(&ApiKey::generate("orders").unwrap(), id);
        self.send(&wrong).unwrap().reason()
    }

    fn by_owner(&self) -> Option<Reason> {
        self.send(self.key.text().expose()).map(|refused| refused.reason())
    }
}

fn attack() -> Attack {
    let (store, _, key) = issued();
    Attack::on(key, store)
}

#[test]
fn guesses_at_one_key_are_tried_five_at_once_and_then_one_a_minute() {
    let attack = attack();
    let id = attack.key.id();
    for _ in 0..5 {
        assert_eq!(attack.guess(id), Reason::InvalidCredentials);
    }
    assert_eq!(attack.guess(id), Reason::RateLimited);
    attack.clock.advance(Duration::from_secs(60));
    assert_eq!(attack.guess(id), Reason::InvalidCredentials);
    assert_eq!(attack.guess(id), Reason::RateLimited);
}

#[test]
fn an_owner_who_was_here_before_is_not_kept_out_and_one_who_was_not_waits_a_minute() {
    let attack = attack();
    let id = attack.key.id().to_owned();
    (0..6).for_each(|_| _ = attack.guess(&id));
    assert_eq!(attack.by_owner(), Some(Reason::RateLimited), "who knows whose it is");
    attack.clock.advance(Duration::from_secs(60));
    assert_eq!(attack.by_owner(), None);
    (0..6).for_each(|_| _ = attack.guess(&id));
    assert_eq!(attack.guess(&id), Reason::RateLimited);
    assert_eq!(attack.by_owner(), None);
}

#[test]
fn the_answer_does_not_tell_which_keys_there_are() {
    let attack = attack();
    let stranger = ApiKey::generate("orders").unwrap();
    let wrong = |id: &str| with_secret_of(&ApiKey::generate("orders").unwrap(), id);
    for id in [attack.key.id(), stranger.id()] {
        (0..5).for_each(|_| _ = attack.guess(id));
    }
    let [known, unknown] =
        [attack.key.id(), stranger.id()].map(|id| attack.send(&wrong(id)).unwrap());
    let public = |r: &Rejection| (r.reason(), r.public_detail().to_owned(), r.headers().to_vec());
    assert_eq!(public(&known), public(&unknown));
    assert_eq!(known.headers(), [(RETRY_AFTER, HeaderValue::from_static("60"))]);
    assert!(known.private_found().unwrap().contains(attack.key.id()));
}

#[test]
fn only_wrong_secrets_are_counted_and_no_mistyped_ones() {
    let attack = attack();
    let text = attack.key.text().expose();
    let typo = with_character(
        text,
        text.len() - 10,
        if text.as_bytes()[text.len() - 10] == b'0' { '1' } else { '0' },
    );
    for _ in 0..20 {
        assert_eq!(attack.send(&typo).unwrap().reason(), Reason::InvalidCredentials);
        assert_eq!(attack.by_owner(), None);
    }
}

#[test]
fn a_secret_that_was_replaced_is_no_familiar_face() {
    let (store, _, key) = issued();
    let attack = Attack::on(key, store.clone());
    assert_eq!(attack.by_owner(), None);
    let new = ApiKey::rotate("orders", attack.key.id()).unwrap();
    let stored = store.get(new.id()).unwrap().rotated(&new, Duration::from_secs(2_000)).unwrap();
    store.insert(stored);
    (0..6).for_each(|_| _ = attack.guess(new.id()));
    assert_eq!(attack.by_owner(), Some(Reason::RateLimited));
}
