//! Whose bucket a request is counted against.

mod absent;
mod facts;
mod part;
mod refusal;
mod tagger;
mod typed;

use std::fmt;
use std::sync::Arc;

use http::HeaderName;

use crate::guard::{Exchange, Needs};

pub use absent::Absent;
pub use part::{KeyPart, KeyWriter};
pub use typed::TypedKey;

pub(super) use facts::Facts;
pub(super) use tagger::{Prefixes, Tagger};

/// Bytes of a header's or a claim's value that may name a bucket.
const LONGEST_VALUE: usize = 256;

/// Whose bucket a request is counted against.
///
/// Keys are kept only as a hash under a random seed, so that entries are small and nobody can aim
/// at somebody else's; what a store of several processes is told is 128 bits of SHA-256.
///
/// | key | lacks it | then |
/// |---|---|---|
/// | client network | the server does not say who the peer is | 503 |
/// | principal, tenant, API key, claim | a public route | skipped |
/// | principal, tenant, API key, claim | credentials are optional and absent | by client network |
/// | tenant, API key, claim | the caller has none | 403, or as [`absent`](super::ThrottleBuilder::absent) says |
/// | header | it is not there | 400, or as [`absent`](super::ThrottleBuilder::absent) says |
/// | one of your own | it reads nothing | 400, or as [`absent`](super::ThrottleBuilder::absent) says |
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
    /// The tenant that the caller belongs to, within its issuer: all of its callers share the bucket.
    Tenant,
    /// The very API key that was presented, by its public id: each of an owner's keys has a bucket. What
    /// other schemes admit has none.
    ApiKey,
    /// A claim of the verified token, within its issuer: a number, or a text of at most 256 bytes. See
    /// [`Key::claim`].
    Claim(Arc<str>),
    /// The value of a header, at most 256 bytes; absent is refused unless
    /// [`absent`](super::ThrottleBuilder::absent) says otherwise. A header its sender is free to
    /// vary is no limit: use it for what a gateway in front has set.
    Header(HeaderName),
    /// The route, as the policy names it. All unlisted routes are one.
    Route,
    /// The method; those that HTTP itself does not know are one, and `HEAD` is another one than `GET`.
    Method,
    /// A value of a type of your own. See [`Key::of`].
    Typed(TypedKey),
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

    /// A claim of the verified token, by its name, or by a JSON pointer (RFC 6901) where it begins
    /// with `/`: `org`, `/realm/id`.
    pub fn claim(claim: impl Into<String>) -> Self {
        Self::Claim(claim.into().into())
    }

    /// What a closure reads from a request, once its caller is known; nothing where the request has
    /// no such value.
    ///
    /// The name stands in the manifest and in the name of the limit: letters, digits, `-`, `_` and
    /// `.`, at most 32.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::throttle::{Key, Throttle};
    ///
    /// // What one caller does to one basket, by the number at the end of the path.
    /// let basket = Key::of("basket", |exchange| {
    ///     let (_, number) = exchange.path().rsplit_once('/')?;
    ///     number.parse::<u64>().ok()
    /// });
    /// Throttle::per_minute(10).by(Key::Principal.and(basket)).build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn of<T: KeyPart>(
        name: impl Into<String>,
        read: impl Fn(&Exchange) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        Self::Typed(TypedKey::new(name, false, read))
    }

    /// As [`of`](Self::of), of what is known before authentication: head, client and route. The
    /// limit then holds strangers too, and whatever the closure asks of a caller is not there.
    pub fn at_edge<T: KeyPart>(
        name: impl Into<String>,
        read: impl Fn(&Exchange) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        Self::Typed(TypedKey::new(name, true, read))
    }

    /// The single keys it is made of, in the order they were written.
    pub(super) fn parts(&self) -> Vec<&Key> {
        match self {
            Self::All(keys) => keys.iter().flat_map(Key::parts).collect(),
            one => vec![one],
        }
    }

    /// Whether a part of it is the caller, so that public routes are skipped.
    pub(super) fn names_caller(&self) -> bool {
        self.parts().into_iter().any(Key::is_of_caller)
    }

    /// Whether it may read who is calling.
    pub(super) fn reads_caller(&self, absent: Absent) -> bool {
        self.parts().into_iter().any(|part| {
            part.is_of_caller()
                || matches!(part, Self::Typed(typed) if !typed.is_early)
                || (absent == Absent::Principal && part.may_lack())
        })
    }

    fn is_of_caller(&self) -> bool {
        matches!(self, Self::Principal | Self::Tenant | Self::ApiKey | Self::Claim(_))
    }

    /// Whether a request may be without it, so that [`Absent`] says what then.
    fn may_lack(&self) -> bool {
        matches!(
            self,
            Self::Tenant | Self::ApiKey | Self::Claim(_) | Self::Header(_) | Self::Typed(_)
        )
    }

    /// Whether it can still be read once a request is over.
    pub(super) fn outlives_request(&self) -> bool {
        !self.is_of_caller() && !matches!(self, Self::Header(_) | Self::Typed(_))
    }

    /// Whether a client gets another bucket by writing another header, whatever stands beside it.
    pub(super) fn is_evadable(&self) -> bool {
        self.parts().iter().any(|part| matches!(part, Key::Header(_)))
    }

    /// What must be known for it to be read.
    pub(super) fn needs(&self, absent: Absent) -> Needs {
        self.parts().into_iter().fold(Needs::NONE, |needs, part| {
            let own = match part {
                Self::ClientNet => Needs::CLIENT,
                _ if part.is_of_caller() => Needs::PRINCIPAL,
                Self::Typed(typed) if !typed.is_early => Needs::PRINCIPAL,
                _ => Needs::NONE,
            };
            let instead = match absent {
                Absent::ClientNet if part.may_lack() => Needs::CLIENT,
                Absent::Principal if part.may_lack() => Needs::PRINCIPAL,
                _ => Needs::NONE,
            };
            needs.and(own).and(instead)
        })
    }

    /// A short word for the name of a policy.
    pub(super) fn word(&self) -> String {
        let words = self.parts().into_iter().map(|part| match part {
            Self::ClientNet => "client",
            Self::Principal => "principal",
            Self::Tenant => "tenant",
            Self::ApiKey => "key",
            Self::Claim(claim) => last_word(claim),
            Self::Header(name) => name.as_str(),
            Self::Route => "route",
            Self::Method => "method",
            Self::Typed(typed) => typed.name(),
            _ => "all",
        });
        words.collect::<Vec<_>>().join("-")
    }
}

/// `id` of `/realm/id` and of `https://id.example/id`, for the name of a limit.
fn last_word(claim: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    claim.rsplit(|c| !is_plain(c)).find(|word| !word.is_empty()).unwrap_or("claim")
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientNet => f.write_str("client network"),
            Self::Principal => f.write_str("principal"),
            Self::Tenant => f.write_str("tenant"),
            Self::ApiKey => f.write_str("API key"),
            Self::Claim(claim) => write!(f, "claim `{claim}`"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Route => f.write_str("route"),
            Self::Method => f.write_str("method"),
            Self::Typed(typed) => f.write_str(typed.name()),
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

#[cfg(test)]
mod tests;
