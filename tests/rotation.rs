//! The rotation drill: four workers at full rate while the provider is down and changes its keys, and
//! while a stranger sends tokens of keys that nobody has.
//!
//! All settings are the defaults, and the clock runs faster: five seconds are five minutes, or one
//! minute where `PARAPET_FULL` is set, as `scripts/check --full` does. It prints what it counted.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "keys/provider.rs"]
mod provider;
mod support;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
use provider::{Provider, until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};
use tower_parapet::{Jwt, Parapet, Peer, auth::jwt::KeyState, clock::Clock, testing::TestIssuer};

const NAME: &str = "https://id.example";
const COOLDOWN: Duration = Duration::from_secs(30);
const DOWN: Duration = Duration::from_secs(300);

/// The system's clock, faster.
#[derive(Clone)]
struct Fast {
    origin: Instant,
    factor: u32,
}

impl Clock for Fast {
    fn now(&self) -> Duration {
        self.origin.elapsed() * self.factor
    }

    fn unix(&self) -> Duration {
        Duration::from_secs(1_800_000_000) + self.now()
    }

    fn wait_until(&self, unix: Duration) -> futures_util::future::BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(self.real(unix.saturating_sub(self.unix()))))
    }
}

impl Fast {
    fn real(&self, time: Duration) -> Duration {
        time / self.factor
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(self.real(time)).await;
    }
}

/// What came of the requests of one kind.
#[derive(Default)]
struct Tally {
    statuses: BTreeMap<u16, usize>,
    slowest: Duration,
    /// When the last one was sent that was refused.
    last_refusal: Option<Instant>,
    without_retry_after: usize,
}

type Shared = Arc<Mutex<Tally>>;

/// The key that signs, and the request that the workers send with it.
type Signer = Arc<Mutex<TestIssuer>>;

struct Connection(TcpStream);

impl Connection {
    async fn open(service: SocketAddr) -> Self {
        Self(TcpStream::connect(service).await.unwrap())
    }

    /// The status, and whether it says when to come back.
    async fn ask(&mut self, token: &str) -> (u16, bool) {
        let request =
            format!("GET / HTTP/1.1\r\nhost: orders\r\nauthorization: Bearer {token}\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if body.len() >= length {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return (status, head.contains("retry-after: "));
                }
            }
            let mut chunk = [0; 4096];
            let count = self.0.read(&mut chunk).await.unwrap();
            assert!(count > 0, "the service closed the connection");
            read.extend_from_slice(&chunk[..count]);
        }
    }
}

async fn send(connection: &mut Connection, token: &str, tally: &Shared) {
    let began = Instant::now();
    let (status, has_retry_after) = connection.ask(token).await;
    let mut tally = tally.lock().unwrap();
    *tally.statuses.entry(status).or_default() += 1;
    tally.slowest = tally.slowest.max(began.elapsed());
    if status != 200 {
        tally.last_refusal = tally.last_refusal.max(Some(began));
        tally.without_retry_after += usize::from(status == 503 && !has_retry_after);
    }
}

/// Tokens of whatever key signs now: most were seen before, some are new.
fn worker(
    service: SocketAddr,
    signer: Signer,
    tally: Shared,
    end: Arc<AtomicBool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connection = Connection::open(service).await;
        let (mut key, mut token) = (String::new(), String::new());
        for round in 0_u32.. {
            if end.load(Ordering::Relaxed) {
                return;
            }
            let issuer = signer.lock().unwrap().clone();
            if round.is_multiple_of(16) || issuer.key_id() != key {
                issuer.key_id().clone_into(&mut key);
                let long = Duration::from_secs(3600);
                token = issuer.token().claim("jti", round).expires_in(long).sign();
            }
            send(&mut connection, &token, &tally).await;
        }
    })
}

fn attacker(
    service: SocketAddr,
    forger: TestIssuer,
    tally: Shared,
    end: Arc<AtomicBool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut connection = Connection::open(service).await;
        for round in 0_u32.. {
            if end.load(Ordering::Relaxed) {
                return;
            }
            let token = forger.token().key_id(format!("random-{round}")).sign();
            send(&mut connection, &token, &tally).await;
        }
    })
}

