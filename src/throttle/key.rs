//! Whose bucket a request is counted against.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use crate::context::{Access, ClientAddr, Principal, Route};
use crate::guard::{Needs, Phase};
use crate::rejection::{Reason, Rejection};

use super::hash::{KeyHash, Shared};
use super::ledger::Digest;
use super::sip::Secret;

/// Bytes of a header value that may name a bucket.
const LONGEST_VALUE: usize = 256;

const ONE: &str = "one value of at most 256 bytes in the header of the key";
const NOT_ONE: &str = "a longer one, or several";

// What a part of a key begins with, so that no part reads as another one.
const V4: u64 = 1 << 32;
const V6: u64 = 2 << 32;
const PRINCIPAL: u64 = 3 << 32;
const HEADER: u64 = 4 << 32;
const HEADERLESS: u64 = 5 << 32;
const ROUTE: u64 = 6 << 32;
const GLOBAL: u64 = 7 << 32;

/// Whose bucket a request is counted against.
///
/// Keys are kept only as a hash under a random seed, so that entries are small and nobody can aim
/// at somebody else's.
///
/// # Example
/// ```
/// use tower_parapet::throttle::{Key, Throttle};
///
/// // Each client network has a bucket on each route.
/// Throttle::per_minute(60).by(Key::ClientNet.and(Key::Route)).build()?;
/// // Each tenant has one, wherever its requests come from.
/// Throttle::per_hour(10_000).by(Key::header("x-tenant")).build()?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// The network the client calls from: its IPv4 address, or the /64 of its IPv6 address. A
    /// request without a client address is refused. The default.
    ClientNet,
    /// Who is calling: issuer and subject together. Public routes are skipped; where credentials
    /// are optional and absent, the client network takes its place.
    Principal,
    /// The value of a header, at most 256 bytes; absent is refused unless
    /// [`absent`](super::ThrottleBuilder::absent) says otherwise. A header its sender is free to
    /// vary is no limit: use it for what a gateway in front has set.
    Header(HeaderName),
    /// The route, as the policy names it. All unlisted routes are one.
    Route,
    /// Everybody together: what the service as a whole takes.
    Global,
    /// Several together: a bucket for each combination. See [`Key::all`].
    All(Vec<Key>),
    /// A header name that cannot be one; `build` says so.
    #[doc(hidden)]
    Unreadable(String),
}

impl Key {
    /// A bucket for each combination of several keys.
    pub fn all(keys: impl IntoIterator<Item = Key>) -> Self {
        Self::All(keys.into_iter().collect())
    }

    /// A bucket for each combination of this key and another one.
    #[must_use]
    pub fn and(self, other: Key) -> Self {
        match self {
            Self::All(mut keys) => {
                keys.push(other);
                Self::All(keys)
            }
            one => Self::All(vec![one, other]),
        }
    }

    /// The value of the header of that name, in any case; a bad name is a mistake that `build`
    /// reports.
    pub fn header(name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        match name.parse() {
            Ok(name) => Self::Header(name),
            Err(_) => Self::Unreadable(name.to_owned()),
        }
    }

    /// The single keys it is made of, in the order they were written.
    pub(super) fn parts(&self) -> Vec<&Key> {
        match self {
            Self::All(keys) => keys.iter().flat_map(Key::parts).collect(),
            one => vec![one],
        }
    }

    pub(super) fn needs_principal(&self) -> bool {
        self.parts().contains(&&Key::Principal)
    }

    /// Whether a client gets another bucket by writing another header.
    pub(super) fn is_evadable(&self) -> bool {
        let parts = self.parts();
        let is_named = |part: &&Key| matches!(part, Key::ClientNet | Key::Principal);
        parts.iter().any(|part| matches!(part, Key::Header(_))) && !parts.iter().any(is_named)
    }

    /// When it can be read: before authentication, unless a part of it is the principal.
    pub(super) fn phase(&self) -> Phase {
        if self.needs_principal() { Phase::Quota } else { Phase::EdgeThrottle }
    }

    /// What must be known for it to be read.
    pub(super) fn needs(&self, absent: Absent) -> Needs {
        self.parts().into_iter().fold(Needs::NONE, |needs, part| {
            needs.and(match part {
                Self::ClientNet => Needs::CLIENT,
                Self::Header(_) if absent == Absent::ClientNet => Needs::CLIENT,
                Self::Principal => Needs::PRINCIPAL,
                _ => Needs::NONE,
            })
        })
    }

    /// A short word for the name of a policy.
    pub(super) fn word(&self) -> String {
        let words = self.parts().into_iter().map(|part| match part {
            Self::ClientNet => "client",
            Self::Principal => "principal",
            Self::Header(name) => name.as_str(),
            Self::Route => "route",
            _ => "all",
        });
        words.collect::<Vec<_>>().join("-")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientNet => f.write_str("client network"),
            Self::Principal => f.write_str("principal"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Route => f.write_str("route"),
            Self::Global => f.write_str("everybody together"),
            Self::Unreadable(name) => write!(f, "header `{name}`"),
            Self::All(_) => {
                for (index, part) in self.parts().into_iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " and " })?;
                    part.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

/// What a request without the header of its key is counted against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absent {
    /// Nothing: it is refused with 400. The default.
    #[default]
    Refuse,
    /// Its client network.
    ClientNet,
    /// One bucket for all such requests.
    Share,
}

/// What is known about a request when its bucket is looked up.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) client: Option<ClientAddr>,
    pub(super) principal: Option<&'a Principal>,
    pub(super) route: Option<&'a Route>,
    pub(super) headers: Option<&'a HeaderMap>,
}

