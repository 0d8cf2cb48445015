//! Scripts, over a real server.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::Value;
use futures_util::future::join_all;

use super::support::{self, Cluster, Server};
use crate::redis::{Arg, Redis, RedisBuilder, RedisError, Script};

static COUNT: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])"));

static SAY: LazyLock<Script> = LazyLock::new(|| Script::new("return KEYS[1] .. ARGV[1]"));

/// With patience, for machines that are busy.
fn patient(builder: RedisBuilder) -> Redis {
    let long = Duration::from_secs(20);
    builder.connect_timeout(long).response_timeout(long).build().unwrap()
}

async fn count(redis: &Redis, digest: u8, by: i64) -> Result<Value, RedisError> {
    let key = redis.key("test", &[digest; 16], "");
    redis.eval(&COUNT, &[key], &[Arg::Int(by)]).await
}

#[tokio::test]
async fn a_script_is_sent_once_and_then_called_by_its_hash() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    for sum in 1..=20 {
        assert_eq!(count(&redis, 1, 1).await.unwrap(), Value::Int(sum));
    }
    assert_eq!((server.calls("script|load"), server.calls("evalsha")), (1, 21));
    let args = [Arg::Bytes(b" and bytes")];
    let said = redis.eval(&SAY, &["a key"], &args).await.unwrap();
    assert_eq!(said, Value::BulkString(b"a key and bytes".to_vec()));
}

#[tokio::test]
async fn scripts_that_were_flushed_are_loaded_once_for_all_who_wait() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    count(&redis, 1, 0).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]);
    let answers = join_all((0..100).map(|_| count(&redis, 1, 1))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(server.command(&["GET", &server.keys()[0]]), "100");
    assert!(server.calls("script|load") <= 3, "{}", server.calls("script|load"));
}

#[tokio::test]
async fn one_connection_is_made_for_all_who_wait_and_another_after_a_restart() {
    if support::is_missing() {
        return;
    }
    let mut server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    let connected = |server: &Server| {
        let stats = server.command(&["INFO", "stats"]);
        let line = stats.lines().find_map(|l| l.strip_prefix("total_connections_received:"));
        line.unwrap().parse::<u64>().unwrap()
    };
    let before = connected(&server);
    let answers = join_all((0..200).map(|_| count(&redis, 1, 1))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // One of them is the one that asks.
    assert_eq!(connected(&server) - before, 2);
    server.restart();
    // What is found broken by a call may fail that call, and no more.
    let mut failed = 0;
    while count(&redis, 1, 1).await.is_err() {
        failed += 1;
    }
    assert!(failed <= 1, "{failed}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_the_timeout_until_it_is_left_alone() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let limit = Duration::from_millis(100);
    let redis = Redis::builder(server.url()).response_timeout(limit).build().unwrap();
    // The first call may be slow on a busy machine.
    while count(&redis, 1, 1).await.is_err() {}
    server.pause();
    let answers = join_all((0..20).map(|_| count(&redis, 1, 1))).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(answers.iter().any(|a| matches!(a, Err(RedisError::Timeout { .. }))), "{answers:?}");
    assert!(matches!(count(&redis, 1, 1).await, Err(RedisError::Paused { .. })));
    assert!(redis.check().is_err());
    server.resume();
    while count(&redis, 1, 1).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(redis.check().is_ok());
}

#[tokio::test]
async fn more_calls_than_may_wait_are_refused_at_once() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()).max_in_flight(5));
    count(&redis, 1, 0).await.unwrap();
    server.pause();
    let waiting = join_all((0..20).map(|_| {
        let redis = redis.clone();
        async move {
            let asked = count(&redis, 1, 1);
            tokio::time::timeout(Duration::from_millis(300), asked).await
        }
    }));
    let answers = waiting.await;
    let busy = answers.iter().filter(|a| matches!(a, Ok(Err(RedisError::Busy { limit: 5 }))));
    assert_eq!(busy.count(), 15, "{answers:?}");
    server.resume();
    assert!(count(&redis, 1, 1).await.is_ok());
}

#[tokio::test]
async fn what_a_script_gets_wrong_is_no_outage_and_a_server_that_cannot_write_is_one() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    let wrong = Script::new("return nil + 1");
    for _ in 0..10 {
        let error = redis.eval(&wrong, &["k"], &[]).await.unwrap_err();
        assert!(!error.is_outage(), "{error}");
        assert!(error.to_string().contains("arithmetic"), "{error}");
    }
    count(&redis, 1, 1).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = count(&redis, 1, 1).await.unwrap_err();
    assert!(error.is_outage(), "{error}");
    assert!(error.to_string().contains("`OOM`"), "{error}");
}

#[tokio::test]
async fn a_cluster_is_asked_where_the_key_is_also_after_it_moved() {
    if support::is_missing() {
        return;
    }
    let cluster = Cluster::start();
    let redis = patient(Redis::cluster([cluster.url()]));
    for digest in 0..50 {
        assert_eq!(count(&redis, digest, 1).await.unwrap(), Value::Int(1));
    }
    assert!(cluster.nodes.iter().all(|node| !node.keys().is_empty()));
    // All went where they belong at once: a call and at most a first one to learn the script.
    assert_eq!(cluster.calls("evalsha"), 50 + 3);
    // One slot goes from its owner to another node.
    let key = redis.key("test", &[1; 16], "");
    let slot = crate::redis::slots::slot(&key).to_string();
    let key = String::from_utf8(key).unwrap();
    let has = |node: &&Server| node.keys().contains(&key);
    let source = cluster.nodes.iter().find(has).unwrap();
    let target = cluster.nodes.iter().find(|node| !has(node)).unwrap();
    let id = |node: &Server| node.command(&["CLUSTER", "MYID"]);
    let (from, to) = (id(source), id(target));
    target.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from]);
    source.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to]);
    let port = target.port.to_string();
    source.command(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"]);
    // On the move: its old owner sends us on, and the new one has to be told that we know.
    assert_eq!(count(&redis, 1, 1).await.unwrap(), Value::Int(2));
    for node in [target, source].into_iter().chain(&cluster.nodes) {
        node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &to]);
    }
    assert_eq!(count(&redis, 1, 1).await.unwrap(), Value::Int(3));
    assert_eq!(count(&redis, 1, 1).await.unwrap(), Value::Int(4));
}

#[tokio::test]
async fn a_node_of_a_cluster_asked_as_if_it_were_alone_is_an_error() {
    if support::is_missing() {
        return;
    }
    let cluster = Cluster::start();
    let redis = patient(Redis::builder(cluster.url()));
    let answers = join_all((0..20).map(|digest| count(&redis, digest, 1))).await;
    assert!(answers.iter().any(|a| matches!(a, Err(RedisError::Malformed { .. }))), "{answers:?}");
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    if support::is_missing() {
        return;
    }
    let server = support::Options::default().password("right").start();
    let redis = patient(Redis::builder(server.url()).password("wr0ng-s3cret"));
    let error = redis.ping().await.unwrap_err();
    assert!(matches!(error, RedisError::Login { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng-s3cret"), "{error:?}");
    let redis = patient(Redis::builder(server.url()).password("right"));
    redis.ping().await.unwrap();
    let nobody = patient(Redis::builder(server.url()));
    assert!(nobody.ping().await.is_err());
}
