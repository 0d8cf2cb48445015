//! The store in Redis against the one in memory, step by step.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode};
use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use crate::{
    Redis,
    idempotency::{Begun, Claim, IdempotencyStore, RedisResponses, StoredResponse},
    redis::tests::support::{self, Cluster, Server},
};

fn claim(key: u8, request: u8, owner: u8) -> Claim {
    Claim {
        key: [key; 16],
        caller: [0; 16],
        request: [request; 32],
        owner: [owner; 16],
        lock: Duration::from_secs(60),
        keep: Duration::from_secs(600),
    }
}

fn response(byte: u8) -> Arc<StoredResponse> {
    let kind = (HeaderName::from_static("x-kind"), HeaderValue::from_static("tea"));
    let body = (byte > 50).then(|| Bytes::from(vec![byte; usize::from(byte)]));
    Arc::new(StoredResponse { status: StatusCode::CREATED, headers: vec![kind], body })
}

fn words(begun: Begun) -> String {
    match begun {
        Begun::Done(response) => format!("{response:?}"),
        begun => format!("{begun:?}"),
    }
}

async fn step(store: &dyn IdempotencyStore, what: u8, claim: &Claim, byte: u8) -> String {
    match what {
        0..=2 => words(store.begin(claim, Duration::ZERO).wait().await.unwrap()),
        3 => {
            store.complete(claim, response(byte), Duration::ZERO).wait().await.unwrap();
            String::new()
        }
        _ => {
            store.release(claim).wait().await.unwrap();
            String::new()
        }
    }
}

#[test]
fn it_does_what_the_store_in_memory_does_step_by_step() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let redis = Redis::builder(server.url()).build().unwrap();
    let shared = RedisResponses::new(redis);
    let step_of = (0_u8..5, 0_u8..3, 0_u8..2, 0_u8..4, any::<u8>());
    let steps = prop::collection::vec(step_of, 1..60);
    let config =
        ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let tested = TestRunner::new(config).run(&steps, |steps| {
        server.command(&["FLUSHALL"]);
        let memory = MemoryResponses::default();
        for (what, key, request, owner, byte) in steps {
            let claim = claim(key, request, owner);
            let told = runtime.block_on(async {
                (step(&shared, what, &claim, byte).await, step(&memory, what, &claim, byte).await)
            });
            prop_assert_eq!(told.0, told.1, "{} {} {} {}", what, key, request, owner);
        }
        Ok(())
    });
    tested.unwrap();
}

#[tokio::test]
async fn keys_end_by_themselves_and_say_nothing_of_who_sent_them() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = Redis::builder(server.url()).prefix("shop").build().unwrap();
    let store = RedisResponses::new(redis);
    step(&store, 0, &claim(0xab, 1, 1), 0).await;
    let key = "shop:idem:{abababababababababababababababab}";
    assert_eq!(server.keys(), [key]);
    let left = |key| server.command(&["PTTL", key]).parse::<u64>().unwrap();
    assert!((50_000..=60_000).contains(&left(key)));
    step(&store, 3, &claim(0xab, 1, 1), 60).await;
    assert!((590_000..=600_000).contains(&left(key)));
    step(&store, 0, &claim(0xab, 1, 2), 0).await;
    assert!(left(key) <= 600_000, "an answer is kept from the first time on");
}

#[tokio::test]
async fn what_is_no_entry_of_its_is_a_failure_and_no_answer() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = Redis::builder(server.url()).build().unwrap();
    let store = RedisResponses::new(redis);
    step(&store, 0, &claim(1, 1, 1), 0).await;
    let key = &server.keys()[0];
    server.command(&["HSET", key, "answer", "nonsense"]);
    assert!(store.begin(&claim(1, 1, 2), Duration::ZERO).wait().await.is_err());
    server.command(&["DEL", key]);
    server.command(&["SET", key, "nonsense"]);
    assert!(store.begin(&claim(1, 1, 2), Duration::ZERO).wait().await.is_err());
}

#[tokio::test]
async fn a_cluster_serves_too() {
    if support::is_missing() {
        return;
    }
    let cluster = Cluster::start();
    let redis = Redis::cluster([cluster.url()]).build().unwrap();
    let store = RedisResponses::new(redis);
    for key in 0..30 {
        assert_eq!(step(&store, 0, &claim(key, 1, 1), 0).await, "First");
        step(&store, 3, &claim(key, 1, 1), 99).await;
        assert_eq!(step(&store, 0, &claim(key, 1, 2), 0).await, format!("{:?}", response(99)));
    }
    let held: Vec<usize> = cluster.nodes.iter().map(|node| node.keys().len()).collect();
    assert_eq!(held.iter().sum::<usize>(), 30);
    assert!(held.iter().all(|keys| *keys > 0), "{held:?}");
}
