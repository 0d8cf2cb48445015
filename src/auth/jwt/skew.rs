//! Whether the issuer's clock and ours agree, as far as the tokens tell.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::fault::Fault;

/// So many tokens that had just expired, within a minute, are more than clients that are late.
const MANY: u64 = 20;

/// How long ago, beyond the leeway, a token has just expired.
const JUST: u64 = 300;

/// What the tokens of one issuer told.
#[derive(Debug, Default)]
pub(super) struct Skew {
    /// The largest number of seconds that a token which was taken came from the future.
    ahead: AtomicU64,
    /// Tokens that had just expired since `since`, those with the expiry of the last one but once.
    late: AtomicU64,
    since: AtomicU64,
    last: AtomicU64,
}

impl Skew {
    /// A token was taken that counts from this time on. Half of the leeway is no accident of a
    /// second or two.
    pub(super) fn taken(&self, from: Duration, now: Duration, leeway: Duration) {
        let ahead = from.saturating_sub(now);
        if !ahead.is_zero() && ahead >= leeway / 2 {
            self.ahead.fetch_max(ahead.as_secs(), Relaxed);
        }
    }

    /// What a token that was taken tells, once one came from the future.
    pub(super) fn seen_ahead(&self) -> Option<Told> {
        let ahead = self.ahead.load(Relaxed);
        (ahead > 0).then_some(Told::Ahead(ahead))
    }

    /// What a refused token tells, if anything.
    pub(super) fn refused(&self, fault: &Fault, now: Duration, leeway: Duration) -> Option<Told> {
        match fault {
            Fault::NotYet(ahead) => Some(Told::TooFarAhead(*ahead)),
            Fault::Expired(ago) if *ago <= leeway.as_secs() + JUST => {
                let expiry = now.as_secs().saturating_sub(*ago);
                self.is_many(now.as_secs(), expiry).then_some(Told::Late(*ago))
            }
            _ => None,
        }
    }

    fn is_many(&self, now: u64, expiry: u64) -> bool {
        // Whoever repeats one token counts once.
        if self.last.swap(expiry, Relaxed) == expiry {
            return false;
        }
        if now.saturating_sub(self.since.load(Relaxed)) > 60 {
            self.since.store(now, Relaxed);
            self.late.store(0, Relaxed);
        }
        self.late.fetch_add(1, Relaxed) + 1 >= MANY
    }
}

/// Seconds by which clocks seem to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Ahead(u64),
    TooFarAhead(u64),
    Late(u64),
}

impl Told {
    pub(super) fn evidence(self, issuer: &str) -> String {
        match self {
            Self::Ahead(by) => {
                format!(
                    "the clock of {issuer} is {by} s ahead of ours: it signed a token of the future"
                )
            }
            Self::TooFarAhead(by) => format!(
                "the clock of {issuer} is {by} s ahead of ours, beyond the leeway: its tokens are refused \
                 until then"
            ),
            Self::Late(by) => format!(
                "{MANY} tokens of {issuer} within a minute had just expired, the last {by} s ago: our \
                 clock is ahead of its, or clients renew them too late"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEEWAY: Duration = Duration::from_secs(60);
    const NOW: Duration = Duration::from_secs(1_800_000_000);

    #[test]
    fn a_second_or_two_is_no_skew_and_half_of_the_leeway_is() {
        let skew = Skew::default();
        skew.taken(NOW + Duration::from_secs(2), NOW, LEEWAY);
        skew.taken(NOW - LEEWAY, NOW, LEEWAY);
        assert_eq!(skew.seen_ahead(), None);
        skew.taken(NOW + Duration::from_secs(40), NOW, LEEWAY);
        let told = skew.seen_ahead().unwrap();
        assert!(told.evidence("x").contains("x is 40 s ahead"));
    }

    #[test]
    fn one_token_that_is_repeated_tells_nothing_and_many_in_a_minute_do() {
        let skew = Skew::default();
        let late = |skew: &Skew, ago: u64, now: Duration| {
            skew.refused(&Fault::Expired(ago), now, LEEWAY).is_some()
        };
        assert!((0..100).all(|_| !late(&skew, 70, NOW)));
        assert!((0..100).all(|i| !late(&skew, 70 + i, NOW + Duration::from_secs(i * 10))));
        let skew = Skew::default();
        let told = (0..25).filter(|i| late(&skew, 70 + i, NOW)).count();
        assert_eq!(told, 6);
        assert!((0..100).all(|i| !late(&Skew::default(), 4_000 + i, NOW)));
    }
}
