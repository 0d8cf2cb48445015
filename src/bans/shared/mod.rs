//! Bans that several processes share: what is told to the others, and what is learned from them.
//!
//! No request waits for it. What happened is put on a queue, and at most once a second, as requests
//! come, one call tells what is on it and brings back what changed since the last one.

mod queue;
#[cfg_attr(not(feature = "redis"), path = "alone.rs")]
mod redis;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::Offender;
use super::ban::Entry;
use super::ladder::Past;
use super::register::{Put, Subject};
use super::warden::Warden;
use crate::clock::nanos;
use crate::inspect::Findings;

pub(super) use queue::{What, Word};
pub(super) use redis::Given;

use queue::Queue;

/// How often the store is asked while requests come. With the time of a call it is how long it takes
/// until a ban, or its end, is known everywhere.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// Words told in one call.
const BATCH: usize = 64;

/// How far a process has read what changed: the store's life, and the number of the last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) epoch: Box<str>,
    pub(super) change: u64,
}

/// A ban as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) who: Offender,
    pub(super) why: Arc<str>,
    pub(super) ago: Duration,
    pub(super) left: Duration,
    pub(super) level: u32,
    pub(super) by_hand: bool,
    pub(super) is_lifted: bool,
}

/// What changed since a cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) cursor: Cursor,
    pub(super) changes: Vec<Change>,
    /// Whether there is more behind the cursor.
    pub(super) is_more: bool,
}

/// Why the store could not be asked, for the log.
pub(super) type ShareError = Box<dyn std::error::Error + Send + Sync>;

/// What is told in one call. One whose answer was lost is told again as it was, under its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) words: Vec<Word>,
}

/// A store that several processes share.
pub(super) trait Share: Send + Sync + 'static {
    /// Tells what happened, in order, and asks what changed. `now` is when it is told, by the clock
    /// that the times of the words are of. A batch whose number is that of the last one is not
    /// counted again.
    fn exchange(
        &self,
        batch: Batch,
        now: u64,
        cursor: Cursor,
    ) -> BoxFuture<'static, Result<News, ShareError>>;

    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }
}

/// The way to a store.
pub(super) struct Wire {
    share: Arc<dyn Share>,
    queue: Queue,
    /// The batch that was not answered, and the number of the next one.
    unanswered: Mutex<(Option<Batch>, u64)>,
    /// When it is asked next.
    due: AtomicU64,
    is_busy: AtomicBool,
    is_lost: AtomicBool,
    cursor: Mutex<Cursor>,
}

impl Wire {
    pub(super) fn new(share: Arc<dyn Share>) -> Self {
        Self {
            share,
            queue: Queue::default(),
            unanswered: Mutex::new((None, 1)),
            due: AtomicU64::new(0),
            is_busy: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
            cursor: Mutex::default(),
        }
    }

    pub(super) fn offence(&self, tag: u64, who: Subject<'_>, points: u16, why: &str) {
        let what = What::Offence { points, why: why.into() };
        self.queue.push(Word { tag, who: who.to_offender(), what });
    }

    /// Tells of a ban, at once.
    pub(super) fn banned(&self, tag: u64, entry: &Entry) {
        let Entry { who, why, past, by_hand, .. } = entry;
        let Past { level, until } = *past;
        let what = What::Ban { until, level, why: why.clone(), by_hand: *by_hand };
        self.queue.push(Word { tag, who: who.clone(), what });
        self.due.store(0, Ordering::Relaxed);
    }

    /// Tells that a ban was lifted, at once.
    pub(super) fn lifted(&self, tag: u64, who: &Offender) {
        self.queue.push(Word { tag, who: who.clone(), what: What::Lift });
        self.due.store(0, Ordering::Relaxed);
    }

