//! A Redis that says nothing, or nonsense.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use tower_parapet::{
    Bans, Key, Redis, Throttle,
    idempotency::{Idempotency, RedisResponses},
    observe::Signal,
    throttle::Shared,
};

use super::{House, request, stack};

/// Says the same to whatever it is told, or nothing.
fn server(says: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, says) = (connection.unwrap(), says.clone());
            std::thread::spawn(move || {
                let mut heard = [0; 4096];
                while connection.read(&mut heard).is_ok_and(|bytes| bytes > 0) {
                    // One answer at least for each command that may have been heard.
                    for _ in 0..4 {
                        if connection.write_all(&says).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", Vec::new()),
        ("nil", b"$-1\r\n".to_vec()),
        ("a status", b"+OK\r\n".to_vec()),
        ("a number", b":1\r\n".to_vec()),
        ("an error", b"-WRONGTYPE of something else\r\n".to_vec()),
        ("no script", b"-NOSCRIPT there is none\r\n".to_vec()),
        ("moved to itself", b"-MOVED 1 127.0.0.1:1\r\n".to_vec()),
        ("an empty list", b"*0\r\n".to_vec()),
        ("numbers that are none of ours", b"*3\r\n:-1\r\n:9223372036854775807\r\n:7\r\n".to_vec()),
        ("a list without an end", b"*2147483647\r\n".to_vec()),
        ("a text without an end", b"$9223372036854775807\r\nx".to_vec()),
        ("lists within lists", b"*1\r\n".repeat(10_000)),
        ("another protocol", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("bytes", (0..=255).collect()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_says_nothing_or_nonsense_lets_nothing_through_and_holds_nobody_up() {
    for (what, says) in nonsense() {
        let address = server(says);
        let redis = || {
            let short = Duration::from_millis(200);
            let redis = Redis::builder(format!("redis://{address}"));
            redis.connect_timeout(short).response_timeout(short).build().unwrap()
        };
        let limited = Throttle::per_hour(9).by(Key::ClientNet).shared(Shared::closed(redis()));
        let once = Idempotency::builder(RedisResponses::new(redis())).routes(["POST /open"]);
        let bans = Bans::builder().on(Signal::NotFound, 1).threshold(2).shared(&redis());
        let limited = House::of(stack().throttle(limited));
        let once = House::of(stack().public("POST /open", "tests").idempotency(once));
        let banning = House::of(stack().bans(bans));
        for _ in 0..8 {
            let began = Instant::now();
            assert_eq!(limited.get("/open", &[]).await.0, 503, "{what}");
            let key = [("idempotency-key", "\"1\"")];
            assert_eq!(once.says(request("POST", "/open", &key)).await.0, 503, "{what}");
            assert_eq!(banning.get("/open", &[]).await.0, 200, "{what}");
            assert!(began.elapsed() < Duration::from_secs(5), "{what}: {:?}", began.elapsed());
        }
    }
}
