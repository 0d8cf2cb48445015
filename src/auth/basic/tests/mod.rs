use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderValue, Request,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use proptest::prelude::*;

use super::{
    phc::{Phc, Work},
    *,
};
use crate::{
    answer::Answer,
    auth::Guesses,
    clock::ManualClock,
    context::{ClientAddr, Principal, Provenance},
    guard::{Exchange, Flow, Guard, Needs, drive},
    inspect::Findings,
    rejection::{Reason, Rejection},
};

mod hashes;

const MINUTE: Duration = Duration::from_secs(60);

fn user(name: &str, password: &str) -> StoredUserBuilder {
    StoredUser::builder(name, Phc::of(password, Work::LITTLE).unwrap().to_string())
}

struct House {
    users: MemoryUsers,
    basic: Basic,
    clock: ManualClock,
}

impl House {
    fn with(setting: impl FnOnce(BasicBuilder) -> BasicBuilder) -> Self {
        let alice = user("alice", "swordfish").scope("orders:read").role("clerk").build().unwrap();
        let users = MemoryUsers::from_iter([alice]);
        let builder = setting(Basic::builder(users.clone()).nobody(Work::LITTLE));
        Self { users, basic: builder.build().unwrap(), clock: ManualClock::default() }
    }

    fn exchange(&self, credentials: &str) -> Exchange {
        let mut request = Request::new(());
        let value = HeaderValue::from_str(credentials).unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
        Exchange::test(request, self.clock.clone())
    }

    /// Whether it took hashing, and what came of it.
    async fn judge(&self, mut exchange: Exchange) -> (bool, Result<Principal, Rejection>) {
        let flow = match self.basic.check(&mut exchange) {
            Ok(flow) => flow,
            Err(refused) => return (false, Err(refused)),
        };
        let waits = matches!(flow, Flow::Suspend(_));
        let driven = drive(flow, &mut exchange).await;
        (waits, driven.map(|_| exchange.principal().unwrap().clone()))
    }

    async fn send(&self, name: &str, password: &str) -> (bool, Result<Principal, Rejection>) {
        let encoded = BASE64_STANDARD.encode(format!("{name}:{password}"));
        self.judge(self.exchange(&format!("Basic {encoded}"))).await
    }

    async fn reason(&self, name: &str, password: &str) -> Option<Reason> {
        self.send(name, password).await.1.err().map(|refused| refused.reason())
    }
}

fn house() -> House {
    House::with(|basic| basic)
}