/// One stretch of the drill: what came of the good tokens in it.
fn take(name: &str, tally: &Shared, began: Instant) -> Tally {
    let tally = std::mem::take(&mut *tally.lock().unwrap());
    let total: usize = tally.statuses.values().sum();
    let rate = total as f64 / began.elapsed().as_secs_f64();
    println!(
        "{name:<28} {total:>7} requests, {rate:>6.0}/s, slowest {:>5.1} ms, {:?}",
        tally.slowest.as_secs_f64() * 1000.0,
        tally.statuses
    );
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_valid_request_is_refused_while_the_provider_is_down_or_changes_its_keys() {
    let is_full = std::env::var_os("PARAPET_FULL").is_some();
    let factor = if is_full { 5 } else { 60 };
    let clock = Fast { origin: Instant::now(), factor };
    let key = || TestIssuer::new(NAME).audience("orders").with_clock(clock.clone());
    let keys = [key(), key(), key()];
    let provider = Provider::start().await;
    provider.publish(&[&keys[0]]);
    let jwt = Jwt::builder().issuer(NAME).audience("orders").jwks_url(provider.url("/jwks"));
    let jwt = jwt.with_clock(clock.clone()).build().unwrap();
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(jwt.clone())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    let app = Router::new().route("/", get(async || "in"));
    let service = support::serve(parapet.protect(app)).await;
    until("keys", || jwt.keys()[0].state() == KeyState::Fresh).await;

    let (good, forged, end) = (Shared::default(), Shared::default(), Arc::default());
    let signer: Signer = Arc::new(Mutex::new(keys[0].clone()));
    let mut tasks: Vec<_> =
        (0..4).map(|_| worker(service, signer.clone(), good.clone(), Arc::clone(&end))).collect();
    tasks.push(attacker(service, key(), forged.clone(), end.clone()));
    println!("one cooldown of 30 s takes {:?}", clock.real(COOLDOWN));

    let began = Instant::now();
    clock.pass(COOLDOWN).await;
    let calm = take("all is well", &good, began);

    let began = Instant::now();
    provider.go_down();
    clock.pass(DOWN).await;
    let down = take("provider down for 300 s", &good, began);

    let began = Instant::now();
    provider.come_up();
    provider.publish(&[&keys[0], &keys[1]]);
    clock.pass(COOLDOWN).await;
    keys[1].clone_into(&mut signer.lock().unwrap());
    clock.pass(COOLDOWN * 2).await;
    let overlap = take("new key, published 30 s ahead", &good, began);

    // The set has been fetched just now, so that all of the cooldown is before us.
    let before = provider.fetches().len();
    until("another fetch", || provider.fetches().len() > before).await;
    until("its end", || jwt.keys()[0].next_fetch() > Some(clock.unix())).await;
    let began = Instant::now();
    provider.publish(&[&keys[1], &keys[2]]);
    keys[2].clone_into(&mut signer.lock().unwrap());
    clock.pass(COOLDOWN * 2).await;
    let abrupt = take("new key, signs at once", &good, began);

    end.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let stranger = take("strangers' keys", &forged, clock.origin);
    let fetches = provider.fetches();
    let closest = fetches.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap();
    println!(
        "{} fetches and {} attempts while down, in {:.0} s of the clock; closest {:.1} s",
        fetches.len(),
        provider.turned_away(),
        clock.now().as_secs_f64(),
        (closest * factor).as_secs_f64(),
    );

    for tally in [&calm, &down, &overlap] {
        assert_eq!(
            tally.statuses.keys().collect::<Vec<_>>(),
            [&200],
            "a valid request was refused"
        );
    }
    // Without the overlap: 503 with Retry-After, and for one cooldown at most.
    assert!(abrupt.statuses.keys().all(|status| matches!(status, 200 | 503)));
    assert!(abrupt.statuses.contains_key(&503), "there was nothing to bridge");
    assert_eq!(abrupt.without_retry_after, 0);
    let refused_for = abrupt.last_refusal.unwrap().duration_since(began) * factor;
    println!("refused for {:.1} s without the overlap", refused_for.as_secs_f64());
    assert!(refused_for <= COOLDOWN, "{refused_for:?}");
    assert_eq!(jwt.keys()[0].state(), KeyState::Fresh);

    // Counted, since what lies between us and the provider brings two closer together.
    let most = (clock.now().as_secs_f64() / COOLDOWN.as_secs_f64()).ceil() as usize;
    assert!(fetches.len() + provider.turned_away() <= most, "more than one a cooldown");
    assert!(stranger.statuses.keys().all(|status| matches!(status, 401 | 503)));
}