/// How many bits of an address are a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes {
    pub(super) v4: u8,
    pub(super) v6: u8,
}

/// Turns requests into tags: what the store knows a key by.
#[derive(Clone, Debug)]
pub(super) struct Tagger {
    parts: Box<[Key]>,
    needs_principal: bool,
    absent: Absent,
    v4_mask: u32,
    v6_mask: u128,
    secret: Secret,
}

impl Tagger {
    pub(super) fn new(key: &Key, absent: Absent, prefixes: Prefixes) -> Self {
        Self {
            parts: key.parts().into_iter().cloned().collect(),
            needs_principal: key.needs_principal(),
            absent,
            v4_mask: u32::MAX.checked_shl(32 - u32::from(prefixes.v4.min(32))).unwrap_or(0),
            v6_mask: u128::MAX.checked_shl(128 - u32::from(prefixes.v6.min(128))).unwrap_or(0),
            secret: Secret::random(),
        }
    }

    pub(super) fn needs_principal(&self) -> bool {
        self.needs_principal
    }

    /// The tag of a request's bucket; `None` where the limit does not apply to it.
    pub(super) fn tag(&self, facts: Facts<'_>) -> Result<Option<u64>, Rejection> {
        let access = facts.route.map(Route::access);
        if self.needs_principal && matches!(access, Some(Access::Public { .. } | Access::Probe)) {
            return Ok(None);
        }
        let mut hash = self.secret.hasher();
        self.write(&mut hash, facts)?;
        Ok(Some(hash.finish()))
    }

    /// The same for a store that other processes share; asked only once there is a tag.
    pub(super) fn digest(&self, facts: Facts<'_>) -> Digest {
        let mut hash = Shared::default();
        match self.write(&mut hash, facts) {
            Ok(()) => hash.finish(),
            // There was a tag, so there is a key.
            Err(_) => Digest::default(),
        }
    }

    fn write<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        let access = facts.route.map(Route::access);
        for part in &self.parts {
            match part {
                Key::ClientNet => self.client(hash, facts)?,
                Key::Principal => match (facts.principal, access) {
                    (Some(principal), _) => {
                        hash.word(PRINCIPAL);
                        hash.text(principal.issuer().as_bytes());
                        hash.text(principal.subject().as_bytes());
                    }
                    (None, Some(Access::Optional)) => self.client(hash, facts)?,
                    (None, _) => return Err(anonymous()),
                },
                Key::Header(name) => self.header(hash, name, facts)?,
                Key::Route => {
                    hash.word(ROUTE);
                    hash.text(facts.route.map_or("", Route::pattern).as_bytes());
                }
                _ => hash.word(GLOBAL),
            }
        }
        Ok(())
    }

    #[inline]
    fn client<H: KeyHash>(&self, hash: &mut H, facts: Facts<'_>) -> Result<(), Rejection> {
        match facts.client.ok_or_else(nowhere)?.ip() {
            IpAddr::V4(ip) => {
                hash.word(V4 | u64::from(ip.to_bits() & self.v4_mask));
            }
            IpAddr::V6(ip) => {
                let network = ip.to_bits() & self.v6_mask;
                hash.word(V6);
                hash.word((network >> 64) as u64);
                hash.word(network as u64);
            }
        }
        Ok(())
    }

    fn header<H: KeyHash>(
        &self,
        hash: &mut H,
        name: &HeaderName,
        facts: Facts<'_>,
    ) -> Result<(), Rejection> {
        let mut values = facts.headers.into_iter().flat_map(|headers| headers.get_all(name));
        match (values.next(), values.next(), self.absent) {
            (Some(value), None, _) if value.len() <= LONGEST_VALUE => {
                hash.word(HEADER);
                hash.text(value.as_bytes());
            }
            (Some(_), None, _) => {
                let detail = format!("the header `{name}` is longer than {LONGEST_VALUE} bytes");
                return Err(Rejection::new(Reason::BadHeader)
                    .detail(detail)
                    .expected(ONE)
                    .found(NOT_ONE));
            }
            (Some(_), Some(_), _) => {
                let detail = format!("the header `{name}` was sent more than once");
                return Err(Rejection::new(Reason::BadHeader)
                    .detail(detail)
                    .expected(ONE)
                    .found(NOT_ONE));
            }
            (None, _, Absent::ClientNet) => self.client(hash, facts)?,
            (None, _, Absent::Share) => hash.word(HEADERLESS),
            (None, _, Absent::Refuse) => {
                let detail = format!("the header `{name}` is required here");
                return Err(Rejection::new(Reason::MissingHeader)
                    .detail(detail)
                    .expected(ONE)
                    .found("none"));
            }
        }
        Ok(())
    }
}

#[cold]
fn nowhere() -> Rejection {
    Rejection::new(Reason::AddressUnknown)
        .expected("the address of the peer: name its source, `.peer(Peer::ConnectInfo)` say")
        .found("a request without one")
}

#[cold]
fn anonymous() -> Rejection {
    Rejection::new(Reason::MissingCredentials)
        .expected("a principal: authenticate before a limit by principal")
        .found("an anonymous request")
}