#[tokio::test]
async fn a_right_password_settles_the_principal_of_its_user() {
    let caller = house().send("alice", "swordfish").await.1.unwrap();
    assert_eq!((caller.issuer(), caller.subject(), caller.scheme()), ("basic", "alice", "basic"));
    assert!(caller.has_scope("orders:read") && caller.has_role("clerk"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer_after_the_same_work() {
    let house = house();
    let (waited, wrong) = house.send("alice", "password").await;
    let (waited_too, unknown) = house.send("mallory", "password").await;
    assert!(waited && waited_too);
    let (wrong, unknown) = (wrong.unwrap_err(), unknown.unwrap_err());
    let public = |r: &Rejection| (r.reason(), r.public_detail().to_owned(), r.headers().to_vec());
    assert_eq!(public(&wrong), public(&unknown));
    let challenge = HeaderValue::from_static("Basic realm=\"api\", charset=\"UTF-8\"");
    assert_eq!(wrong.headers(), [(WWW_AUTHENTICATE, challenge)]);
    assert_eq!(wrong.private_found(), Some("a wrong password for user `alice`"));
    let told = unknown.private_found().unwrap();
    assert_eq!(told, "a wrong password for an unknown user, `ma…` of 7 characters");
}

#[tokio::test]
async fn a_password_where_the_name_belongs_is_not_recorded() {
    let refused = house().send("hunter2", "alice").await.1.unwrap_err();
    assert!(!refused.private_found().unwrap().contains("hunter2"));
    let short = house().send("1234", "alice").await.1.unwrap_err();
    assert!(!short.private_found().unwrap().contains("12"));
}

#[tokio::test]
async fn what_is_not_read_is_refused_without_any_work() {
    let house = house();
    for bad in ["Basic", "Basic x", "Basic YWxpY2U=", "Basic YWxpY2U6"] {
        let (waited, judged) = house.judge(house.exchange(bad)).await;
        assert!(!waited);
        assert_eq!(judged.unwrap_err().reason(), Reason::InvalidCredentials, "{bad}");
    }
    let (_, none) = house.judge(house.exchange("Bearer x")).await;
    assert_eq!(none.unwrap_err().reason(), Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_good_password_is_not_hashed_again_for_a_minute() {
    let house = house();
    assert!(house.send("alice", "swordfish").await.0);
    for _ in 0..59 {
        let (waited, judged) = house.send("alice", "swordfish").await;
        assert!(!waited && judged.is_ok());
        house.clock.advance(Duration::from_secs(1));
    }
    assert!(!house.send("alice", "swordfish").await.0);
    house.clock.advance(Duration::from_secs(1));
    assert!(house.send("alice", "swordfish").await.0);
    assert!(house.send("alice", "wrong").await.0);
}

#[tokio::test]
async fn where_nothing_is_remembered_every_password_is_hashed() {
    let house = House::with(|basic| basic.remember(Duration::ZERO));
    for _ in 0..3 {
        let (waited, judged) = house.send("alice", "swordfish").await;
        assert!(waited && judged.is_ok());
    }
}

#[tokio::test]
async fn a_change_of_password_rights_or_user_is_seen_by_the_next_request() {
    let house = house();
    assert!(house.send("alice", "swordfish").await.1.is_ok());
    house.users.insert(user("alice", "opensesame").build().unwrap());
    assert_eq!(house.reason("alice", "swordfish").await, Some(Reason::InvalidCredentials));
    let caller = house.send("alice", "opensesame").await.1.unwrap();
    assert!(!caller.has_scope("orders:read"));
    house.users.remove("alice");
    assert_eq!(house.reason("alice", "opensesame").await, Some(Reason::InvalidCredentials));
}

#[tokio::test]
async fn ten_wrong_passwords_are_tried_and_then_one_every_three_minutes_whoever_is_meant() {
    let house = house();
    for name in ["alice", "mallory"] {
        for guess in 0..10 {
            let reason = house.reason(name, &format!("guess {guess}")).await;
            assert_eq!(reason, Some(Reason::InvalidCredentials));
        }
        let (waited, refused) = house.send(name, "guess 11").await;
        let refused = refused.unwrap_err();
        assert!(!waited, "it costs nothing");
        assert_eq!(refused.reason(), Reason::RateLimited);
        assert_eq!(refused.headers(), [(RETRY_AFTER, HeaderValue::from_static("180"))]);
    }
    assert_eq!(house.reason("alice", "swordfish").await, Some(Reason::RateLimited));
    house.clock.advance(3 * MINUTE);
    assert_eq!(house.reason("alice", "swordfish").await, None);
}

#[tokio::test]
async fn who_was_here_before_is_let_in_while_others_guess() {
    let house = house();
    assert_eq!(house.reason("alice", "swordfish").await, None);
    house.clock.advance(60 * MINUTE);
    for guess in 0..11 {
        let _ = house.reason("alice", &format!("guess {guess}")).await;
    }
    assert_eq!(house.reason("alice", "guess 12").await, Some(Reason::RateLimited));
    let (waited, judged) = house.send("alice", "swordfish").await;
    assert!(waited && judged.is_ok());
    house.clock.advance(24 * 60 * MINUTE);
    assert_eq!(house.reason("alice", "swordfish").await, None);
}

#[tokio::test]
async fn right_passwords_side_by_side_are_hashed_once_and_count_for_nothing() {
    let house = House::with(|basic| basic.guesses(Guesses::per_hour(1).burst(1)));
    let all = (0..100).map(|_| house.send("alice", "swordfish"));
    let judged = futures_util::future::join_all(all).await;
    assert!(judged.iter().all(|(_, judged)| judged.is_ok()));
    house.users.insert(user("alice", "opensesame").build().unwrap());
    assert_eq!(house.reason("alice", "opensesame").await, None);
}

#[tokio::test]
async fn guesses_side_by_side_are_counted_before_they_are_tried() {
    let house = house();
    let all = (0..100).map(async |guess| house.reason("alice", &format!("guess {guess}")).await);
    let reasons = futures_util::future::join_all(all).await;
    let tried = reasons.iter().filter(|reason| **reason == Some(Reason::InvalidCredentials));
    assert_eq!(tried.count(), 10);
}

#[test]
fn whoever_finds_no_room_is_told_to_come_back_and_has_not_guessed() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let room = |basic: BasicBuilder| basic.parallel(1).wait(Duration::from_millis(1));
    let house = House::with(|basic| room(basic).guesses(Guesses::per_hour(1).burst(1)));
    runtime.block_on(async {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        // The one thread that may block is kept, so that the first password stays under way.
        let keeper = tokio::task::spawn_blocking(move || ended.recv());
        let first = house.send("mallory", "a guess");
        let mut first = std::pin::pin!(first);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        for _ in 0..3 {
            let refused = house.send("alice", "swordfish").await.1.unwrap_err();
            assert_eq!(refused.reason(), Reason::Unavailable);
            assert_eq!(refused.headers(), [(RETRY_AFTER, HeaderValue::from_static("1"))]);
        }
        end.send(()).unwrap();
        keeper.await.unwrap().unwrap();
        assert_eq!(first.await.1.unwrap_err().reason(), Reason::InvalidCredentials);
        assert_eq!(house.reason("alice", "swordfish").await, None);
    });
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_one_that_answers_later_is_waited_for() {
    struct Slow(bool);
    impl UserStore for Slow {
        fn find(&self, name: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>> {
            let (is_up, name) = (self.0, name.to_owned());
            Answer::later(async move {
                tokio::task::yield_now().await;
                match is_up {
                    true => Ok(Some(Arc::new(user(&name, "swordfish").build().unwrap()))),
                    false => Err(StoreError::new("connection refused")),
                }
            })
        }
    }
    for (is_up, expected) in [(true, None), (false, Some(Reason::Unavailable))] {
        let basic = Basic::builder(Slow(is_up)).build().unwrap();
        let house = House { basic, ..house() };
        assert_eq!(house.reason("bob", "swordfish").await, expected);
    }
}

#[tokio::test]
async fn a_user_is_let_in_from_their_networks_only() {
    let house = house();
    let bound = user("bob", "swordfish").address("192.0.2.0/24").build().unwrap();
    house.users.insert(bound);
    assert_eq!(Guard::needs(&house.basic), Needs::CLIENT);
    let from = |address: [u8; 4], password: &str| {
        let encoded = BASE64_STANDARD.encode(format!("bob:{password}"));
        let mut exchange = house.exchange(&format!("Basic {encoded}"));
        exchange.set_client(ClientAddr::new(address.into(), Provenance::Peer));
        exchange
    };
    assert!(house.judge(from([192, 0, 2, 1], "swordfish")).await.1.is_ok());
    for _ in 0..2 {
        let refused = house.judge(from([192, 0, 3, 1], "swordfish")).await.1.unwrap_err();
        assert_eq!(refused.reason(), Reason::AddressDenied);
        assert!(refused.private_expected().unwrap().contains("`bob`"));
    }
    let refused = house.judge(from([192, 0, 3, 1], "wrong")).await.1.unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidCredentials);
    assert_eq!(house.reason("bob", "swordfish").await, Some(Reason::AddressUnknown));
}

#[test]
fn every_bad_setting_is_reported_at_once_and_no_hash_is_shown() {
    let bad = StoredUser::builder("a:b", "$argon2i$secret").subject("").issuer("").tenant("");
    let error = bad.scope("a b").role("").address("office").build().unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|m| m.setter().to_owned()).collect();
    let expected = ["name", "hash", "subject", "issuer", "tenant", "scope", "role", "address"];
    assert_eq!(setters, expected);
    assert!(!error.to_string().contains("secret"));
    let basic = Basic::builder(MemoryUsers::new()).realm("a \"b\"").parallel(0).capacity(0);
    let error = basic.wait(Duration::ZERO).guesses(Guesses::per_hour(0)).build().unwrap_err();
    assert_eq!(error.mistakes().len(), 5);
}

#[test]
fn a_user_reads_back_from_its_text_and_nothing_prints_the_hash() {
    let stored = user("alice", "swordfish").tenant("acme").address("192.0.2.1").build().unwrap();
    let text = serde_json::to_string(&stored).unwrap();
    let read: StoredUser = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(read.principal().tenant(), Some("acme"));
    assert!(serde_json::from_str::<StoredUser>(&text.replace("tenant", "team")).is_err());
    let hash = stored.phc.to_string();
    let printed = format!("{stored:?} {:?} {:?}", user("alice", "swordfish"), house().basic);
    assert!(!printed.contains(hash.rsplit('$').next().unwrap()), "{printed}");
    assert!(!printed.contains("argon2id$"), "{printed}");
}

#[tokio::test]
async fn users_come_and_go_with_their_file() {
    let folder = std::env::temp_dir().join(format!("parapet-users-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("users.json");
    let clock = ManualClock::default();
    FileUsers::write(&path, [&user("alice", "swordfish").build().unwrap()]).unwrap();
    let users = FileUsers::builder(&path).with_clock(clock.clone()).build().unwrap();
    let basic = Basic::builder(users).nobody(Work::LITTLE).build().unwrap();
    let house = House { basic, clock: clock.clone(), ..house() };
    assert_eq!(house.reason("alice", "swordfish").await, None);
    FileUsers::write(&path, [&user("alice", "opensesame").build().unwrap()]).unwrap();
    assert_eq!(house.reason("alice", "swordfish").await, None);
    clock.advance(Duration::from_secs(2));
    assert_eq!(house.reason("alice", "swordfish").await, Some(Reason::InvalidCredentials));
    assert_eq!(house.reason("alice", "opensesame").await, None);
    std::fs::write(&path, "{\"version\":1,\"users\":[").unwrap();
    clock.advance(Duration::from_secs(2));
    assert_eq!(house.reason("alice", "opensesame").await, None);
}

proptest! {
    #[test]
    fn no_credentials_but_the_right_ones_are_let_in(name in "\\PC{0,12}", password in "\\PC{0,12}") {
        let house = house();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let reason = runtime.block_on(house.reason(&name, &password));
        prop_assert_eq!(reason, Some(Reason::InvalidCredentials));
    }
}
