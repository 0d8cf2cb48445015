//! Two services and one Redis.

#[path = "../support/redis.rs"]
mod server;

use std::time::Instant;

use server::{Options, Server, is_missing};
use tower_parapet::Redis;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn redis(server: &Server) -> Redis {
    let builder = Redis::builder(server.url()).connect_timeout(PATIENCE).response_timeout(PATIENCE);
    builder.build().unwrap()
}

async fn shared(server: &Server) -> Service {
    service(builder().shared(&redis(server)), |stack| stack).await
}

impl Service {
    /// Asks, a second apart by the service's clock, until the answer is the one that is waited for.
    async fn until(&self, client: &str, status: u16) {
        let begun = Instant::now();
        while self.get(client, "/open").await != status {
            assert!(begun.elapsed() < PATIENCE, "{client} is not answered {status}");
            self.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Everything is told that happened so far.
    async fn told(&self) {
        let begun = Instant::now();
        while self.bans.counts().queued > 0 {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.bans.counts());
            self.clock.advance(Duration::from_secs(1));
            self.get("198.51.100.1", "/open").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// So long that the seconds of a service's clock do not end it.
fn long() -> BansBuilder {
    builder().terms([60 * MINUTE, 120 * MINUTE])
}

#[tokio::test]
async fn offences_in_two_processes_add_up_and_the_ban_and_its_end_are_known_in_both() {
    if is_missing() {
        return;
    }
    let server = Server::start();
    let (one, other) = (
        service(long().shared(&redis(&server)), |stack| stack).await,
        service(long().shared(&redis(&server)), |stack| stack).await,
    );
    one.fail(MALLORY).await;
    other.fail(MALLORY).await;
    one.told().await;
    other.told().await;
    assert_eq!(one.get(MALLORY, "/open").await, 200, "two of three points");
    one.fail(MALLORY).await;
    one.until(MALLORY, 403).await;
    other.until(MALLORY, 403).await;
    assert_eq!(other.get(ALICE, "/open").await, 200);
    let ban = &other.list()[0];
    assert_eq!(
        (ban.offender.to_string().as_str(), &*ban.why, ban.level),
        (MALLORY, "failed login", 1)
    );
    assert!(ban.from_elsewhere && ban.left > 55 * MINUTE);
    assert!(other.bans.lift(ban.offender.clone()));
    one.until(MALLORY, 200).await;
    assert!(one.list().is_empty());
    let late = service(long().shared(&redis(&server)), |stack| stack).await;
    late.fail(ALICE).await;
    late.told().await;
    assert_eq!(late.get(MALLORY, "/open").await, 200);
}

#[tokio::test]
async fn callers_and_bans_by_hand_are_shared_and_a_late_process_learns_them() {
    if is_missing() {
        return;
    }
    let server = Server::start();
    let one = service(long().shared(&redis(&server)), |stack| stack).await;
    for _ in 0..3 {
        one.ask(MALLORY, "GET", "/nothing", Some("mallory \"x\"\\")).await;
    }
    let network: Network = "2001:db8:7::/48".parse().unwrap();
    one.bans.ban(network, 24 * 60 * MINUTE, "abuse desk").unwrap();
    one.told().await;
    let late = service(long().shared(&redis(&server)), |stack| stack).await;
    late.until("2001:db8:7:9::1", 403).await;
    let answer = late.ask(ALICE, "GET", "/orders", Some("mallory \"x\"\\")).await;
    assert_eq!(answer.status, 403);
    assert_eq!(late.ask(ALICE, "GET", "/orders", Some("alice")).await.status, 200);
    let mut shown: Vec<_> =
        late.list().iter().map(|ban| (ban.offender.to_string(), ban.by_hand)).collect();
    shown.sort();
    assert_eq!(
        shown,
        [("2001:db8:7::/48".to_owned(), true), ("mallory \"x\"\\ of test".to_owned(), false)]
    );
}

#[tokio::test]
async fn levels_are_shared_so_that_the_next_process_bans_for_longer() {
    if is_missing() {
        return;
    }
    let server = Server::start();
    let second = Duration::from_secs(1);
    let quick = || builder().terms([second, 60 * MINUTE]).shared(&redis(&server));
    let one = service(quick(), |stack| stack).await;
    one.fail_thrice(MALLORY).await;
    one.told().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let other = service(quick(), |stack| stack).await;
    other.fail_thrice(MALLORY).await;
    other.told().await;
    let begun = Instant::now();
    while other.list().first().is_none_or(|ban| ban.level < 2) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", other.list());
        other.clock.advance(second);
        other.get(ALICE, "/open").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(other.list()[0].left > 55 * MINUTE);
}

#[tokio::test]
async fn no_request_waits_for_redis_and_bans_go_on_without_it() {
    if is_missing() {
        return;
    }
    let mut server = Server::start();
    let redis = Redis::builder(server.url()).response_timeout(Duration::from_millis(200));
    let one = service(long().shared(&redis.build().unwrap()), |stack| stack).await;
    one.until(ALICE, 200).await;
    server.pause();
    let begun = Instant::now();
    for _ in 0..20 {
        one.clock.advance(Duration::from_secs(1));
        assert_eq!(one.get(ALICE, "/open").await, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    one.fail_thrice(MALLORY).await;
    assert_eq!(one.get(MALLORY, "/open").await, 403);
    server.resume();
    server.restart();
    // It remembers nothing; what is in force here is told again.
    let other = shared_long(&server).await;
    one.told().await;
    let begun = Instant::now();
    while other.get(MALLORY, "/open").await != 403 {
        assert!(begun.elapsed() < PATIENCE, "{:?} {:?}", one.bans.counts(), other.bans.counts());
        for service in [&one, &other] {
            service.clock.advance(Duration::from_secs(1));
            service.get(ALICE, "/open").await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn shared_long(server: &Server) -> Service {
    service(long().shared(&redis(server)), |stack| stack).await
}

#[tokio::test]
async fn only_offences_and_a_look_a_second_reach_redis() {
    if is_missing() {
        return;
    }
    let server = Options::default().start();
    let one = shared_long(&server).await;
    one.until(ALICE, 200).await;
    for _ in 0..200 {
        assert_eq!(one.get(ALICE, "/open").await, 200);
    }
    one.told().await;
    let before = server.calls("evalsha");
    for _ in 0..200 {
        assert_eq!(one.get(ALICE, "/open").await, 200);
    }
    assert_eq!(server.calls("evalsha"), before, "its clock stands still");
    println!("400 requests within one second: {before} calls");
    assert!(before <= 4);
}

#[tokio::test]
async fn keys_hold_nothing_a_client_wrote_and_all_of_them_end() {
    if is_missing() {
        return;
    }
    let server = Server::start();
    let one = shared(&server).await;
    one.ask(MALLORY, "GET", "/nothing", Some("m{a}llory")).await;
    one.fail_thrice(MALLORY).await;
    one.told().await;
    let keys = server.keys();
    assert!(keys.len() >= 5, "{keys:?}");
    for key in keys {
        assert!(!key.contains("llory") && !key.contains("203."), "{key}");
        let ttl: i64 = server.command(&["PTTL", &key]).parse().unwrap();
        assert!(ttl > 0, "{key} never ends");
    }
}

#[tokio::test]
async fn a_penalty_in_one_process_is_owed_in_the_other() {
    use tower_parapet::throttle::{Effect, Shared, Throttle};
    if is_missing() {
        return;
    }
    let server = Server::start();
    let throttled = async || {
        let patient = Bans::builder().on(Signal::NotFound, 1).threshold(10_000);
        let limit = Throttle::per_hour(10).on(Signal::NotFound, Effect::Penalty(9));
        let limit = limit.shared(Shared::closed(redis(&server)));
        service(patient, |stack| stack.throttle(limit)).await
    };
    let (one, other) = (throttled().await, throttled().await);
    assert_eq!(one.get(MALLORY, "/nothing").await, 401);
    // It is charged in the background: soon, and once.
    let mut asked = 0;
    while other.get(MALLORY, "/open").await != 429 {
        asked += 1;
        assert!(asked < 9, "the penalty never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(other.get(ALICE, "/open").await, 200);
}
