//! SipHash-1-3 over whole words.
//!
//! The standard library's hasher is the same function; this one skips the buffer that bytes of any
//! length need, which is most of the time a key takes.

use std::hash::{BuildHasher, RandomState};

/// The secret that tags are made under.
#[derive(Clone, Copy)]
pub(super) struct Secret(u64, u64);

impl Secret {
    /// A new secret, derived from the randomness of the operating system.
    pub(super) fn random() -> Self {
        Self(RandomState::new().hash_one(0_u8), RandomState::new().hash_one(1_u8))
    }

    #[inline]
    pub(super) fn hasher(self) -> Sip {
        Sip {
            v: [
                self.0 ^ 0x736f_6d65_7073_6575,
                self.1 ^ 0x646f_7261_6e64_6f6d,
                self.0 ^ 0x6c79_6765_6e65_7261,
                self.1 ^ 0x7465_6462_7974_6573,
            ],
            words: 0,
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A hash under way.
pub(super) struct Sip {
    v: [u64; 4],
    words: u64,
}

impl Sip {
    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        self.absorb(word);
        self.words += 1;
    }

    /// A text with its length, so that no two lists of texts are the same words.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (whole, rest) = bytes.as_chunks::<8>();
        whole.iter().for_each(|chunk| self.word(u64::from_le_bytes(*chunk)));
        if !rest.is_empty() {
            self.word(rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    #[inline]
    pub(super) fn finish(mut self) -> u64 {
        self.absorb(self.words << 59);
        self.v[2] ^= 0xFF;
        (0..3).for_each(|_| self.round());
        self.v[0] ^ self.v[1] ^ self.v[2] ^ self.v[3]
    }

    #[inline]
    fn absorb(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.v[0] ^= word;
    }

    #[inline]
    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.v;
        v0 = v0.wrapping_add(v1);
        v2 = v2.wrapping_add(v3);
        v1 = v1.rotate_left(13) ^ v0;
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v1);
        v0 = v0.wrapping_add(v3);
        v1 = v1.rotate_left(17) ^ v2;
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.rotate_left(32);
        self.v = [v0, v1, v2, v3];
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_function_of_the_standard_library(words in prop::collection::vec(any::<u64>(), 0..40)) {
            // With both halves of its key zero, as `DefaultHasher::new` has them.
            let (mut ours, mut theirs) = (Secret(0, 0).hasher(), DefaultHasher::new());
            for word in words {
                ours.word(word);
                theirs.write(&word.to_le_bytes());
            }
            prop_assert_eq!(ours.finish(), theirs.finish());
        }

        #[test]
        fn texts_are_told_apart_by_where_they_end(a in "[a-z]{0,20}", b in "[a-z]{1,20}") {
            let tag = |parts: [&str; 2]| {
                let mut hash = Secret(1, 2).hasher();
                parts.iter().for_each(|part| hash.text(part.as_bytes()));
                hash.finish()
            };
            let joined = format!("{a}{b}");
            prop_assert_ne!(tag([&a, &b]), tag([&joined, ""]));
        }
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(Secret::random().hasher().finish(), Secret::random().hasher().finish());
    }
}
