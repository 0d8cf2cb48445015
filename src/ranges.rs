//! Sets of addresses as merged, sorted ranges: small in memory, quick to ask.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// From this many ranges on, an index on the top 16 bits pays for its 256 KiB.
const INDEX_FROM: usize = 512;

/// A set of addresses, asked by [`contains`](Ranges::contains).
///
/// Overlapping and adjacent networks are merged, so the cost depends on how many gaps there are,
/// not on how the list was written. IPv4 and IPv6 are kept apart; the caller folds v4-mapped
/// addresses first.
#[derive(Clone, Default)]
pub(crate) struct Ranges {
    v4: Sorted<u32>,
    v6: Sorted<u128>,
    /// For each value `h` of the top 16 bits, how many IPv4 ranges start below `h << 16`; 65,537
    /// entries, or none where the list is short.
    index: Box<[u32]>,
    networks: usize,
}

/// Disjoint ranges, their starts and ends in two arrays because a search reads only the starts.
#[derive(Clone)]
struct Sorted<T> {
    starts: Box<[T]>,
    ends: Box<[T]>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { starts: Box::default(), ends: Box::default() }
    }
}

impl Ranges {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for network in networks {
            match network {
                IpNet::V4(net) => v4.push((u32::from(net.network()), u32::from(net.broadcast()))),
                IpNet::V6(net) => v6.push((u128::from(net.network()), u128::from(net.broadcast()))),
            }
        }
        let v4 = Sorted::merge(v4);
        let index = if v4.starts.len() < INDEX_FROM { Box::default() } else { index(&v4.starts) };
        Self { v4, v6: Sorted::merge(v6), index, networks: networks.len() }
    }

    /// Whether `address` lies in one of the networks.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.contains_v4(u32::from(v4)),
            IpAddr::V6(v6) => {
                let address = u128::from(v6);
                self.v6.covers(self.v6.starts.partition_point(|start| *start <= address), address)
            }
        }
    }

    /// How many networks the list was made from, before merging.
    pub(crate) fn networks(&self) -> usize {
        self.networks
    }

    /// Whether the whole of a family is in it.
    pub(crate) fn is_everybody(&self) -> bool {
        self.v4.is(0, u32::MAX) || self.v6.is(0, u128::MAX)
    }

    fn contains_v4(&self, address: u32) -> bool {
        let top = (address >> 16) as usize;
        let (Some(from), Some(to)) = (self.index.get(top), self.index.get(top + 1)) else {
            let at = self.v4.starts.partition_point(|start| *start <= address);
            return self.v4.covers(at, address);
        };
        let (from, to) = (*from as usize, *to as usize);
        let bucket = self.v4.starts.get(from..to).unwrap_or_default();
        self.v4.covers(from + bucket.partition_point(|start| *start <= address), address)
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ranges").field("networks", &self.networks).finish_non_exhaustive()
    }
}

impl<T: Copy + Ord + Step> Sorted<T> {
    fn merge(mut ranges: Vec<(T, T)>) -> Self {
        ranges.sort_unstable();
        let mut starts: Vec<T> = Vec::with_capacity(ranges.len());
        let mut ends: Vec<T> = Vec::with_capacity(ranges.len());
        for (start, end) in ranges {
            match ends.last_mut() {
                Some(last) if last.step().is_none_or(|next| start <= next) => {
                    *last = end.max(*last);
                }
                _ => {
                    starts.push(start);
                    ends.push(end);
                }
            }
        }
        Self { starts: starts.into(), ends: ends.into() }
    }

    /// Whether it is this one range.
    fn is(&self, start: T, end: T) -> bool {
        *self.starts == [start] && *self.ends == [end]
    }

    /// Whether the last range that starts at or before `address`, the one before `after`, reaches it.
    fn covers(&self, after: usize, address: T) -> bool {
        after.checked_sub(1).and_then(|at| self.ends.get(at)).is_some_and(|end| address <= *end)
    }
}

/// The next number, or none after the last.
trait Step: Sized {
    fn step(&self) -> Option<Self>;
}

