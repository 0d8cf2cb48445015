//! Decides who is banned: from points to bans, and from bans of many neighbours to one of them all.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use crate::clock::{Clock, SystemClock, nanos};
use crate::context::Access;
use crate::observe::{Observer, Record, Signal, contained};
use crate::rejection::Reason;

use super::ban::{Counts, Entry, Event};
use super::exempt::Exempt;
use super::ladder::Ladder;
use super::points::Points;
use super::register::{Put, Register, Subject};
use super::shared::Wire;
use super::tally::Tally;
use super::{Network, Offender};

/// Where everybody is told of what happens.
pub(super) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// Bans of wider networks of IPv6, made of bans of the networks within.
pub(super) struct Widening {
    pub(super) points: Points,
    pub(super) prefixes: Box<[u8]>,
}

pub(super) struct Warden {
    pub(super) signals: Box<[(Signal, u16)]>,
    pub(super) points: Points,
    pub(super) ladder: Ladder,
    pub(super) register: Register,
    pub(super) widening: Option<Widening>,
    pub(super) exempt: Exempt,
    pub(super) v4_prefix: u8,
    pub(super) v6_prefix: u8,
    pub(super) listeners: Vec<Listener>,
    pub(super) tells_when: bool,
    pub(super) tally: Tally,
    pub(super) wire: Option<Wire>,
    /// The stack's, as of its first request.
    pub(super) clock: OnceLock<Arc<dyn Clock>>,
    pub(super) summary: Box<str>,
    /// Itself, for what goes on in the background.
    pub(super) me: Weak<Warden>,
}

impl Warden {
    /// Monotonic and wall time, by the clock of the stack, which is the system's until there is one.
    pub(super) fn time(&self) -> (u64, Duration) {
        match self.clock.get() {
            Some(clock) => (nanos(clock.now()), clock.unix()),
            None => {
                let clock = SystemClock::default();
                (nanos(clock.now()), clock.unix())
            }
        }
    }

    /// The ban that hits an address.
    pub(super) fn of_address(
        &self,
        address: IpAddr,
        is_cross_site: bool,
        now: u64,
    ) -> Option<Arc<Entry>> {
        let entry = self.register.of_address(address, is_cross_site, now)?;
        self.exempt.reason(address).is_none().then_some(entry)
    }

    fn network_of(&self, address: IpAddr) -> Network {
        let prefix = if address.is_ipv4() { self.v4_prefix } else { self.v6_prefix };
        Network::of(address, prefix)
    }

