//! A ban as it is kept, and as it is shown.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::Offender;
use super::ladder::Past;

/// A ban as it is kept: monotonic nanoseconds of this process.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) who: Offender,
    pub(super) why: Arc<str>,
    pub(super) since: u64,
    pub(super) past: Past,
    pub(super) by_hand: bool,
    /// Whether another process decided it.
    pub(super) is_foreign: bool,
}

impl Entry {
    pub(super) fn is_live(&self, now: u64) -> bool {
        now < self.past.until
    }

    /// As it is shown, by a wall clock that says `unix` where the monotonic one says `now`.
    pub(super) fn shown(&self, now: u64, unix: Duration) -> Ban {
        let ago = Duration::from_nanos(now.saturating_sub(self.since));
        let left = Duration::from_nanos(self.past.until.saturating_sub(now));
        Ban {
            offender: self.who.clone(),
            why: (&*self.why).into(),
            since: unix.saturating_sub(ago),
            until: unix.saturating_add(left),
            left,
            level: self.past.level,
            by_hand: self.by_hand,
            from_elsewhere: self.is_foreign,
        }
    }
}

/// A ban that is in force. Serialised, times are seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ban {
    /// Who is banned.
    pub offender: Offender,
    /// What for: what the end of the last request showed, or the reason given by hand.
    pub why: Box<str>,
    /// When it began, since the Unix epoch, by the wall clock as it is now.
    #[serde(serialize_with = "seconds")]
    pub since: Duration,
    /// When it ends, since the Unix epoch, by the wall clock as it is now.
    #[serde(serialize_with = "seconds")]
    pub until: Duration,
    /// How long it still lasts.
    #[serde(serialize_with = "seconds")]
    pub left: Duration,
    /// How many bans in a row it is, from 1; the length of the ladder is the most. 0 for one by hand.
    pub level: u32,
    /// Whether a person made it.
    pub by_hand: bool,
    /// Whether another process did.
    pub from_elsewhere: bool,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offender, why, left, level, .. } = self;
        write!(f, "{offender}: {why}, level {level}, {} s left", left.as_secs())
    }
}

/// What happened to a ban.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It began. That it ends is not told: it says so itself.
    Banned(Ban),
    /// It was lifted, here or in another process, before its end.
    Lifted(Ban),
}

/// What the bans of a process came to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Bans in force.
    pub live: usize,
    /// Bans remembered, in force or not yet forgiven.
    pub remembered: usize,
    /// Requests that gave points.
    pub offences: u64,
    /// Bans decided in this process.
    pub banned: u64,
    /// Bans learned from other processes.
    pub learned: u64,
    /// Bans lifted, here or elsewhere.
    pub lifted: u64,
    /// Requests refused.
    pub refused: u64,
    /// Suspects whose points were forgotten before their time, to make room.
    pub forgotten: u64,
    /// Bans that found no room, so that they did not come to be.
    pub overflowed: u64,
    /// Offences and orders on their way to the shared store.
    pub queued: usize,
    /// Those that were given up, since too many waited.
    pub dropped: u64,
}

/// Why a ban by hand did not come to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotBanned {
    /// It is exempt, for this reason; a part of it counts too.
    #[error("the network is exempt: {0}")]
    Exempt(Box<str>),
    /// It is wider than /8 of IPv4 or /16 of IPv6: a slip would shut out the world.
    #[error("the network is too wide; name one of at least /8 for IPv4, /16 for IPv6")]
    TooWide,
    /// There is no reason, or it is longer than 200 bytes.
    #[error("a ban needs a reason of 1 to 200 bytes")]
    Reason,
    /// It would be over as it begins, or last longer than a year.
    #[error("a ban lasts from a second to a year")]
    Length,
    /// There is room for no more bans.
    #[error("there is no room: every ban that is kept is in force")]
    Full,
}