impl Step for u32 {
    fn step(&self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Step for u128 {
    fn step(&self) -> Option<Self> {
        self.checked_add(1)
    }
}

fn index(starts: &[u32]) -> Box<[u32]> {
    let mut index = Vec::with_capacity((1 << 16) + 1);
    let mut below = 0_u32;
    let mut rest = starts.iter().peekable();
    for top in 0..=u32::from(u16::MAX) {
        while rest.next_if(|start| **start < top << 16).is_some() {
            below += 1;
        }
        index.push(below);
    }
    index.push(below + rest.count() as u32);
    index.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn overlapping_and_adjacent_networks_become_one_range() {
        let ranges = Ranges::new(&networks(&["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"]));
        assert_eq!(ranges.v4.starts.len(), 1);
        assert_eq!(ranges.networks(), 3);
        assert!(ranges.contains("10.255.255.255".parse().unwrap()));
        assert!(!ranges.contains("11.0.0.0".parse().unwrap()));
        assert!(!ranges.contains("9.255.255.255".parse().unwrap()));
    }

    #[test]
    fn the_last_address_of_each_family_can_be_covered() {
        let ranges = Ranges::new(&networks(&["0.0.0.0/0", "255.255.255.255/32", "ffff::/16"]));
        for address in ["0.0.0.0", "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"] {
            assert!(ranges.contains(address.parse().unwrap()), "{address}");
        }
        assert!(!ranges.contains("::1".parse().unwrap()));
    }

    #[test]
    fn an_empty_set_contains_nothing() {
        let ranges = Ranges::new(&[]);
        assert!(!ranges.contains("0.0.0.0".parse().unwrap()));
        assert!(!ranges.contains("::".parse().unwrap()));
    }

    fn v4_networks(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<IpNet>> {
        proptest::collection::vec((any::<u32>(), 4_u8..=32), count).prop_map(|list| {
            list.into_iter()
                .map(|(address, prefix)| IpNet::new(IpAddr::V4(address.into()), prefix).unwrap())
                .collect()
        })
    }

    fn v6_networks() -> impl Strategy<Value = Vec<IpNet>> {
        // Few distinct top bits, so that networks overlap and addresses hit.
        proptest::collection::vec((0_u128..64, 2_u8..=128), 0..40).prop_map(|list| {
            list.into_iter()
                .map(|(bits, prefix)| {
                    IpNet::new(IpAddr::V6((bits << 122 | bits).into()), prefix).unwrap()
                })
                .collect()
        })
    }

    fn naive(networks: &[IpNet], address: IpAddr) -> bool {
        networks.iter().any(|network| network.contains(&address))
    }

    /// Every edge of every network, and its neighbours: where an off-by-one would show.
    fn edges(networks: &[IpNet]) -> Vec<IpAddr> {
        networks
            .iter()
            .flat_map(|network| match network {
                IpNet::V4(net) => {
                    let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
                    [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
                        .map(|bits| IpAddr::V4(bits.into()))
                }
                IpNet::V6(net) => {
                    let (first, last) = (u128::from(net.network()), u128::from(net.broadcast()));
                    [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
                        .map(|bits| IpAddr::V6(bits.into()))
                }
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_look_up_agrees_with_a_linear_scan(
            v4 in v4_networks(0..40), v6 in v6_networks(), a in any::<u32>(), b in any::<u128>(),
        ) {
            let all: Vec<IpNet> = v4.into_iter().chain(v6).collect();
            let ranges = Ranges::new(&all);
            let random = [IpAddr::V4(a.into()), IpAddr::V6(b.into())];
            for address in edges(&all).into_iter().chain(random) {
                prop_assert_eq!(ranges.contains(address), naive(&all, address), "{}", address);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn the_index_of_a_long_list_agrees_with_a_linear_scan(list in v4_networks(1500..2000)) {
            let long: Vec<IpNet> =
                list.into_iter().filter(|network| network.prefix_len() >= 14).collect();
            let ranges = Ranges::new(&long);
            prop_assert!(!ranges.index.is_empty());
            for address in edges(&long) {
                prop_assert_eq!(ranges.contains(address), naive(&long, address), "{}", address);
            }
        }
    }
}
