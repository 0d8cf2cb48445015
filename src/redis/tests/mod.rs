mod server;
#[path = "../../../tests/support/redis.rs"]
pub(crate) mod support;

use std::time::Duration;

use super::*;
use crate::inspect::Findings;

const SECRET: &str = "s3cr3t-password";

fn mistakes(builder: RedisBuilder) -> String {
    builder.build().expect_err("it was built").to_string()
}

#[test]
fn nonsense_is_refused_with_what_would_work() {
    let here = || Redis::builder("redis://127.0.0.1");
    let table: &[(RedisBuilder, &str)] = &[
        (Redis::builder("http://127.0.0.1"), "`builder`: `http://127.0.0.1` is not the URL"),
        (Redis::builder("redis://10.0.0.1"), "write `rediss://`, or allow it"),
        (Redis::builder("redis://redis.internal"), "is asked in the clear"),
        (Redis::cluster(Vec::<String>::new()), "`cluster`: has no nodes"),
        (
            Redis::cluster(["rediss://127.0.0.1", "redis://127.0.0.1"]),
            "nodes with TLS and nodes without",
        ),
        (Redis::cluster(["redis://127.0.0.1/0", "redis://a:b@localhost"]), "different logins"),
        (Redis::cluster(["redis://127.0.0.1"]).database(1), "`database`: `1` is not one of"),
        (here().connect_timeout(Duration::ZERO), "`connect_timeout`: `0s`"),
        (here().response_timeout(Duration::from_secs(61)), "is more than 1 min"),
        (here().max_in_flight(0), "`max_in_flight`: `0` is out of range; write 1 to 65536"),
        (here().prefix(""), "`prefix`"),
        (here().prefix("a{b}"), "`prefix`: `a{b}` cannot begin"),
        (here().user("app"), "`user`: has no password"),
        (here().password(""), "`password`: is empty"),
        (here().ca_pem("nothing"), "has certificates and no TLS"),
        (Redis::builder("rediss://a").ca_pem("nothing"), "`ca_pem`: has no certificate"),
        (Redis::builder("rediss://a").identity_pem("", ""), "`identity_pem`"),
        (Redis::builder("rediss://a").server_name("a b"), "`server_name`: `a b`"),
    ];
    for (builder, words) in table {
        let told = mistakes(builder.clone());
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn every_mistake_is_told_at_once_and_no_password_with_it() {
    let url = format!("redis://user:{SECRET}@10.0.0.1/x");
    let builder = Redis::builder(url).password(SECRET).prefix("").max_in_flight(0);
    assert!(!format!("{builder:?}").contains(SECRET));
    let told = mistakes(builder);
    assert!(told.starts_with("configuration refused, 3 mistakes:"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}

#[test]
fn a_client_does_not_show_its_credentials() {
    let url = format!("redis://user:{SECRET}@127.0.0.1:7/0");
    let redis = Redis::builder(url).build().unwrap();
    assert_eq!(format!("{redis:?}"), r#"Redis("127.0.0.1:7")"#);
}

#[test]
fn plaintext_beyond_this_machine_is_a_finding() {
    let found = |redis: Redis| {
        let mut report = Findings::default();
        redis.findings(&mut report);
        redis.findings(&mut report);
        report.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let plain = Redis::builder("redis://10.0.0.1").dangerous().plaintext().build().unwrap();
    assert_eq!(found(plain), ["plain-redis"]);
    assert!(found(Redis::builder("redis://localhost").build().unwrap()).is_empty());
    assert!(found(Redis::builder("rediss://10.0.0.1").build().unwrap()).is_empty());
}

#[test]
fn keys_of_one_digest_are_in_one_slot() {
    let redis = Redis::builder("redis://127.0.0.1").prefix("orders").build().unwrap();
    let digest = [0xab; 16];
    let key = redis.key("t", &digest, "1");
    assert_eq!(key, b"orders:t:{abababababababababababababababab}:1");
    assert_eq!(slots::slot(&key), slots::slot(&redis.key("ban", &digest, "")));
}

#[tokio::test]
async fn nobody_is_asked_for_a_while_once_it_failed_often() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let redis = Redis::builder(format!("redis://127.0.0.1:{port}")).build().unwrap();
    for _ in 0..5 {
        assert!(matches!(redis.ping().await, Err(RedisError::Connect { .. })));
    }
    assert!(matches!(redis.ping().await, Err(RedisError::Paused { .. })));
    let mut readiness = crate::inspect::Readiness::default();
    redis.ready("throttle", &mut readiness);
    let told = readiness.to_string();
    assert!(told.starts_with(&format!("throttle waits for redis at 127.0.0.1:{port}: ")), "{told}");
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    let redis = Redis::builder("redis://127.0.0.1").build().unwrap();
    let asked = futures_util::FutureExt::now_or_never(redis.ping());
    assert!(matches!(asked, Some(Err(RedisError::Runtime))));
}
