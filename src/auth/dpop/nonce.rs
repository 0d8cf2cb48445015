//! Nonces that need no memory: an HMAC of the time, so that whoever holds the key knows them all.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;

/// Bytes of the HMAC that a nonce shows: as hard to guess as a key of 128 bits.
const SHOWN: usize = 16;

/// Makes and knows the nonces of RFC 9449, section 9. One holds for a window of time and the next.
pub(super) struct Nonces {
    key: hmac::Key,
    window: Duration,
    made: ArcSwapOption<Pair>,
}

/// The nonces that are taken at a time.
struct Pair {
    window: u64,
    current: HeaderValue,
    previous: HeaderValue,
}

/// What a proof's nonce is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Freshness {
    Current,
    /// Still good; the next proof should have this one.
    Previous(HeaderValue),
    /// Not good, or no longer; a new one.
    Stale(HeaderValue),
}

impl Nonces {
    pub(super) fn new(secret: &[u8], window: Duration) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Self { key, window, made: ArcSwapOption::empty() }
    }

    pub(super) fn judge(&self, nonce: Option<&str>, now: Duration) -> Freshness {
        let pair = self.pair(now);
        let is = |made: &HeaderValue| {
            let found = nonce.unwrap_or_default().as_bytes();
            verify_slices_are_equal(made.as_bytes(), found).is_ok()
        };
        if is(&pair.current) {
            Freshness::Current
        } else if is(&pair.previous) {
            Freshness::Previous(pair.current.clone())
        } else {
            Freshness::Stale(pair.current.clone())
        }
    }

    /// Made once for a window, whoever comes first.
    fn pair(&self, now: Duration) -> Arc<Pair> {
        let window =
            u64::try_from(now.as_nanos() / self.window.as_nanos().max(1)).unwrap_or(u64::MAX);
        if let Some(pair) = self.made.load_full().filter(|pair| pair.window == window) {
            return pair;
        }
        let pair = Arc::new(Pair {
            window,
            current: self.nonce(window),
            previous: self.nonce(window.wrapping_sub(1)),
        });
        self.made.store(Some(pair.clone()));
        pair
    }

    fn nonce(&self, window: u64) -> HeaderValue {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"tower-parapet dpop nonce 1");
        context.update(&u64::try_from(self.window.as_nanos()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(&window.to_be_bytes());
        let tag = context.sign();
        let shown = tag.as_ref().get(..SHOWN).unwrap_or(tag.as_ref());
        let nonce = URL_SAFE_NO_PAD.encode(shown);
        // Base64url is always a header value.
        HeaderValue::try_from(nonce).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("window", &self.window).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(300);
    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn fresh(nonces: &Nonces, now: Duration) -> String {
        match nonces.judge(None, now) {
            Freshness::Stale(nonce) => nonce.to_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_nonce_holds_for_its_window_and_the_next() {
        let nonces = Nonces::new(&[7; 32], WINDOW);
        let nonce = fresh(&nonces, NOW);
        assert_eq!(nonces.judge(Some(&nonce), NOW), Freshness::Current);
        assert!(matches!(nonces.judge(Some(&nonce), NOW + WINDOW), Freshness::Previous(_)));
        assert!(matches!(nonces.judge(Some(&nonce), NOW + 2 * WINDOW), Freshness::Stale(_)));
        assert!(matches!(nonces.judge(Some(&nonce), NOW - WINDOW), Freshness::Stale(_)));
    }

    #[test]
    fn processes_with_one_key_know_each_others_nonces_and_others_do_not() {
        let (one, other) = (Nonces::new(&[7; 32], WINDOW), Nonces::new(&[7; 32], WINDOW));
        let stranger = Nonces::new(&[8; 32], WINDOW);
        let nonce = fresh(&one, NOW);
        assert_eq!(other.judge(Some(&nonce), NOW), Freshness::Current);
        assert!(matches!(stranger.judge(Some(&nonce), NOW), Freshness::Stale(_)));
    }

    #[test]
    fn what_is_no_nonce_of_ours_is_stale() {
        let nonces = Nonces::new(&[7; 32], WINDOW);
        let nonce = fresh(&nonces, NOW);
        for other in ["", "x", nonce.get(1..).unwrap(), &format!("{nonce}A"), &nonce.to_lowercase()]
        {
            assert!(matches!(nonces.judge(Some(other), NOW), Freshness::Stale(_)), "{other}");
        }
        assert!(nonce.len() >= 22 && nonce.is_ascii());
    }
}
