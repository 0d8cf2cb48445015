//! API keys over a real server: rotation, files, databases, address lists, guesses.
#![cfg(all(feature = "axum", feature = "api-key"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/service.rs"]
mod service;
mod support;

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use service::{NOW, Service, from};
use tower_parapet::{
    Parapet, Peer, Reason,
    auth::{
        Guesses, StoreError,
        api_key::{ApiKey, ApiKeys, CachedKeys, FileKeys, MemoryKeys, Pepper, StoredKey},
    },
    clock::ManualClock,
};

const DAY: Duration = Duration::from_secs(86_400);

impl Service {
    async fn send(&self, key: &str, headers: &[(&str, &str)]) -> support::Answer {
        self.ask(("x-api-key", key), headers).await
    }

    /// The status of an answer to a key.
    async fn status(&self, key: &ApiKey) -> u16 {
        self.send(key.text().expose(), &[]).await.status
    }
}

fn owned(key: &ApiKey) -> StoredKey {
    key.stored().owner("acme").build().unwrap()
}

fn generate() -> ApiKey {
    ApiKey::generate("orders").unwrap()
}

/// The CRC-32 of a text in base62, written once more.
fn checksum(text: &str) -> String {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    let byte = |crc: u32, byte: u8| (0..8).fold(crc ^ u32::from(byte), bit);
    let mut rest = !text.bytes().fold(!0, byte);
    let mut written = String::new();
    let alphabet = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for _ in 0..6 {
        written.insert(0, char::from(alphabet[(rest % 62) as usize]));
        rest /= 62;
    }
    written
}

/// A well-formed text for a key's id that was never issued.
fn guess(id: &str) -> String {
    let stranger = generate();
    let text = stranger.text().expose().replace(stranger.id(), id);
    let checked = &text[..text.len() - 6];
    format!("{checked}{}", checksum(checked))
}

fn path(name: &str) -> PathBuf {
    let file = format!("api-key-{}-{name}.json", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file)
}

#[tokio::test]
async fn a_key_is_rotated_while_requests_go_on_and_none_is_refused() {
    let (store, old) = (MemoryKeys::new(), generate());
    store.insert(owned(&old));
    let service = Service::of(ApiKeys::builder(store.clone())).await;
    assert_eq!(service.status(&old).await, 200);
    let new = ApiKey::rotate("orders", old.id()).unwrap();
    store.insert(store.get(old.id()).unwrap().rotated(&new, NOW + DAY).unwrap());
    // The client has both for a while, and the operator sees who still sends the old one.
    assert_eq!((service.status(&old).await, service.status(&new).await), (200, 200));
    let records = service.records.wait_for(3);
    let noted = |at: usize| records[at].notes.iter().any(|(key, _)| *key == "api-key-secret");
    assert_eq!([noted(0), noted(1), noted(2)], [false, true, false]);
    service.clock.advance(DAY);
    let ended = service.send(old.text().expose(), &[]).await;
    assert_eq!((ended.status, ended.code().as_str()), (401, "expired-credentials"));
    assert_eq!(service.status(&new).await, 200);
}

#[tokio::test]
async fn keys_in_a_file_come_and_go_while_the_service_runs() {
    let (path, clock) = (path("reload"), ManualClock::default());
    let (one, two) = (generate(), generate());
    FileKeys::write(&path, [&owned(&one)]).unwrap();
    let store = FileKeys::builder(&path).with_clock(clock.clone()).build().unwrap();
    let service = Service::of(ApiKeys::builder(store)).await;
    let statuses = async || (service.status(&one).await, service.status(&two).await);
    assert_eq!(statuses().await, (200, 401));
    FileKeys::write(&path, [&owned(&one), &owned(&two)]).unwrap();
    clock.advance(Duration::from_secs(2));
    assert_eq!(statuses().await, (200, 200));
    FileKeys::write(&path, [&owned(&two)]).unwrap();
    clock.advance(Duration::from_secs(2));
    assert_eq!(statuses().await, (401, 200));
    for bad in ["", "{", "{\"version\":1,\"keys\":[{\"id\":\"a\"}]}"] {
        fs::write(&path, bad).unwrap();
        clock.advance(Duration::from_secs(2));
        assert_eq!(statuses().await, (401, 200), "after `{bad}`");
    }
    fs::remove_file(&path).unwrap();
    clock.advance(Duration::from_secs(2));
    assert_eq!(statuses().await, (401, 200));
}

