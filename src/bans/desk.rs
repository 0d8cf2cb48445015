//! Bans seen and handled by people.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::nanos;

use super::ban::{Ban, Counts, Entry, NotBanned};
use super::ladder::Past;
use super::register::Put;
use super::{Bans, Network, Offender};

const LONGEST_REASON: usize = 200;
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

impl Bans {
    /// The bans in force, the latest first.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use tower_parapet::bans::{Bans, Network};
    ///
    /// let bans = Bans::builder().build()?;
    /// let network: Network = "203.0.113.0/24".parse()?;
    /// bans.ban(network, Duration::from_secs(3600), "asked by the abuse desk")?;
    /// let list = bans.list();
    /// assert_eq!(list[0].offender.to_string(), "203.0.113.0/24");
    /// assert!(bans.lift(network));
    /// assert!(bans.list().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self) -> Vec<Ban> {
        let (now, unix) = self.0.time();
        let mut list = Vec::new();
        self.0.register.each(|_, entry| {
            if entry.is_live(now) {
                list.push(entry.shown(now, unix));
            }
        });
        list.sort_by(|one: &Ban, other| {
            other.since.cmp(&one.since).then_with(|| one.offender.cmp(&other.offender))
        });
        list
    }

    /// Bans somebody by hand, for a while, and for a reason that the list and records show. It takes the
    /// place of a ban in force; an address that is exempt is never turned away.
    ///
    /// # Errors
    /// See [`NotBanned`].
    pub fn ban(
        &self,
        who: impl Into<Offender>,
        length: Duration,
        reason: &str,
    ) -> Result<Ban, NotBanned> {
        let who = who.into();
        if reason.trim().is_empty() || reason.len() > LONGEST_REASON {
            return Err(NotBanned::Reason);
        }
        if !(Duration::from_secs(1)..=LONGEST).contains(&length) {
            return Err(NotBanned::Length);
        }
        if let Offender::Network(network) | Offender::CrossSite(network) = &who {
            self.check_network(network)?;
        }
        let warden = &*self.0;
        let (now, unix) = warden.time();
        let tag = warden.register.tag((&who).into());
        let put = warden.register.put(tag, now, &warden.ladder, |_| {
            Some(Entry {
                who,
                why: reason.trim().into(),
                since: now,
                past: Past { level: 0, until: now.saturating_add(nanos(length)) },
                by_hand: true,
                is_foreign: false,
            })
        });
        let Put::Done(entry) = put else {
            warden.overflow();
            return Err(NotBanned::Full);
        };
        warden.announce(&entry);
        if let Some(wire) = &warden.wire {
            wire.banned(tag, &entry);
            warden.tick(now);
        }
        Ok(entry.shown(now, unix))
    }

    fn check_network(&self, network: &Network) -> Result<(), NotBanned> {
        let least = if network.address().is_ipv4() { 8 } else { 16 };
        if network.prefix() < least {
            return Err(NotBanned::TooWide);
        }
        let exempt = &self.0.exempt;
        if let Some(reason) = exempt.reason(network.address()) {
            return Err(NotBanned::Exempt(reason.into()));
        }
        let is_within = |own: &Network| network.contains(own.address());
        match exempt.iter().find(|exemption| is_within(&exemption.network)) {
            Some(exemption) => Err(NotBanned::Exempt(exemption.reason.clone())),
            None => Ok(()),
        }
    }

    /// Lifts a ban, and forgets what led to it and the bans before; whether anything was known. The
    /// network is the very one that is banned, as the list shows it.
    pub fn lift(&self, who: impl Into<Offender>) -> bool {
        let who = who.into();
        let (now, _) = self.0.time();
        let removed: Option<Arc<Entry>> = self.0.pardon(&who);
        if let Some(entry) = &removed {
            self.0.announce_lifted(entry, now);
        }
        if let Some(wire) = &self.0.wire {
            wire.lifted(self.0.register.tag((&who).into()), &who);
            self.0.tick(now);
        }
        removed.is_some()
    }

    /// The ban that hits an address, by whatever network around it.
    pub fn of_address(&self, address: std::net::IpAddr) -> Option<Ban> {
        let (now, unix) = self.0.time();
        self.0.of_address(address.to_canonical(), false, now).map(|entry| entry.shown(now, unix))
    }

    /// What the bans of this process came to so far. It goes through all that are kept.
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }
}
