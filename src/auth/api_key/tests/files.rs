//! Keys in a file.

use std::{fs, path::PathBuf};

use super::*;
use crate::{guard::Needs, inspect::Findings};

fn path(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("parapet-keys-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn stored(key: &ApiKey) -> StoredKey {
    key.stored().owner("acme").build().unwrap()
}

async fn find(store: &FileKeys, key: &ApiKey) -> Option<Arc<StoredKey>> {
    store.find(key.id()).wait().await.unwrap()
}

#[tokio::test]
async fn keys_come_and_go_with_the_file() {
    let (path, clock) = (path("come-and-go.json"), ManualClock::default());
    let [one, two] = [(), ()].map(|()| ApiKey::generate("orders").unwrap());
    FileKeys::write(&path, [&stored(&one)]).unwrap();
    let store = FileKeys::builder(&path).with_clock(clock.clone()).build().unwrap();
    assert!(find(&store, &one).await.is_some() && find(&store, &two).await.is_none());
    FileKeys::write(&path, [&stored(&two)]).unwrap();
    assert!(find(&store, &one).await.is_some());
    clock.advance(Duration::from_secs(2));
    assert!(find(&store, &one).await.is_none() && find(&store, &two).await.is_some());
    assert_eq!(store.keys().len(), 1);
    FileKeys::write::<StoredKey>(&path, []).unwrap();
    store.reload().unwrap();
    assert!(store.is_empty());
}

#[tokio::test]
async fn a_key_that_did_not_change_keeps_what_is_remembered_of_it() {
    let (path, clock) = (path("same.json"), ManualClock::default());
    let [one, two] = [(), ()].map(|()| ApiKey::generate("orders").unwrap());
    FileKeys::write(&path, [&stored(&one), &stored(&two)]).unwrap();
    let store = FileKeys::builder(&path).with_clock(clock).build().unwrap();
    let before = [find(&store, &one).await.unwrap(), find(&store, &two).await.unwrap()];
    let changed = two.stored().owner("other").build().unwrap();
    FileKeys::write(&path, [&stored(&one), &changed]).unwrap();
    store.reload().unwrap();
    assert!(Arc::ptr_eq(&before[0], &store.get(one.id()).unwrap()));
    assert!(!Arc::ptr_eq(&before[1], &store.get(two.id()).unwrap()));
}

#[tokio::test]
async fn half_a_file_and_other_nonsense_leave_the_keys_as_they_are() {
    let (path, clock) = (path("half.json"), ManualClock::default());
    let key = ApiKey::generate("orders").unwrap();
    FileKeys::write(&path, [&stored(&key)]).unwrap();
    let store = FileKeys::builder(&path).with_clock(clock.clone()).build().unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let one = serde_json::to_string(&stored(&key)).unwrap();
    let halves = good.trim_end().char_indices().filter_map(|(end, _)| good.get(..end));
    let mut bad: Vec<String> = halves.map(str::to_owned).collect();
    bad.push(good.replace("\"version\": 1", "\"version\": 2"));
    bad.push(format!("{{\"version\":1,\"keys\":[{one},{one}]}}"));
    bad.push(good.replace("\"owner\"", "\"oner\""));
    for text in bad {
        fs::write(&path, &text).unwrap();
        assert!(store.reload().is_err(), "{text}");
        assert!(find(&store, &key).await.is_some(), "{text}");
        let mut report = Findings::default();
        store.findings(&mut report);
        assert!(report.iter().any(|finding| finding.code == "stale-file"), "{report}");
    }
    assert!(FileKeys::open(&path).is_err());
    fs::write(&path, good).unwrap();
    store.reload().unwrap();
    let mut report = Findings::default();
    store.findings(&mut report);
    assert!(!report.iter().any(|finding| finding.code == "stale-file"), "{report}");
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_and_a_list_of_addresses_a_need() {
    let error = FileKeys::open(path("nowhere.json")).unwrap_err();
    assert!(error.mistakes()[0].problem().starts_with("cannot be read"));
    let path = path("bound.json");
    let key = ApiKey::generate("orders").unwrap().stored().address("192.0.2.1").build().unwrap();
    FileKeys::write(&path, [&key]).unwrap();
    assert_eq!(FileKeys::open(&path).unwrap().needs(), Needs::CLIENT);
}

#[test]
fn a_fault_never_shows_a_hash() {
    let path = path("hash.json");
    let key = ApiKey::generate("orders").unwrap();
    FileKeys::write(&path, [&stored(&key)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let digits = key.hash().to_string().rsplit(':').next().unwrap().to_owned();
    let bad = [
        text.replace("\"owner\": \"acme\"", &format!("\"expires_at\": \"{digits}\"")),
        text.replace("\"keys\": [", &format!("\"keys\": \"{digits}\", \"x\": [")),
        text.replace("v1:sha256:", "v9:sha256:"),
    ];
    for bad in bad {
        fs::write(&path, bad).unwrap();
        let error = FileKeys::open(&path).unwrap_err().to_string();
        assert!(!error.contains(&digits), "{error}");
    }
}