#[tokio::test]
async fn a_database_that_is_down_is_503_and_its_keys_are_remembered_for_a_minute() {
    let (known, clock) = (generate(), ManualClock::default());
    let row = Mutex::new(Some(Ok::<_, String>(owned(&known))));
    let (row, asked) = (Arc::new(row), Arc::new(AtomicUsize::new(0)));
    let (rows, asking) = (row.clone(), asked.clone());
    let store = CachedKeys::of(move |id: String| {
        asking.fetch_add(1, Ordering::SeqCst);
        let row = rows.lock().unwrap().clone();
        async move {
            // A database takes its time.
            tokio::task::yield_now().await;
            let row = row.transpose().map_err(StoreError::new)?;
            Ok(row.filter(|row| row.id() == id))
        }
    });
    let store = store.with_clock(clock.clone()).build().unwrap();
    let service = Service::of(ApiKeys::builder(store.clone())).await;
    for _ in 0..5 {
        assert_eq!(service.status(&known).await, 200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    *row.lock().unwrap() = Some(Err("connection refused by 10.0.0.5".to_owned()));
    assert_eq!(service.status(&known).await, 200);
    clock.advance(Duration::from_secs(60));
    let down = service.send(known.text().expose(), &[]).await;
    assert_eq!((down.status, down.code().as_str()), (503, "unavailable"));
    assert_eq!(down.header("retry-after"), Some("5"));
    assert!(!down.text().contains("10.0.0.5"));
    let told = service.records.wait_for(7)[6].rejection.clone().unwrap();
    let cause = told.private_cause().unwrap().to_string();
    assert!(cause.contains("connection refused by 10.0.0.5"), "{cause}");
    *row.lock().unwrap() = None;
    store.forget(known.id());
    assert_eq!(service.status(&known).await, 401);
}

#[tokio::test]
async fn a_mistyped_or_made_up_key_costs_the_store_no_call() {
    let asked = Arc::new(AtomicUsize::new(0));
    let asking = asked.clone();
    let store = CachedKeys::of(move |_| {
        asking.fetch_add(1, Ordering::SeqCst);
        async { Ok(None) }
    });
    let service = Service::of(ApiKeys::builder(store.build().unwrap())).await;
    let key = generate();
    let text = key.text().expose();
    let mut bad: Vec<String> =
        (0..text.len()).map(|at| format!("{}{}", &text[..at], &text[at + 1..])).collect();
    bad.extend((0..text.len()).map(|at| {
        let other = if text.as_bytes()[at] == b'a' { "b" } else { "a" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    }));
    bad.push(format!("{text}0"));
    bad.push("sk_live_4eC39HqLyjWDarjtT1zdp7dc".to_owned());
    for bad in &bad {
        let refused = service.send(bad, &[]).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (401, "invalid-credentials"),
            "{bad}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(service.status(&key).await, 401);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_key_is_bound_to_the_client_that_stands_behind_a_trusted_proxy() {
    let key = generate();
    let stored = key.stored().owner("acme").address("192.0.2.0/24").build().unwrap();
    let keys = ApiKeys::builder(MemoryKeys::from_iter([stored]));
    let service = Service::with(keys, |stack| stack.trusted_proxies(["127.0.0.1"])).await;
    let text = key.text().expose();
    let by = async |client: &str| service.send(text, &from(client)).await;
    assert_eq!(by("192.0.2.7").await.text(), "acme");
    for stranger in ["198.51.100.1", "192.0.2.7, 198.51.100.1"] {
        let refused = by(stranger).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "address-denied"));
        assert!(!refused.text().contains("192.0.2"), "{}", refused.text());
    }
    assert_eq!(service.send(text, &[]).await.status, 403);
    let records = service.records.wait_for(4);
    let refused = records[1].rejection.as_ref().unwrap();
    assert_eq!(refused.guard(), Some("api-key"));
    assert_eq!(refused.private_found(), Some("198.51.100.1"));
    assert!(records[1].notes.iter().any(|(name, id)| (*name, &**id) == ("api-key", key.id())));
}

#[test]
fn a_key_with_an_address_list_needs_a_source_of_addresses() {
    let stored = generate().stored().address("192.0.2.0/24").build().unwrap();
    let stack = || {
        Parapet::builder().authenticate(ApiKeys::builder(MemoryKeys::from_iter([stored.clone()])))
    };
    let error = stack().build().unwrap_err().to_string();
    assert!(error.contains("needs the client's address"), "{error}");
    assert!(stack().peer(Peer::ConnectInfo).build().is_ok());
}

#[tokio::test]
async fn guesses_at_one_key_from_many_networks_are_slowed_and_the_owner_is_not() {
    let (key, store) = (generate(), MemoryKeys::new());
    store.insert(owned(&key));
    let keys = ApiKeys::builder(store).guesses(Guesses::per_hour(60).burst(5));
    let service = Service::with(keys, |stack| stack.trusted_proxies(["127.0.0.1"])).await;
    assert_eq!(service.status(&key).await, 200);
    let mut statuses = Vec::new();
    for network in 0..20 {
        let client = format!("203.0.{network}.1");
        let answer = service.send(&guess(key.id()), &from(&client)).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.code(), "rate-limited");
            assert_eq!(answer.header("retry-after"), Some("60"));
            assert!(!answer.text().contains(key.id()));
        }
        assert_eq!(service.status(&key).await, 200);
    }
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 15]);
    let records = service.records.wait_for(41);
    let limited = records.iter().filter_map(|record| record.rejection.as_ref());
    let limited: Vec<_> = limited.filter(|told| told.reason() == Reason::RateLimited).collect();
    assert_eq!(limited.len(), 15);
    assert!(limited.iter().all(|told| told.private_found().unwrap().contains(key.id())));
    service.clock.advance(Duration::from_secs(60));
    assert_eq!(service.send(&guess(key.id()), &[]).await.status, 401);
    assert_eq!(service.send(&guess(key.id()), &[]).await.status, 429);
}

