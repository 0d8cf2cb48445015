//! The bans that are in force, and those that are not forgiven yet: never more than so many.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::ban::Entry;
use super::ladder::{Ladder, Past};
use super::offender::kept;
use super::widths::Widths;
use super::{Network, Offender};

/// Maps that lock apart, so that readers on many cores do not meet on one lock.
const SHARDS: usize = 16;

/// Of a full register, so large a part is made free at once.
const BATCH: usize = 64;

/// Tags are hashes under a secret: no need to hash them again.
#[derive(Clone, Copy, Debug, Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, tag: u64) {
        self.0 = tag;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Map = HashMap<u64, Arc<Entry>, BuildHasherDefault<Plain>>;

/// Whom a ban is looked up for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    Network(Network),
    CrossSite(Network),
    Principal { issuer: &'a str, subject: &'a str },
}

impl Subject<'_> {
    pub(super) fn to_offender(self) -> Offender {
        match self {
            Self::Network(network) => Offender::Network(network),
            Self::CrossSite(network) => Offender::CrossSite(network),
            Self::Principal { issuer, subject } => Offender::principal(issuer, subject),
        }
    }

    fn is(self, who: &Offender) -> bool {
        match self {
            Self::Network(network) => *who == Offender::Network(network),
            Self::CrossSite(network) => *who == Offender::CrossSite(network),
            Self::Principal { issuer, subject } => who.is_principal(issuer, subject),
        }
    }
}

impl<'a> From<&'a Offender> for Subject<'a> {
    fn from(offender: &'a Offender) -> Self {
        match offender {
            Offender::Network(network) => Self::Network(*network),
            Offender::CrossSite(network) => Self::CrossSite(*network),
            Offender::Principal { issuer, subject } => Self::Principal { issuer, subject },
        }
    }
}

/// Bans by the tag of whom they hit.
pub(super) struct Register {
    shards: [RwLock<Map>; SHARDS],
    /// Held by whoever writes, and what it learned: nothing can make room before then.
    writer: Mutex<u64>,
    len: AtomicUsize,
    most: usize,
    /// When no network is banned any more, nor a principal.
    networks_until: AtomicU64,
    principals_until: AtomicU64,
    widths: Widths,
    secret: RandomState,
}

