//! A store that several processes share, in memory; and the processes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::super::ledger::Ledger;
use super::super::super::limit::Limit;
use super::super::super::limits::Limits;
use super::super::super::memory::Memory;
use super::super::super::order::{Digest, Mode, Order, Receipt};
use super::super::super::rule::Moment;
use super::super::super::verdict::Verdict;
use super::super::{Near, Settings};
use crate::answer::Answer;
use crate::clock::{Clock, ManualClock};
use crate::error::Mistakes;
use crate::rejection::{Reason, Rejection};

/// The store: everything is charged when it is asked, and answered some turns of the runtime later.
#[derive(Clone)]
pub(super) struct Shelf(Arc<Inner>);

struct Inner {
    memory: Memory,
    clock: ManualClock,
    calls: AtomicU64,
    turns: AtomicU64,
    is_lost: AtomicBool,
    charged: Mutex<HashMap<Digest, i64>>,
}

impl Shelf {
    pub(super) fn new(clock: &ManualClock) -> Self {
        Self(Arc::new(Inner {
            memory: Memory::new(10_000),
            clock: clock.clone(),
            calls: AtomicU64::new(0),
            turns: AtomicU64::new(1),
            is_lost: AtomicBool::new(false),
            charged: Mutex::default(),
        }))
    }

    pub(super) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    pub(super) fn set_turns(&self, turns: u64) {
        self.0.turns.store(turns, Ordering::SeqCst);
    }

    pub(super) fn lose(&self, is_lost: bool) {
        self.0.is_lost.store(is_lost, Ordering::SeqCst);
    }

    /// What was charged for all keys, less what was given back.
    pub(super) fn charged(&self) -> i64 {
        self.0.charged.lock().unwrap().values().sum()
    }

    fn now(&self) -> Moment {
        moment(&self.0.clock)
    }
}

/// Keys are known by their digest, since each process hashes them under a secret of its own.
fn tag_of(digest: Digest) -> u64 {
    digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

impl Ledger for Shelf {
    fn charge(&self, order: &Order<'_>) -> Answer<Result<Verdict, Rejection>> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let turns = self.0.turns.load(Ordering::SeqCst);
        let digest = (order.digest)();
        let answer = if self.0.is_lost.load(Ordering::SeqCst) {
            Err(Rejection::new(Reason::Unavailable))
        } else {
            let order = Order { tag: tag_of(digest), at: self.now(), ..order_of(order) };
            let verdict = self.0.memory.charge(&order);
            if verdict.admitted() && order.mode == Mode::Spend {
                *self.0.charged.lock().unwrap().entry(digest).or_default() += order.cost as i64;
            }
            Ok(verdict)
        };
        Answer::later(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            answer
        })
    }

    fn charge_late(&self, _: &Order<'_>) {}

    fn settle(&self, receipt: &Receipt, more: i64) -> Answer<()> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let digest = receipt.digest.unwrap();
        let receipt = Receipt { tag: tag_of(digest), at: self.now(), ..receipt.clone() };
        self.0.memory.settle(&receipt, more);
        *self.0.charged.lock().unwrap().entry(digest).or_default() += more;
        Answer::Now(())
    }
}

fn order_of<'a>(order: &Order<'a>) -> Order<'a> {
    Order { ..*order }
}

pub(super) fn moment(clock: &ManualClock) -> Moment {
    Moment { now: clock.now().as_nanos() as u64, unix: clock.unix().as_nanos() as u64 }
}

pub(super) fn limits(limits: &[Limit]) -> Arc<Limits> {
    let mut mistakes = Mistakes::default();
    let each = limits.iter().map(|limit| limit.ruled("test", &mut mistakes)).collect();
    mistakes.finish().unwrap();
    Arc::new(Limits::new(0, each, String::new()))
}

/// One process with its own secret.
pub(super) struct Process {
    pub(super) near: Near,
    secret: u64,
    clock: ManualClock,
    limits: Arc<Limits>,
}

impl Process {
    pub(super) fn new(
        shelf: &Shelf,
        clock: &ManualClock,
        limits: &Arc<Limits>,
        settings: Settings,
        secret: u64,
    ) -> Self {
        let near = Near::new(Arc::new(shelf.clone()), settings);
        Self { near, secret, clock: clock.clone(), limits: limits.clone() }
    }

    pub(super) fn with_limits(&self, limits: &Arc<Limits>) -> Self {
        let near = self.near.clone();
        Self { near, secret: self.secret, clock: self.clock.clone(), limits: limits.clone() }
    }

    pub(super) fn start(
        &self,
        key: u64,
        cost: u64,
        mode: Mode,
    ) -> Answer<Result<Verdict, Rejection>> {
        let digest = move || {
            let mut digest = Digest::default();
            digest[..8].copy_from_slice(&(key.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes());
            digest
        };
        self.near.charge(&Order {
            tag: self.tag(key),
            digest: &digest,
            limits: &self.limits,
            cost,
            mode,
            at: moment(&self.clock),
        })
    }

    fn tag(&self, key: u64) -> u64 {
        (key + 1).wrapping_mul(self.secret | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    pub(super) async fn ask(&self, key: u64, cost: u64) -> Verdict {
        self.start(key, cost, Mode::Spend).wait().await.unwrap()
    }

    pub(super) async fn admits(&self, key: u64) -> bool {
        self.ask(key, 1).await.admitted()
    }

    /// Makes a key hot: it is asked for so often that its batches are borrowed ahead.
    pub(super) async fn warm(&self, key: u64, times: usize) {
        for _ in 0..times {
            assert!(self.admits(key).await);
            settle().await;
        }
    }

    pub(super) fn receipt(&self, key: u64, verdict: Verdict) -> Receipt {
        let mut digest = Digest::default();
        digest[..8].copy_from_slice(&(key.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes());
        Receipt {
            tag: self.tag(key),
            digest: Some(digest),
            limits: self.limits.clone(),
            at: moment(&self.clock),
            verdict,
        }
    }

    pub(super) fn balance(&self, key: u64) -> u64 {
        let id = self.limits.id();
        self.near.0.slots.find(self.tag(key), id, |slot| slot.balance()).unwrap_or(0)
    }
}

/// A clock, a store, and the one process that asks it.
pub(super) fn alone(limit: Limit, settings: Settings) -> (ManualClock, Shelf, Process) {
    let clock = clock();
    let (shelf, limits) = (Shelf::new(&clock), limits(&[limit]));
    let process = Process::new(&shelf, &clock, &limits, settings, 7);
    (clock, shelf, process)
}

pub(super) fn clock() -> ManualClock {
    ManualClock::at_unix(Duration::from_secs(1_700_000_000))
}

/// Lets everything that is under way come to its end.
pub(super) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn leases(max_batch: u32) -> Settings {
    Settings { max_batch: Some(max_batch), longest_denial: None, ..Settings::default() }
}

pub(super) fn denials() -> Settings {
    Settings { max_batch: None, ..Settings::default() }
}

pub(super) fn both(max_batch: u32) -> Settings {
    Settings { max_batch: Some(max_batch), ..Settings::default() }
}

pub(super) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
