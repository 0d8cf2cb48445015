//! Several servers that share the keys between them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::{Cmd, cmd};
use arc_swap::ArcSwap;

use crate::clock::{Clock, SystemClock};
use crate::flights::Flights;

use super::error::RedisError;
use super::node::{Heard, Node, Way};
use super::script::Script;
use super::settings::{Host, Settings};
use super::slots::{Range, owner, ranges, slot};

/// A key on the move is followed so often.
const MOST_MOVES: usize = 3;

/// The map is asked for again at most this often.
const REFRESHED: Duration = Duration::from_millis(500);

pub(super) struct Cluster {
    settings: Arc<Settings>,
    seeds: Vec<Host>,
    /// Those of the map, and the seeds.
    nodes: Mutex<HashMap<Host, Arc<Node>>>,
    map: ArcSwap<Vec<(Range, Arc<Node>)>>,
    refreshing: Flights<(), Result<(), RedisError>>,
    /// When the map was last asked for, in milliseconds and one.
    asked: AtomicU64,
    clock: SystemClock,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Host>, settings: Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            seeds,
            nodes: Mutex::default(),
            map: ArcSwap::default(),
            refreshing: Flights::default(),
            asked: AtomicU64::new(0),
            clock: SystemClock::default(),
        })
    }

    pub(super) fn seeds(&self) -> &[Host] {
        &self.seeds
    }

    /// The nodes that have slots.
    pub(super) fn owners(&self) -> Vec<Arc<Node>> {
        let mut owners: Vec<Arc<Node>> = Vec::new();
        for (_, node) in self.map.load().iter() {
            if !owners.iter().any(|known| Arc::ptr_eq(known, node)) {
                owners.push(node.clone());
            }
        }
        owners
    }

    /// Whether the node that has a key is not asked for now, as far as is known.
    pub(super) fn check_key(self: &Arc<Self>, key: &[u8]) -> Result<(), RedisError> {
        let Some(node) = owner(&self.map.load(), slot(key)) else { return Ok(()) };
        node.check().inspect_err(|_| self.refresh_soon())
    }

    pub(super) async fn eval(
        self: &Arc<Self>,
        script: &Script,
        key: &[u8],
        call: &Cmd,
    ) -> Result<(Arc<Node>, ::redis::Value), RedisError> {
        let slot = slot(key);
        let mut node = self.owner(slot).await?;
        let mut way = Way::Plain;
        for _ in 0..=MOST_MOVES {
            match node.eval(script, call, way).await {
                Ok(Heard::Answer(value)) => return Ok((node, value)),
                Ok(Heard::Moved(host)) => {
                    self.refresh_soon();
                    (node, way) = (self.node(&host), Way::Plain);
                }
                Ok(Heard::Ask(host)) => (node, way) = (self.node(&host), Way::Asking),
                Err(error) => {
                    // Another node may have the key by now.
                    if error.is_outage() {
                        self.refresh_soon();
                    }
                    return Err(error);
                }
            }
        }
        Err(RedisError::Slot { slot })
    }

    async fn owner(self: &Arc<Self>, slot: u16) -> Result<Arc<Node>, RedisError> {
        if let Some(node) = owner(&self.map.load(), slot) {
            return Ok(node);
        }
        self.refresh().await?;
        owner(&self.map.load(), slot).ok_or(RedisError::Slot { slot })
    }

    fn node(&self, host: &Host) -> Arc<Node> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Node::new(host.clone(), self.settings.clone());
        nodes.entry(host.clone()).or_insert_with(new).clone()
    }

    /// Asks for the map while the caller goes on.
    fn refresh_soon(self: &Arc<Self>) {
        let now = u64::try_from(self.clock.now().as_millis()).unwrap_or(u64::MAX) + 1;
        let before = self.asked.load(Ordering::Relaxed);
        let is_due = before == 0 || now.saturating_sub(before) >= REFRESHED.as_millis() as u64;
        let claimed =
            self.asked.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        if is_due && claimed.is_ok() {
            let cluster = self.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { cluster.refresh().await });
            }
        }
    }

    pub(super) async fn refresh(self: &Arc<Self>) -> Result<(), RedisError> {
        let flight = self.refreshing.join((), || {
            let cluster = self.clone();
            async move { cluster.ask_for_map().await }
        });
        flight.await
    }

    async fn ask_for_map(&self) -> Result<(), RedisError> {
        let mut failed = RedisError::Slot { slot: 0 };
        let mut question = cmd("CLUSTER");
        question.arg("SLOTS");
        for host in self.candidates() {
            let node = self.node(&host);
            match node.send(&question, Way::Plain).await {
                Ok(Heard::Answer(answer)) => match ranges(answer, &host) {
                    Some(ranges) if !ranges.is_empty() => {
                        self.adopt(ranges);
                        return Ok(());
                    }
                    Some(_) => {}
                    None => failed = RedisError::malformed(node.server()),
                },
                Ok(_) => failed = RedisError::malformed(node.server()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Those that have slots, as far as is known, and then those the operator named.
    fn candidates(&self) -> Vec<Host> {
        let mut hosts: Vec<Host> = self.owners().iter().map(|node| node.host.clone()).collect();
        for seed in &self.seeds {
            if !hosts.contains(seed) {
                hosts.push(seed.clone());
            }
        }
        hosts
    }

    fn adopt(&self, ranges: Vec<Range>) {
        let map: Vec<_> = ranges
            .into_iter()
            .map(|range| {
                let node = self.node(&range.host);
                (range, node)
            })
            .collect();
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|host, _| {
            self.seeds.contains(host) || map.iter().any(|(range, _)| range.host == *host)
        });
        drop(nodes);
        self.map.store(Arc::new(map));
    }
}
