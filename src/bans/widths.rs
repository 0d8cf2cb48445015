//! Which prefixes any ban has, so that an address is looked up by those and no others.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Network;

/// A bit for each length of a prefix, of IPv4 and of IPv6. None is ever taken back.
#[derive(Debug, Default)]
pub(super) struct Widths {
    v4: [AtomicU64; 1],
    v6: [AtomicU64; 3],
}

impl Widths {
    pub(super) fn add(&self, network: Network) {
        let words: &[AtomicU64] = if network.address().is_ipv4() { &self.v4 } else { &self.v6 };
        let prefix = usize::from(network.prefix());
        if let Some(word) = words.get(prefix / 64) {
            word.fetch_or(1 << (prefix % 64), Ordering::Relaxed);
        }
    }

    /// The prefixes of an address's family, the longest first.
    pub(super) fn of(&self, address: IpAddr) -> impl Iterator<Item = u8> + use<> {
        let words: &[AtomicU64] = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let mut bits = [0; 3];
        for (bits, word) in bits.iter_mut().zip(words) {
            *bits = word.load(Ordering::Relaxed);
        }
        let [low, middle, high] = bits;
        [(128, high), (64, middle), (0, low)].into_iter().flat_map(|(from, bits)| down(from, bits))
    }
}

/// The bits of a word that are set, from the highest down, counted from `from`.
fn down(from: u8, mut left: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let highest = 63_u32.checked_sub(left.leading_zeros())?;
        left &= !(1 << highest);
        Some(from + highest as u8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_told_the_longest_first_and_by_family() {
        let widths = Widths::default();
        for network in ["2001:db8::/64", "2001:db8::/48", "2001:db8::1", "0.0.0.0/0", "192.0.2.1"] {
            widths.add(network.parse().unwrap());
        }
        let of = |address: &str| widths.of(address.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(of("2001:db8::9"), [128, 64, 48]);
        assert_eq!(of("192.0.2.9"), [32, 0]);
        assert!(Widths::default().of("::1".parse().unwrap()).next().is_none());
    }
}