    /// Whom a request counts against: who was proven to have sent it, else where it came from.
    fn answerable<'a>(&self, record: &'a Record) -> Option<Subject<'a>> {
        if let Some(principal) = &record.principal {
            let (issuer, subject) = (principal.issuer(), principal.subject());
            return Some(Subject::Principal { issuer, subject });
        }
        let address = match record.client {
            // Nobody was found behind a proxy of ours: it must not answer for them all.
            Some(_) if record.is_client_proxy => return None,
            Some(client) => client.ip(),
            None => record.peer?.ip().to_canonical(),
        };
        if self.exempt.reason(address).is_some() {
            return None;
        }
        let network = self.network_of(address);
        Some(match record.is_cross_site {
            true => Subject::CrossSite(network),
            false => Subject::Network(network),
        })
    }

    /// Counts an offence, and bans where it is the one too many.
    pub(super) fn offend(&self, who: Subject<'_>, points: u16, why: &str, now: u64) {
        let tag = self.register.tag(who);
        self.tally.offences.add();
        // Requests that were under way as the ban began prove nothing more.
        if self.register.past(tag).until > now {
            return;
        }
        let is_enough = self.points.add(tag, points, now);
        if let Some(wire) = &self.wire {
            wire.offence(tag, who, points, why);
        }
        if is_enough {
            self.sentence(who, tag, why, now);
        }
    }

    fn sentence(&self, who: Subject<'_>, tag: u64, why: &str, now: u64) {
        let mut is_first = false;
        let put = self.register.put(tag, now, &self.ladder, |known| {
            let past = known.map(|entry| entry.past).unwrap_or_default();
            if past.until > now {
                return None;
            }
            is_first = self.ladder.level(past, now) == 0;
            Some(Entry {
                who: who.to_offender(),
                why: why.into(),
                since: now,
                past: self.ladder.climb(past, now),
                by_hand: false,
                is_foreign: false,
            })
        });
        let entry = match put {
            Put::Done(entry) => entry,
            Put::Kept => return,
            Put::Full => return self.overflow(),
        };
        self.tally.banned.add();
        self.announce(&entry);
        if let Some(wire) = &self.wire {
            wire.banned(tag, &entry);
        }
        if is_first {
            self.widen(who, now);
        }
    }

    /// A first ban of a network is a point of the wider one around it, apart for what bears the mark
    /// of other sites: whoever writes it must not escape by it.
    fn widen(&self, who: Subject<'_>, now: u64) {
        let Some(widening) = &self.widening else { return };
        let (network, as_subject): (_, fn(Network) -> Subject<'static>) = match who {
            Subject::Network(network) => (network, Subject::Network),
            Subject::CrossSite(network) => (network, Subject::CrossSite),
            Subject::Principal { .. } => return,
        };
        if network.address().is_ipv4() {
            return;
        }
        let Some(prefix) = widening.prefixes.iter().find(|prefix| **prefix < network.prefix())
        else {
            return;
        };
        let wider = as_subject(network.widened(*prefix));
        let tag = self.register.tag(wider);
        if self.register.past(tag).until <= now && widening.points.add(tag, 1, now) {
            self.sentence(wider, tag, "many networks of it were banned", now);
        }
    }

    /// Has the shared store asked, where there is one and it is time.
    pub(super) fn tick(&self, now: u64) {
        if let Some(wire) = &self.wire {
            wire.tick(|| self.me.upgrade(), now);
        }
    }

    #[cold]
    pub(super) fn overflow(&self) {
        self.tally.overflowed.add();
        tracing::warn!(
            target: "tower_parapet",
            remembered = self.register.len(),
            "a ban found no room, so that its offender goes on; raise `max_bans`",
        );
    }

    pub(super) fn announce(&self, entry: &Entry) {
        let (now, unix) = self.time();
        let ban = entry.shown(now, unix);
        tracing::warn!(
            target: "tower_parapet",
            offender = %ban.offender,
            why = &*ban.why,
            level = ban.level,
            seconds = ban.left.as_secs(),
            "banned",
        );
        self.tell(&Event::Banned(ban));
    }

    pub(super) fn announce_lifted(&self, entry: &Entry, now: u64) {
        if !entry.is_live(now) {
            return;
        }
        self.tally.lifted.add();
        let ban = entry.shown(now, self.time().1);
        tracing::warn!(target: "tower_parapet", offender = %ban.offender, "a ban was lifted");
        self.tell(&Event::Lifted(ban));
    }

    fn tell(&self, event: &Event) {
        for listener in &self.listeners {
            contained("a listener of bans", || listener(event));
        }
    }

    /// Forgets a ban and the points that led to it.
    pub(super) fn pardon(&self, who: &Offender) -> Option<Arc<Entry>> {
        self.points.clear(self.register.tag(who.into()));
        self.register.remove(who)
    }

    pub(super) fn counts(&self) -> Counts {
        let (now, _) = self.time();
        let mut live = 0;
        self.register.each(|_, entry| live += usize::from(entry.is_live(now)));
        let widening = self.widening.as_ref().map_or(0, |widening| widening.points.forgotten());
        Counts {
            live,
            remembered: self.register.len(),
            offences: self.tally.offences.count(),
            banned: self.tally.banned.count(),
            learned: self.tally.learned.count(),
            lifted: self.tally.lifted.count(),
            refused: self.tally.refused.count(),
            forgotten: self.points.forgotten() + widening,
            overflowed: self.tally.overflowed.count(),
            queued: self.wire.as_ref().map_or(0, Wire::queued),
            dropped: self.wire.as_ref().map_or(0, Wire::dropped),
        }
    }

    /// The first signal that a record shows, and its points.
    fn shown_by(&self, record: &Record) -> Option<&(Signal, u16)> {
        let reason =
            record.rejection.as_ref().map(|rejection| (rejection.reason(), rejection.guard()));
        let is_ours = match reason {
            Some((Reason::Banned, _)) => true,
            Some((_, guard)) => guard.is_some_and(|guard| guard == NETWORKS || guard == CALLERS),
            None => false,
        };
        let is_probe =
            || record.route.as_ref().is_some_and(|route| *route.access() == Access::Probe);
        if is_ours {
            return None;
        }
        self.signals.iter().find(|(signal, _)| signal.is_shown_by(record)).filter(|_| !is_probe())
    }
}

/// The names of the guards.
pub(super) const NETWORKS: &str = "bans";
pub(super) const CALLERS: &str = "caller-bans";

impl Observer for Warden {
    fn completed(&self, record: &Record) {
        let Some((signal, points)) = self.shown_by(record) else { return };
        let Some(who) = self.answerable(record) else { return };
        let (now, _) = self.time();
        self.offend(who, *points, &signal.to_string(), now);
        self.tick(now);
    }
}
