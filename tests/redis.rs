//! Limits that several processes share, over a real `redis-server`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "redis/lost.rs"]
mod lost;
#[path = "redis/reached.rs"]
mod reached;
#[path = "support/redis.rs"]
mod server;
mod support;

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, routing::get};
use http::{Request, Response};
use tower::ServiceExt;
use tower_parapet::{
    Exchange, Flow, Guard, Guarded, Parapet, ParapetBuilder, Peer, PeerAddr, Phase, Reason, Redis,
    Rejection,
    context::Tls,
    redis::RedisBuilder,
    throttle::{Count, Key, Limit, Shared, Throttle, ThrottleBuilder},
};

use server::{Options, Server};
use support::Records;

/// One process of a service: a stack of its own.
struct Process {
    stack: Parapet,
    app: Guarded<Router>,
    records: Records,
}

fn process(configure: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Process {
    let records = Records::default();
    let builder =
        Parapet::builder().peer(Peer::Extension).public("/open", "test").observe(records.clone());
    let stack = configure(builder).build().unwrap();
    let router = Router::new().route("/open", get(async || "here"));
    Process { app: stack.clone().protect(router), stack, records }
}

impl Process {
    fn with(throttle: ThrottleBuilder) -> Self {
        process(|stack| stack.throttle(throttle))
    }

    async fn send(&self, headers: &[(&str, &str)]) -> Response<Body> {
        let mut request = Request::get("/open").header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer = PeerAddr::new(SocketAddr::new([192, 0, 2, 1].into(), 4711));
        let request = request.extension(peer).extension(Tls::new()).body(Body::empty()).unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self) -> u16 {
        self.send(&[]).await.status().as_u16()
    }

    async fn admitted(&self, count: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += usize::from(self.status().await == 200);
        }
        admitted
    }

    /// What the record of the last request notes of the store.
    fn note(&self) -> Option<String> {
        let record = self.records.all().pop().unwrap();
        let note = record.notes.iter().find(|(key, _)| *key == "store-lost");
        note.map(|(_, value)| value.to_string())
    }

    fn codes(&self) -> Vec<&'static str> {
        self.stack.findings().iter().map(|finding| finding.code).collect()
    }
}

/// With patience, for machines that are busy.
fn patient(builder: RedisBuilder) -> Redis {
    let long = Duration::from_secs(20);
    builder.connect_timeout(long).response_timeout(long).build().unwrap()
}

/// Ten an hour: none comes back while a test runs.
fn ten() -> ThrottleBuilder {
    Throttle::per_hour(10).by(Key::ClientNet)
}

#[tokio::test]
async fn processes_share_one_limit_and_ask_once_a_request() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let throttle = || {
        let redis = patient(Redis::builder(server.url()));
        let limits = ten().and(Limit::fixed(1_000, Duration::from_secs(86_400)));
        Process::with(
            limits
                .and(Limit::sliding(500, Duration::from_secs(60)))
                .shared(Shared::closed(redis).without_deny_cache()),
        )
    };
    let (one, other) = (throttle(), throttle());
    let mut admitted = 0;
    for _ in 0..20 {
        let both = tokio::join!(one.status(), other.status());
        admitted += usize::from(both.0 == 200) + usize::from(both.1 == 200);
    }
    assert_eq!(admitted, 10);
    assert_eq!(server.keys().len(), 1);
    // One of them, or both, taught it the script.
    let calls = server.calls("evalsha");
    assert!((11..=42).contains(&calls), "{calls}");
    let refused = one.send(&[]).await;
    assert_eq!(refused.status(), 429);
    let told = refused.headers()["ratelimit"].to_str().unwrap();
    assert_eq!(told.split(", ").count(), 3, "{told}");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(one.note(), None);
}

#[tokio::test]
async fn other_prefixes_limits_and_databases_are_other_buckets() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let shared = |builder| Shared::closed(patient(builder));
    let first = Process::with(ten().shared(shared(Redis::builder(server.url()))));
    assert_eq!(first.admitted(12).await, 10);
    for other in [
        ten().shared(shared(Redis::builder(server.url()).prefix("other"))),
        ten().shared(shared(Redis::builder(server.url()).database(1))),
        ten().burst(9).shared(shared(Redis::builder(server.url()))),
        ten().named("other").shared(shared(Redis::builder(server.url()))),
    ] {
        assert!(Process::with(other).admitted(12).await >= 9);
    }
}

