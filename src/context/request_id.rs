use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A request's id: a UUID of version 7 (RFC 9562), so that ids sort by time.
///
/// It is unique, not secret: within a process the low bits come from a counter under a random key,
/// without a system call. Printed as 36 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u128);

static SEED: LazyLock<u64> = LazyLock::new(|| {
    getrandom::u64().unwrap_or_else(|_| {
        // Ids stay unique within the process; only across processes they might meet.
        u64::from(std::process::id()).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
});
static COUNT: AtomicU64 = AtomicU64::new(0);

impl RequestId {
    /// A new id for a request that begins at `unix` since the epoch.
    pub fn at(unix: Duration) -> Self {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let low = scramble(count.wrapping_add(*SEED));
        let mid = u128::from(scramble(low) & 0xFFF);
        let millis = unix.as_millis() & 0xFFFF_FFFF_FFFF;
        let low = u128::from(low & 0x3FFF_FFFF_FFFF_FFFF);
        Self(millis << 80 | 0x7 << 76 | mid << 64 | 0b10 << 62 | low)
    }

    /// The id as a number.
    pub fn as_u128(self) -> u128 {
        self.0
    }

    /// The 36 characters as bytes, without an allocation.
    pub fn encode(self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut slots = text.iter_mut();
        let mut bytes = self.0.to_be_bytes().into_iter();
        for group in [4, 2, 2, 2, 6] {
            for byte in bytes.by_ref().take(group) {
                for nibble in [byte >> 4, byte & 0xF] {
                    if let Some(slot) = slots.next() {
                        *slot = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
                    }
                }
            }
            slots.next();
        }
        text
    }
}

/// SplitMix64's finaliser: a bijection, so distinct counts give distinct low halves.
fn scramble(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.encode().iter().try_for_each(|byte| fmt::Write::write_char(f, char::from(*byte)))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_sort_by_time_and_differ() {
        let early = RequestId::at(Duration::from_millis(1_000)).to_string();
        let late = RequestId::at(Duration::from_millis(2_000)).to_string();
        assert_eq!(early.len(), 36);
        assert_eq!(early.as_bytes()[14], b'7');
        assert_eq!(
            RequestId(0x0123_4567_89ab_7cde_8f01_2345_6789_abcd).to_string(),
            "01234567-89ab-7cde-8f01-23456789abcd"
        );
        assert!(matches!(early.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert!(early < late);
        let many: std::collections::HashSet<_> =
            (0..10_000).map(|_| RequestId::at(Duration::ZERO)).collect();
        assert_eq!(many.len(), 10_000);
    }
}
