use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::*;
use crate::{auth::api_key::ApiKey, clock::ManualClock};

/// A database that counts what it is asked, and answers when it is let.
#[derive(Clone, Default)]
struct Database {
    rows: Arc<Mutex<HashMap<String, StoredKey>>>,
    asked: Arc<AtomicUsize>,
    down: Arc<Mutex<bool>>,
    gate: Option<Arc<Semaphore>>,
}

impl Database {
    fn with(keys: &[&ApiKey]) -> Self {
        let this = Self::default();
        let rows = keys.iter().map(|key| (key.id().to_owned(), key.stored().build().unwrap()));
        this.rows.lock().unwrap().extend(rows);
        this
    }

    fn store(&self, clock: &ManualClock) -> CachedKeysBuilder {
        let database = self.clone();
        let look_up = move |id: String| {
            let database = database.clone();
            async move {
                database.asked.fetch_add(1, Ordering::SeqCst);
                let row = database.rows.lock().unwrap().get(&id).cloned();
                if let Some(gate) = &database.gate {
                    gate.acquire().await.unwrap().forget();
                }
                match *database.down.lock().unwrap() {
                    true => Err(StoreError::new("connection refused")),
                    false => Ok(row),
                }
            }
        };
        CachedKeys::of(look_up).with_clock(clock.clone())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn key() -> ApiKey {
    ApiKey::generate("orders").unwrap()
}

async fn find(store: &CachedKeys, key: &ApiKey) -> Result<bool, StoreError> {
    store.find(key.id()).wait().await.map(|found| found.is_some())
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_key_is_looked_up_once_a_minute_and_an_unknown_id_once_in_five_seconds() {
    let (clock, known, unknown) = (ManualClock::default(), key(), key());
    let database = Database::with(&[&known]);
    let store = database.store(&clock).build().unwrap();
    for second in 0..120 {
        assert!(find(&store, &known).await.unwrap());
        assert!(!find(&store, &unknown).await.unwrap());
        assert_eq!(database.asked(), 2 + second / 60 + second / 5, "after {second} seconds");
        assert!(matches!(store.find(known.id()), Answer::Now(Ok(Some(_)))));
        assert!(matches!(store.find(unknown.id()), Answer::Now(Ok(None))));
        clock.advance(SECOND);
    }
}

#[tokio::test]
async fn however_many_ask_for_one_key_it_is_looked_up_once() {
    let gate = Arc::new(Semaphore::new(0));
    let (clock, known) = (ManualClock::default(), key());
    let database = Database { gate: Some(gate.clone()), ..Database::with(&[&known]) };
    let store = database.store(&clock).build().unwrap();
    let waiting: Vec<_> = (0..1000).map(|_| store.find(known.id()).wait()).collect();
    gate.add_permits(1);
    let found = join_all(waiting).await;
    assert!(found.iter().all(|found| found.as_ref().unwrap().is_some()));
    assert_eq!(database.asked(), 1);
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_look_up_to_the_others_and_its_place_when_all_are_gone() {
    let gate = Arc::new(Semaphore::new(0));
    let (clock, known) = (ManualClock::default(), key());
    let database = Database { gate: Some(gate.clone()), ..Database::with(&[&known]) };
    let store = database.store(&clock).parallel(1).build().unwrap();
    let (first, second) = (store.find(known.id()), store.find(known.id()));
    drop(first);
    gate.add_permits(1);
    assert!(second.wait().await.unwrap().is_some());
    for _ in 0..10 {
        store.forget(known.id());
        drop(store.find(known.id()));
    }
    gate.add_permits(1);
    assert!(find(&store, &known).await.unwrap());
}

#[tokio::test]
async fn more_look_ups_than_are_allowed_at_once_are_refused_at_once() {
    let (clock, one, two) = (ManualClock::default(), key(), key());
    let gate = Arc::new(Semaphore::new(0));
    let database = Database { gate: Some(gate.clone()), ..Database::with(&[&one, &two]) };
    let store = database.store(&clock).parallel(1).build().unwrap();
    let first = store.find(one.id());
    let error = find(&store, &two).await.unwrap_err().to_string();
    assert!(error.contains("the limit"), "{error}");
    gate.add_permits(2);
    assert!(first.wait().await.unwrap().is_some());
    assert!(find(&store, &two).await.unwrap());
}

#[tokio::test]
async fn a_database_that_is_down_is_told_and_never_taken_for_an_unknown_key() {
    let (clock, known) = (ManualClock::default(), key());
    let database = Database::with(&[&known]);
    let store = database.store(&clock).build().unwrap();
    assert!(find(&store, &known).await.unwrap());
    *database.down.lock().unwrap() = true;
    clock.advance(59 * SECOND);
    assert!(find(&store, &known).await.unwrap());
    clock.advance(SECOND);
    let error = find(&store, &known).await.unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error}");
    *database.down.lock().unwrap() = false;
    assert!(find(&store, &known).await.unwrap());
}

#[tokio::test]
async fn the_last_answer_does_for_as_long_as_was_said_and_for_keys_alone() {
    let (clock, known) = (ManualClock::default(), key());
    let database = Database::with(&[&known]);
    let store = database.store(&clock).stale(600 * SECOND).build().unwrap();
    assert!(find(&store, &known).await.unwrap());
    *database.down.lock().unwrap() = true;
    for _ in 0..65 {
        clock.advance(10 * SECOND);
        assert!(find(&store, &known).await.unwrap());
        assert!(find(&store, &key()).await.is_err());
    }
    clock.advance(10 * SECOND);
    assert!(find(&store, &known).await.is_err());
}

#[tokio::test]
async fn a_database_that_is_down_is_left_alone_for_a_second_where_the_last_answer_does() {
    let (clock, known) = (ManualClock::default(), key());
    let database = Database::with(&[&known]);
    let store = database.store(&clock).stale(600 * SECOND).build().unwrap();
    assert!(find(&store, &known).await.unwrap());
    *database.down.lock().unwrap() = true;
    clock.advance(60 * SECOND);
    for _ in 0..100 {
        assert!(find(&store, &known).await.unwrap());
    }
    assert_eq!(database.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_does_not_end_is_given_up() {
    let (clock, known) = (ManualClock::default(), key());
    let gate = Some(Arc::new(Semaphore::new(0)));
    let database = Database { gate, ..Database::with(&[&known]) };
    let store = database.store(&clock).build().unwrap();
    let error = find(&store, &known).await.unwrap_err().to_string();
    assert!(error.contains("no answer within 5000 ms"), "{error}");
}

#[tokio::test]
async fn a_key_that_is_forgotten_is_looked_up_again_and_so_is_one_under_way() {
    let (clock, known) = (ManualClock::default(), key());
    let gate = Arc::new(Semaphore::new(1));
    let database = Database { gate: Some(gate.clone()), ..Database::with(&[&known]) };
    let store = database.store(&clock).build().unwrap();
    assert!(find(&store, &known).await.unwrap());
    database.rows.lock().unwrap().clear();
    store.forget(known.id());
    gate.add_permits(1);
    assert!(!find(&store, &known).await.unwrap());
    // One that was read before the change, and lands after it.
    database.rows.lock().unwrap().insert(known.id().to_owned(), known.stored().build().unwrap());
    store.clear();
    let mut old = begun(store.find(known.id()));
    database.rows.lock().unwrap().clear();
    store.forget(known.id());
    gate.add_permits(2);
    assert!(old.as_mut().await.unwrap().is_some());
    assert!(!find(&store, &known).await.unwrap());
}

type Waiting =
    std::pin::Pin<Box<dyn Future<Output = Result<Option<Arc<StoredKey>>, StoreError>> + Send>>;

/// Begins a look-up, as far as it goes at once.
fn begun(answer: Answer<Result<Option<Arc<StoredKey>>, StoreError>>) -> Waiting {
    let mut waiting: Waiting = Box::pin(answer.wait());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    waiting
}

#[tokio::test]
async fn made_up_ids_push_out_no_key_and_the_memory_is_bounded() {
    let (clock, known) = (ManualClock::default(), key());
    let database = Database::with(&[&known]);
    let store = database.store(&clock).capacity(100).build().unwrap();
    assert!(find(&store, &known).await.unwrap());
    for _ in 0..2_000 {
        assert!(!find(&store, &key()).await.unwrap());
    }
    assert!(matches!(store.find(known.id()), Answer::Now(Ok(Some(_)))));
    assert!(store.0.unknown.len() <= 100 && store.len() == 1);
}

#[tokio::test]
async fn a_look_up_that_panics_is_not_the_last() {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt;

    let (known, asked) = (key(), AtomicUsize::new(0));
    let row = known.stored().build().unwrap();
    let store = CachedKeys::of(move |_| {
        let (is_first, row) = (asked.fetch_add(1, Ordering::SeqCst) == 0, row.clone());
        async move {
            assert!(!is_first, "the driver is at its wits' end");
            Ok(Some(row))
        }
    });
    let store = store.build().unwrap();
    let first = AssertUnwindSafe(store.find(known.id()).wait()).catch_unwind().await;
    assert!(first.is_err());
    assert!(find(&store, &known).await.unwrap());
}

#[tokio::test]
async fn a_row_of_another_key_is_not_taken() {
    let clock = ManualClock::default();
    let (asked, given) = (key(), key());
    let database = Database::with(&[&given]);
    let row = given.stored().build().unwrap();
    database.rows.lock().unwrap().insert(asked.id().to_owned(), row);
    let store = database.store(&clock).build().unwrap();
    assert!(find(&store, &asked).await.is_err());
}

#[test]
fn settings_that_let_nothing_through_are_mistakes() {
    let database = Database::default();
    let store = database.store(&ManualClock::default());
    let error = store.timeout(Duration::ZERO).capacity(0).parallel(0).build().unwrap_err();
    assert_eq!(error.mistakes().len(), 3);
}
