//! Several processes over one Redis, and what happens without it.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tower_parapet::{
    Redis,
    idempotency::{Idempotency, RedisResponses},
};

use super::{Shop, order, order_and_leave, redis, shop_with};

/// Two stacks, each with a connection of its own, as two processes have.
async fn pair(server: &redis::Server) -> ([SocketAddr; 2], Arc<Shop>) {
    let shop = Arc::new(Shop::default());
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let redis = Redis::builder(server.url()).response_timeout(Duration::from_secs(5));
        let store = RedisResponses::new(redis.build().unwrap());
        addresses.push(shop_with(Idempotency::builder(store), &shop).await);
    }
    ([addresses[0], addresses[1]], shop)
}

#[tokio::test]
async fn of_many_at_once_in_two_processes_one_runs_and_both_know_its_answer() {
    if redis::is_missing() {
        return;
    }
    let server = redis::Server::start();
    let mut monitor = server.monitor();
    let (both, shop) = pair(&server).await;
    for round in 0..10 {
        let key = format!("round-{round}");
        let calls = (0..20).map(|number| {
            let (address, key) = (both[number % 2], key.clone());
            tokio::spawn(async move { order(address, "now", &key).await })
        });
        for call in calls.collect::<Vec<_>>() {
            let told = call.await.unwrap();
            let text = format!("order {}", round + 1);
            assert!(told.status == 409 || told.text() == text, "{}", told.text());
        }
        for address in both {
            let again = order(address, "now", &key).await;
            assert_eq!(again.text(), format!("order {}", round + 1));
            assert_eq!(again.header("idempotency-replayed"), Some("true"));
        }
        assert_eq!(shop.runs(), round + 1);
    }
    server.command(&["ECHO", "enough"]);
    let heard = monitor.until("enough");
    for secret in ["round-", "ada", "one tea", "session=secret"] {
        assert!(!heard.contains(secret), "redis was told `{secret}`");
    }
}

#[tokio::test]
async fn without_redis_nothing_runs_and_what_it_wrote_down_is_still_known_afterwards() {
    if redis::is_missing() {
        return;
    }
    let mut server = redis::Options::default().append_only().start();
    let (both, shop) = pair(&server).await;
    assert_eq!(order(both[0], "now", "a").await.text(), "order 1");
    server.kill();
    for key in ["a", "b"] {
        let refused = order(both[1], "now", key).await;
        assert_eq!((refused.status, refused.code()), (503, "unavailable".into()));
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(shop.runs(), 1);
    server.restart();
    let mut again = order(both[1], "now", "a").await;
    while again.status == 503 {
        again = order(both[1], "now", "a").await;
    }
    assert_eq!(again.text(), "order 1");
    assert_eq!(order(both[0], "now", "b").await.text(), "order 2");
}

#[tokio::test]
async fn an_answer_that_redis_could_not_be_told_is_told_once_it_is_back() {
    if redis::is_missing() {
        return;
    }
    let mut server = redis::Options::default().append_only().start();
    let (both, shop) = pair(&server).await;
    let address = both[0];
    let call = tokio::spawn(async move { order(address, "slow", "a").await });
    shop.begun.notified().await;
    server.kill();
    shop.gate.add_permits(1);
    while shop.finished.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    server.restart();
    assert_eq!(call.await.unwrap().text(), "order 1");
    // It goes on being told, whoever waits.
    let mut again = order(both[1], "slow", "a").await;
    while again.status != 201 {
        assert_ne!(shop.runs(), 2, "it ran again");
        again = order(both[1], "slow", "a").await;
    }
    assert_eq!((again.text(), shop.runs()), ("order 1".into(), 1));
}

#[tokio::test]
async fn a_client_that_leaves_while_redis_is_asked_leaves_no_lock_behind() {
    if redis::is_missing() {
        return;
    }
    let server = redis::Server::start();
    let (both, shop) = pair(&server).await;
    // The scripts are known, and the connections are there.
    assert_eq!(order(both[0], "fails", "first").await.status, 503);
    for round in 0..10 {
        server.pause();
        let stream = order_and_leave(both[0], "now", "a").await;
        // Whether or not the server has come to ask by now.
        for _ in 0..round * 20 {
            tokio::task::yield_now().await;
        }
        drop(stream);
        server.resume();
        let mut told = order(both[1], "now", "a").await;
        while told.status == 409 {
            told = order(both[1], "now", "a").await;
        }
        assert_eq!(told.status, 201);
        server.command(&["FLUSHALL"]);
    }
    assert!(shop.runs() <= 1 + 20, "{}", shop.runs());
}

#[test]
fn a_process_that_dies_frees_its_keys_when_the_lock_ends() {
    if redis::is_missing() {
        return;
    }
    let server = redis::Server::start();
    let process =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let (dying, living) = (process().unwrap(), process().unwrap());
    let (first, shop) = dying.block_on(pair(&server));
    let stream = dying.block_on(async {
        let stream = order_and_leave(first[0], "slow", "a").await;
        shop.begun.notified().await;
        stream
    });
    // Whatever would be told on the way out is not.
    dying.shutdown_background();
    drop(stream);
    let (second, other) = living.block_on(pair(&server));
    let told = living.block_on(order(second[0], "now", "other"));
    assert_eq!(told.status, 201);
    let is_held = |key: &&String| server.command(&["HEXISTS", key, "answer"]) == "0";
    let held: Vec<_> = server.keys();
    let held: Vec<_> = held.iter().filter(is_held).collect();
    assert_eq!(held.len(), 1, "the key of the dead process");
    let left: u64 = server.command(&["PTTL", held[0]]).parse().unwrap();
    assert!((1..=60_000).contains(&left), "{left} ms");
    assert_eq!(living.block_on(order(second[0], "slow", "a")).code(), "request-in-progress");
    server.command(&["PEXPIRE", held[0], "0"]);
    other.gate.add_permits(1);
    assert_eq!(living.block_on(order(second[0], "slow", "a")).status, 201);
}