impl Register {
    pub(super) fn new(most: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            writer: Mutex::default(),
            len: AtomicUsize::new(0),
            most,
            networks_until: AtomicU64::new(0),
            principals_until: AtomicU64::new(0),
            widths: Widths::default(),
            secret: RandomState::new(),
        }
    }

    /// The hash that a subject is known by in this process.
    pub(super) fn tag(&self, subject: Subject<'_>) -> u64 {
        match subject {
            Subject::Network(network) => self.tag_of_network(0, network),
            Subject::CrossSite(network) => self.tag_of_network(1, network),
            Subject::Principal { issuer, subject } => {
                self.secret.hash_one((&*kept(issuer), &*kept(subject)))
            }
        }
    }

    fn tag_of_network(&self, kind: u8, network: Network) -> u64 {
        let (family, bits) = match network.address() {
            IpAddr::V4(v4) => (4_u8, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (6, v6.to_bits()),
        };
        self.secret.hash_one((kind, family, network.prefix(), bits))
    }

    /// The ban that hits an address, by whatever network around it; that of the smallest one.
    pub(super) fn of_address(
        &self,
        address: IpAddr,
        is_cross_site: bool,
        now: u64,
    ) -> Option<Arc<Entry>> {
        if now >= self.networks_until.load(Ordering::Relaxed) {
            return None;
        }
        self.widths.of(address).find_map(|prefix| {
            let network = Network::of(address, prefix);
            let of = |subject| self.live(self.tag(subject), subject, now);
            of(Subject::Network(network))
                .or_else(|| if is_cross_site { of(Subject::CrossSite(network)) } else { None })
        })
    }

    /// The ban that hits a principal.
    pub(super) fn of_principal(&self, issuer: &str, subject: &str, now: u64) -> Option<Arc<Entry>> {
        if now >= self.principals_until.load(Ordering::Relaxed) {
            return None;
        }
        let subject = Subject::Principal { issuer, subject };
        self.live(self.tag(subject), subject, now)
    }

    fn live(&self, tag: u64, subject: Subject<'_>, now: u64) -> Option<Arc<Entry>> {
        let shard = self.read(tag)?;
        let entry = shard.get(&tag)?;
        (entry.is_live(now) && subject.is(&entry.who)).then(|| entry.clone())
    }

    /// The bans of the past of a subject, if any are remembered.
    pub(super) fn past(&self, tag: u64) -> Past {
        let entry = self.read(tag).and_then(|shard| shard.get(&tag).map(|entry| entry.past));
        entry.unwrap_or_default()
    }

    /// Keeps what `change` makes of what is kept for a tag; whether there was room.
    pub(super) fn put(
        &self,
        tag: u64,
        now: u64,
        ladder: &Ladder,
        change: impl FnOnce(Option<&Arc<Entry>>) -> Option<Entry>,
    ) -> Put {
        let mut writer = self.lock();
        let known = self.read(tag).and_then(|shard| shard.get(&tag).cloned());
        let Some(entry) = change(known.as_ref()).map(Arc::new) else { return Put::Kept };
        if known.is_none()
            && self.len.load(Ordering::Relaxed) >= self.most
            && !self.make_room(&mut writer, now, ladder)
        {
            return Put::Full;
        }
        let until = match &entry.who {
            Offender::Network(network) | Offender::CrossSite(network) => {
                self.widths.add(*network);
                &self.networks_until
            }
            Offender::Principal { .. } => &self.principals_until,
        };
        until.fetch_max(entry.past.until, Ordering::Relaxed);
        if let Some(mut shard) = self.write(tag)
            && shard.insert(tag, entry.clone()).is_none()
        {
            self.len.fetch_add(1, Ordering::Relaxed);
        }
        // One that ends sooner than the others may have come.
        *writer = (*writer).min(entry.past.until);
        Put::Done(entry)
    }

    /// When the ban of a tag began, where it was decided here.
    pub(super) fn own_since(&self, tag: u64) -> Option<u64> {
        let shard = self.read(tag)?;
        shard.get(&tag).filter(|entry| !entry.is_foreign).map(|entry| entry.since)
    }

    /// Forgets the ban of somebody.
    pub(super) fn remove(&self, who: &Offender) -> Option<Arc<Entry>> {
        let mut writer = self.lock();
        *writer = 0;
        self.take(self.tag(who.into()))
    }

    fn take(&self, tag: u64) -> Option<Arc<Entry>> {
        let removed = self.write(tag)?.remove(&tag);
        if removed.is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
        removed
    }

    /// Everything that is remembered, in no order.
    pub(super) fn each(&self, mut each: impl FnMut(u64, &Arc<Entry>)) {
        for shard in (0..SHARDS as u64).filter_map(|at| self.read(at)) {
            shard.iter().for_each(|(tag, entry)| each(*tag, entry));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Frees what is forgiven, else some of what is not in force, the least grave first. A ban in force
    /// is never freed.
    fn make_room(&self, nothing_before: &mut u64, now: u64, ladder: &Ladder) -> bool {
        if now < *nothing_before {
            return false;
        }
        let (mut over, mut idle, mut soonest) = (Vec::new(), Vec::new(), u64::MAX);
        self.each(|tag, entry| {
            if entry.is_live(now) {
                soonest = soonest.min(entry.past.until);
            } else if ladder.level(entry.past, now) == 0 {
                over.push(tag);
            } else {
                idle.push((ladder.level(entry.past, now), ladder.forgotten_at(entry.past), tag));
            }
        });
        if over.is_empty() {
            idle.sort_unstable();
            over.extend(idle.iter().take(self.most / BATCH + 1).map(|(.., tag)| *tag));
        }
        if over.is_empty() {
            *nothing_before = soonest;
            return false;
        }
        over.into_iter().for_each(|tag| drop(self.take(tag)));
        true
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, tag: u64) -> Option<RwLockReadGuard<'_, Map>> {
        let shard = self.shards.get(tag as usize % SHARDS)?;
        Some(shard.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, tag: u64) -> Option<RwLockWriteGuard<'_, Map>> {
        let shard = self.shards.get(tag as usize % SHARDS)?;
        Some(shard.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What became of a ban that was to be kept.
#[derive(Clone, Debug)]
pub(super) enum Put {
    Done(Arc<Entry>),
    /// What is there stays.
    Kept,
    Full,
}
