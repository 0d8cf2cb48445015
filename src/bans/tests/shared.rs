//! Several processes and one store, which is a plain one here: what of the way to it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::BoxFuture;

use super::*;
use crate::bans::shared::{Batch, Change, Cursor, News, Share, ShareError, What};

/// Keeps bans that it is told of, and adds nothing up.
#[derive(Clone, Default)]
struct Store(Arc<Inner>);

#[derive(Default)]
struct Inner {
    batches: Mutex<Vec<Batch>>,
    changes: Mutex<Vec<(Change, Duration)>>,
    life: AtomicU64,
    is_lost: AtomicBool,
    /// Does what it is told, and does not say so.
    is_mute: AtomicBool,
    calls: AtomicU64,
}

impl Share for Store {
    fn exchange(
        &self,
        batch: Batch,
        now: u64,
        cursor: Cursor,
    ) -> BoxFuture<'static, Result<News, ShareError>> {
        let store = self.0.clone();
        Box::pin(async move {
            store.calls.fetch_add(1, Ordering::SeqCst);
            if store.is_lost.load(Ordering::SeqCst) {
                return Err("nobody there".into());
            }
            let mut changes = store.changes.lock().unwrap();
            let now = Duration::from_nanos(now);
            let is_new = |known: &Vec<Batch>| !known.contains(&batch);
            if !batch.words.is_empty() && is_new(&store.batches.lock().unwrap()) {
                store.batches.lock().unwrap().push(batch.clone());
                changes.extend(batch.words.iter().filter_map(|word| {
                    let (why, left, level, by_hand, is_lifted) = match &word.what {
                        What::Offence { .. } => return None,
                        What::Ban { until, level, why, by_hand } => {
                            let left = Duration::from_nanos(*until).saturating_sub(now);
                            (why.clone(), left, *level, *by_hand, false)
                        }
                        What::Lift => (Arc::from(""), Duration::ZERO, 0, false, true),
                    };
                    let who = word.who.clone();
                    let ago = Duration::ZERO;
                    Some((Change { who, why, ago, left, level, by_hand, is_lifted }, now))
                }));
            }
            if store.is_mute.load(Ordering::SeqCst) {
                return Err("no answer in time".into());
            }
            let epoch: Box<str> = store.life.load(Ordering::SeqCst).to_string().into();
            let from = if cursor.epoch == epoch { cursor.change as usize } else { 0 };
            let news = changes.iter().skip(from).map(|(change, at)| {
                let passed = now - *at;
                let left = change.left.saturating_sub(passed);
                Change { ago: passed, left, ..change.clone() }
            });
            Ok(News {
                changes: news.collect(),
                cursor: Cursor { epoch, change: changes.len() as u64 },
                is_more: false,
            })
        })
    }
}

impl Store {
    fn service(&self, clock: &ManualClock) -> Service {
        let store = self.clone();
        let bans = builder().build_by(|_| Some(Arc::new(store))).unwrap();
        let service = Service { bans, clock: clock.clone() };
        assert!(service.ask("198.18.0.1").is_none());
        service
    }

    fn points(&self) -> u32 {
        let batches = self.0.batches.lock().unwrap();
        let words = batches.iter().flat_map(|batch| &batch.words);
        words
            .map(
                |word| if let What::Offence { points, .. } = word.what { points.into() } else { 0 },
            )
            .sum()
    }
}

/// What was begun in the background is done.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

impl Service {
    /// A second later a request comes, and what it begins is done.
    async fn hear(&self) {
        self.clock.advance(SECOND);
        self.ask("198.18.0.1");
        settle().await;
    }
}

#[tokio::test]
async fn a_ban_and_its_end_are_known_in_the_other_process_a_second_later() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let (one, other) = (store.service(&clock), store.service(&clock));
    settle().await;
    one.get_banned("192.0.2.1");
    settle().await;
    assert!(!other.is_banned("192.0.2.1"));
    other.hear().await;
    assert!(other.is_banned("192.0.2.1"));
    let ban = &other.bans.list()[0];
    assert_eq!((ban.left, ban.level, ban.from_elsewhere), (59 * SECOND, 1, true));
    assert!(other.bans.lift(ban.offender.clone()));
    settle().await;
    one.hear().await;
    assert!(!one.is_banned("192.0.2.1"));
    assert_eq!((one.bans.counts().lifted, other.bans.counts().learned), (1, 1));
}

#[tokio::test]
async fn the_store_is_asked_once_a_second_however_many_requests_come() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let service = store.service(&clock);
    for _ in 0..10 {
        for _ in 0..100 {
            service.ask("198.18.0.1");
            service.end(&service.record("192.0.2.1", 200));
            settle().await;
        }
        clock.advance(SECOND);
    }
    assert_eq!(store.0.calls.load(Ordering::SeqCst), 10);
}

#[tokio::test]
async fn while_the_store_is_lost_bans_go_on_and_offences_wait_and_count_once() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let service = store.service(&clock);
    settle().await;
    store.0.is_lost.store(true, Ordering::SeqCst);
    service.fail("192.0.2.1");
    service.hear().await;
    service.fail("192.0.2.1");
    service.hear().await;
    service.fail("192.0.2.1");
    assert!(service.is_banned("192.0.2.1"));
    settle().await;
    assert!(service.bans.counts().queued > 0);
    store.0.is_lost.store(false, Ordering::SeqCst);
    for _ in 0..3 {
        service.hear().await;
    }
    assert_eq!((store.points(), service.bans.counts().queued), (3, 0));
}

#[tokio::test]
async fn an_answer_that_was_lost_does_not_have_an_offence_counted_twice() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let service = store.service(&clock);
    settle().await;
    store.0.is_mute.store(true, Ordering::SeqCst);
    service.fail("192.0.2.1");
    for _ in 0..5 {
        service.hear().await;
    }
    store.0.is_mute.store(false, Ordering::SeqCst);
    service.fail("192.0.2.1");
    for _ in 0..3 {
        service.hear().await;
    }
    assert_eq!(store.points(), 2);
}

#[tokio::test]
async fn a_store_that_lost_everything_is_told_the_bans_in_force_again() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let (one, other) = (store.service(&clock), store.service(&clock));
    one.get_banned("192.0.2.1");
    one.hear().await;
    store.0.changes.lock().unwrap().clear();
    store.0.life.store(1, Ordering::SeqCst);
    one.hear().await;
    one.hear().await;
    let late = store.service(&clock);
    late.hear().await;
    assert!(late.is_banned("192.0.2.1") && one.is_banned("192.0.2.1"));
    let _ = other;
}

#[tokio::test]
async fn a_ban_that_began_after_one_was_lifted_elsewhere_stays() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let (one, other) = (store.service(&clock), store.service(&clock));
    settle().await;
    one.bans.lift("192.0.2.1".parse::<IpAddr>().unwrap());
    settle().await;
    clock.advance(SECOND);
    other.get_banned("192.0.2.1");
    settle().await;
    other.hear().await;
    assert!(other.is_banned("192.0.2.1"));
}

#[test]
fn outside_of_a_runtime_bans_are_this_processes_own() {
    let (store, clock) = (Store::default(), ManualClock::default());
    let service = store.service(&clock);
    service.get_banned("192.0.2.1");
    assert_eq!(store.0.calls.load(Ordering::SeqCst), 0);
}
