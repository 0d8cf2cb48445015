//! What keys are hashed by: each part begins with a word of its own, and texts with their length, so
//! that no two keys are written alike.

use sha2::{Digest as _, Sha256};

use super::order::Digest;
use super::sip::Sip;

/// A hash under way.
pub(super) trait KeyHash {
    fn word(&mut self, word: u64);

    /// A text with its length.
    fn text(&mut self, bytes: &[u8]);
}

impl KeyHash for Sip {
    #[inline]
    fn word(&mut self, word: u64) {
        Sip::word(self, word);
    }

    #[inline]
    fn text(&mut self, bytes: &[u8]) {
        Sip::text(self, bytes);
    }
}

/// The hash of a key for other processes: SHA-256, of which 128 bits are kept.
pub(super) struct Shared(Sha256);

impl Default for Shared {
    fn default() -> Self {
        Self(Sha256::new_with_prefix("tower-parapet throttle key"))
    }
}

impl Shared {
    pub(super) fn finish(self) -> Digest {
        self.0.finalize().first_chunk().copied().unwrap_or_default()
    }
}

impl KeyHash for Shared {
    fn word(&mut self, word: u64) {
        self.0.update(word.to_be_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        self.0.update(bytes);
    }
}