    pub(super) fn queued(&self) -> usize {
        let unanswered = lock(&self.unanswered);
        unanswered.0.as_ref().map_or(0, |batch| batch.words.len()) + self.queue.len()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    pub(super) fn findings(&self, report: &mut Findings) {
        self.share.findings(report);
    }

    /// What is told next: a batch that was not answered, else what is on the queue.
    fn next(&self) -> Batch {
        let mut unanswered = lock(&self.unanswered);
        let (batch, number) = &mut *unanswered;
        let next = batch.take().unwrap_or_else(|| {
            let words = self.queue.take(BATCH);
            // An empty one tells nothing, so that it needs no number of its own.
            *number += u64::from(!words.is_empty());
            Batch { number: *number, words }
        });
        *batch = Some(next.clone()).filter(|batch| !batch.words.is_empty());
        next
    }

    /// Has the store asked in the background, where it is time. Outside of a runtime nothing is shared.
    pub(super) fn tick(&self, warden: impl FnOnce() -> Option<Arc<Warden>>, now: u64) {
        if now < self.due.load(Ordering::Relaxed) || self.is_busy.swap(true, Ordering::Acquire) {
            return;
        }
        let busy = warden().map(Busy);
        let (Some(busy), Ok(runtime)) = (busy, tokio::runtime::Handle::try_current()) else {
            return self.is_busy.store(false, Ordering::Release);
        };
        self.due.store(now.saturating_add(nanos(INTERVAL)), Ordering::Relaxed);
        runtime.spawn(busy.exchange());
    }

    #[cold]
    fn lose(&self, error: &ShareError) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "tower_parapet",
                error = %error,
                "bans are not shared for now: those of this process go on, and others are not learned",
            );
        }
    }

    fn find(&self) {
        if self.is_lost.swap(false, Ordering::Relaxed) {
            tracing::info!(target: "tower_parapet", "bans are shared again");
        }
    }
}

/// The one call under way; dropped, there is none, however it ended.
struct Busy(Arc<Warden>);

impl Busy {
    async fn exchange(self) {
        let warden = &self.0;
        let Some(wire) = &warden.wire else { return };
        loop {
            let batch = wire.next();
            let cursor = lock(&wire.cursor).clone();
            let (now, _) = warden.time();
            match wire.share.exchange(batch, now, cursor).await {
                Ok(news) => {
                    wire.find();
                    lock(&wire.unanswered).0 = None;
                    let is_more = news.is_more;
                    warden.learn(news);
                    if !is_more && wire.queue.len() < BATCH {
                        return;
                    }
                }
                Err(error) => return wire.lose(&error),
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(wire) = &self.0.wire {
            wire.is_busy.store(false, Ordering::Release);
        }
    }
}

impl Warden {
    /// Takes over what other processes did.
    fn learn(&self, news: News) {
        let Some(wire) = &self.wire else { return };
        let (now, _) = self.time();
        let before = std::mem::replace(&mut *lock(&wire.cursor), news.cursor.clone());
        if !before.epoch.is_empty() && before.epoch != news.cursor.epoch {
            self.tell_all_again(wire, now);
        }
        for change in news.changes {
            if change.is_lifted {
                self.learn_lifted(&change, now);
            } else {
                self.learn_ban(change, now);
            }
        }
    }

    /// The store lost what it had; what was decided here is told once more.
    fn tell_all_again(&self, wire: &Wire, now: u64) {
        let mut own = Vec::new();
        self.register.each(|tag, entry| {
            if entry.is_live(now) && !entry.is_foreign {
                own.push((tag, entry.clone()));
            }
        });
        own.iter().for_each(|(tag, entry)| wire.banned(*tag, entry));
    }

    fn learn_lifted(&self, change: &Change, now: u64) {
        // One that began here after that is another one, which the store has yet to be told of. What
        // was learned comes in the store's order, whatever the clocks say.
        let lifted_at = now.saturating_sub(nanos(change.ago));
        let tag = self.register.tag((&change.who).into());
        if self.register.own_since(tag).is_some_and(|since| since > lifted_at) {
            return;
        }
        if let Some(entry) = self.pardon(&change.who) {
            self.announce_lifted(&entry, now);
        }
    }

    fn learn_ban(&self, change: Change, now: u64) {
        let tag = self.register.tag((&change.who).into());
        let past = Past { level: change.level, until: now.saturating_add(nanos(change.left)) };
        if past.until <= now {
            return;
        }
        let mut is_news = false;
        let put = self.register.put(tag, now, &self.ladder, |known| {
            let live = known.filter(|entry| entry.is_live(now));
            is_news = live.is_none();
            let since = now.saturating_sub(nanos(change.ago));
            let learned = Entry {
                who: change.who,
                why: change.why,
                since,
                past,
                by_hand: change.by_hand,
                is_foreign: true,
            };
            match live {
                None => Some(learned),
                Some(own) if change.by_hand && !own.by_hand => Some(learned),
                Some(own) if own.past.until < past.until || own.past.level < past.level => {
                    let until = own.past.until.max(past.until);
                    let level = own.past.level.max(past.level);
                    Some(Entry { past: Past { level, until }, ..Entry::clone(own) })
                }
                Some(_) => None,
            }
        });
        match put {
            Put::Done(entry) if is_news => {
                self.tally.learned.add();
                self.announce(&entry);
            }
            Put::Full => self.overflow(),
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("queued", &self.queued()).finish_non_exhaustive()
    }
}