#[tokio::test]
async fn nothing_a_client_wrote_reaches_redis() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let mut monitor = server.monitor();
    let shared = Shared::closed(patient(Redis::builder(server.url())));
    let key = Key::header("x-tenant").and(Key::ClientNet);
    let process = Process::with(Throttle::per_hour(10).by(key).shared(shared));
    let long = "A".repeat(257);
    for (value, status) in [
        ("tenant-se7enteen", 200),
        ("x\"\t*3\\r\\n$5", 200),
        ("} redis.call('FLUSHALL') --", 200),
        ("\u{e9}\u{1f512}", 200),
        (&long, 400),
    ] {
        let answer = process.send(&[("x-tenant", value)]).await;
        assert_eq!(answer.status(), status, "{value}");
    }
    server.command(&["ECHO", "that-is-all"]);
    let heard = monitor.until("that-is-all");
    for trace in ["tenant", "se7enteen", "192.0.2", "FLUSHALL", "AAAA", "open", "x-tenant"] {
        // The script itself is of our own words.
        let written = heard.lines().filter(|line| !line.contains("\"SCRIPT\" \"LOAD\""));
        assert!(!written.clone().any(|line| line.contains(trace)), "{trace}: {heard}");
    }
    let keys = server.keys();
    assert_eq!(keys.len(), 4, "{keys:?}");
    let is_hashed = |key: &String| {
        let (digest, limits) = key.strip_prefix("parapet:throttle:{")?.split_once("}:")?;
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(digest.len() == 32 && limits.len() == 16 && is_hex(digest) && is_hex(limits))
    };
    assert!(keys.iter().all(|key| is_hashed(key) == Some(true)), "{keys:?}");
}

/// Every token is forged.
struct Forged;

impl Guard for Forged {
    fn name(&self) -> &'static str {
        "forged"
    }
    fn phase(&self) -> Phase {
        Phase::Authenticate
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.headers().contains_key("authorization") {
            true => Err(Rejection::new(Reason::InvalidCredentials)),
            false => Ok(Flow::Continue),
        }
    }
}

#[tokio::test]
async fn guesses_at_one_process_count_at_the_others() {
    if server::is_missing() {
        return;
    }
    let server = Server::start();
    let guessed = || {
        let shared = Shared::closed(patient(Redis::builder(server.url())));
        let throttle = Throttle::per_hour(6).counting(Count::ForgedCredentials).shared(shared);
        process(|stack| stack.throttle(throttle).guard(Forged))
    };
    let (one, other) = (guessed(), guessed());
    let forged = [("authorization", "Bearer forged")];
    for count in 1..=3 {
        assert_eq!(one.send(&forged).await.status(), 401);
        assert_eq!(other.send(&forged).await.status(), 401);
        // They are charged when the request is over, which nobody waits for.
        let key = loop {
            match server.keys().pop() {
                Some(key) => break key,
                None => tokio::task::yield_now().await,
            }
        };
        let owed = |value: String| value.split(' ').nth(1).unwrap().parse::<f64>().unwrap();
        // Six an hour: one is 600 seconds, of which a moment has gone.
        while owed(server.command(&["GET", &key])) < f64::from(count * 2) * 6e8 - 1e8 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(one.send(&forged).await.status(), 429);
    assert_eq!(other.send(&[]).await.status(), 429);
}

#[tokio::test]
async fn the_audit_names_what_was_chosen_and_a_store_in_the_clear() {
    let redis = || Redis::builder("redis://127.0.0.1:1").build().unwrap();
    let found = |shared| Process::with(ten().shared(shared)).codes();
    assert!(!found(Shared::closed(redis())).contains(&"store-open"));
    assert!(!found(Shared::local_share(redis(), 2)).contains(&"store-open"));
    assert!(found(Shared::dangerous(redis()).open()).contains(&"store-open"));
    let plain = Redis::builder("redis://10.0.0.1").dangerous().plaintext().build().unwrap();
    assert!(found(Shared::closed(plain)).contains(&"plain-redis"));
}