#[tokio::test]
async fn explaining_a_wrong_key_counts_for_nothing() {
    let (key, store) = (generate(), MemoryKeys::new());
    store.insert(owned(&key));
    let keys = ApiKeys::builder(store).guesses(Guesses::per_hour(1).burst(1));
    let stack = Parapet::builder().peer(Peer::Extension).authenticate(keys).build().unwrap();
    for _ in 0..5 {
        let request = http::Request::get("/orders").header("host", "a.example");
        let request =
            request.header("x-api-key", guess(key.id())).extension(tower_parapet::Tls::new());
        let told = stack.explain(&request.body(()).unwrap()).await.to_string();
        assert!(told.contains("invalid-credentials"), "{told}");
    }
}

#[tokio::test]
async fn the_store_alone_is_no_use_where_hashes_have_a_pepper() {
    let secret: Vec<u8> = (0..32).collect();
    let pepper = Pepper::new("2026", secret).unwrap();
    let (path, key) = (path("pepper"), generate().peppered(&pepper));
    FileKeys::write(&path, [&owned(&key)]).unwrap();
    let keys = || ApiKeys::builder(FileKeys::open(&path).unwrap()).pepper(pepper.clone());
    assert_eq!(Service::of(keys()).await.status(&key).await, 200);
    // Who can write to the file plants a key of their own.
    let planted = generate();
    FileKeys::write(&path, [&owned(&key), &owned(&planted)]).unwrap();
    let service = Service::of(keys()).await;
    assert_eq!((service.status(&key).await, service.status(&planted).await), (200, 401));
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn no_answer_and_no_record_holds_a_secret() {
    let (key, store) = (generate(), MemoryKeys::new());
    store.insert(key.stored().expires_at(NOW).build().unwrap());
    let service = Service::of(ApiKeys::builder(store)).await;
    let (wrong, ended) = (guess(key.id()), key.text().expose());
    let mistyped = format!("{}0", &ended[..ended.len() - 1]);
    for sent in [&wrong, ended, &mistyped] {
        let answer = service.send(sent, &[]).await;
        assert_eq!(answer.status, 401);
        let secret = &sent.rsplit('_').next().unwrap()[..40];
        let shown = format!("{answer:?} {} {:?}", answer.text(), service.records.all());
        assert!(!shown.contains(secret), "{shown}");
    }
    let records = service.records.wait_for(3);
    let found = records.iter().map(|record| record.rejection.clone().unwrap());
    let found: Vec<_> = found.map(|told| told.private_found().unwrap().to_owned()).collect();
    assert_eq!(found[0], format!("a wrong secret for key {}", key.id()));
    assert_eq!(found[1], format!("key {}, past its end", key.id()));
    assert_eq!(found[2], "a key with a wrong checksum: mistyped, cut or made up");
}
