//! What answers say of limits.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::guard::{Exchange, Items};

use super::fields::NAMES;
use super::limits::{Limits, Ruled};
use super::rule::Standing;
use super::sip::Secret;
use super::verdict::Verdict;

/// What a limit counts, as clients are told by the quota unit `qu` of
/// draft-ietf-httpapi-ratelimit-headers-11, section 3.1.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Requests, or what they [cost](super::cost). The default, which is not written.
    #[default]
    Requests,
    /// Bytes of content.
    ContentBytes,
    /// Requests under way at the same time.
    ConcurrentRequests,
}

impl Unit {
    pub(super) fn parameter(self) -> &'static str {
        match self {
            Self::Requests => "",
            Self::ContentBytes => ";qu=\"content-bytes\"",
            Self::ConcurrentRequests => ";qu=\"concurrent-requests\"",
        }
    }
}

/// What was said of telling so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) is_quiet: bool,
    pub(super) legacy: bool,
    pub(super) partition: bool,
}

/// What answers say.
#[derive(Debug)]
pub(super) struct Telling {
    told: Told,
    /// What partition keys are hashed under: another secret than that of the store, which nobody
    /// learns anything of.
    secret: Secret,
}

impl Telling {
    pub(super) fn new(told: Told) -> Self {
        Self { told, secret: Secret::random() }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.told.is_quiet
    }

    /// Has the answer say where the key of `tag` stands.
    #[inline]
    pub(super) fn tell(
        &self,
        exchange: &mut Exchange,
        limits: &Limits,
        verdict: &Verdict,
        tag: u64,
    ) {
        if self.told.is_quiet {
            return;
        }
        let partition = self.told.partition.then(|| Partition::of(self.secret, tag));
        for (limit, standing) in limits.each().iter().zip(verdict.standings()) {
            let foremost = self.told.legacy.then(|| legacy(exchange, limit, standing));
            exchange.reply_items(Items {
                rank: rank(standing),
                names: &NAMES,
                items: limit.fields.items(standing, partition),
                foremost,
            });
        }
    }
}

/// The tightest limit ranks lowest: those that refuse, the longest wait first, then those of which
/// least is left.
fn rank(standing: &Standing) -> u64 {
    const ADMITTED: u64 = 1 << 63;
    match standing.admitted {
        true => ADMITTED.saturating_add(standing.remaining),
        false => (ADMITTED - 1).saturating_sub(standing.wait),
    }
}

static LEGACY: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
];

/// What can be spent at once, what is left of it, and the second since the epoch from which on there
/// is more.
fn legacy(exchange: &mut Exchange, limit: &Ruled, standing: &Standing) -> Box<HeaderMap> {
    let now = exchange.unix();
    let now = now.as_secs() + u64::from(now.subsec_nanos() > 0);
    let reset = now.saturating_add(standing.window);
    let values = [limit.rule.capacity(), standing.remaining, reset].map(HeaderValue::from);
    Box::new(LEGACY.iter().cloned().zip(values).collect())
}

/// What tells one key of a limit from another, and says nothing of it: a hash under a secret of the
/// throttle.
#[derive(Clone, Copy)]
pub(super) struct Partition([u8; 8]);

/// `;pk=:AAAAAAAAAAA=:`.
const PARAMETER: usize = 18;

impl Partition {
    fn of(secret: Secret, tag: u64) -> Self {
        let mut hash = secret.hasher();
        hash.word(tag);
        Self(hash.finish().to_be_bytes())
    }

    /// The parameter as a byte sequence (RFC 9651, section 3.3.5).
    pub(super) fn parameter(self) -> [u8; PARAMETER] {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits = u128::from(u64::from_be_bytes(self.0)) << 2;
        let mut text = *b";pk=:AAAAAAAAAAA=:";
        for (at, place) in text.iter_mut().skip(5).take(11).enumerate() {
            let six = (bits >> (60 - 6 * at)) as usize & 0x3F;
            *place = ALPHABET.get(six).copied().unwrap_or(b'A');
        }
        text
    }
}

#[cfg(test)]
mod tests;
