//! Addresses that may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// How far a connection may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine only: what is sent in the clear.
    Loopback,
    /// Anywhere but where nothing of the operator's can be.
    Private,
    /// Only where everyone can go.
    Public,
}

impl Reach {
    /// Whether the address may be connected to.
    ///
    /// # Errors
    /// What kind of address it is, where it may not.
    pub(super) fn admit(self, address: IpAddr) -> Result<(), &'static str> {
        let address = inner(address);
        if let Some(kind) = forbidden(address) {
            return Err(kind);
        }
        match self {
            Self::Private => Ok(()),
            Self::Loopback if address.is_loopback() => Ok(()),
            Self::Loopback => Err("not of this machine, and plain http goes nowhere else"),
            Self::Public if is_private(address) => {
                Err("private, and named by a document of a host that is not")
            }
            Self::Public => Ok(()),
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 3], last: u16, prefix: u8) -> Ipv6Net {
    let [a, b, c] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, last), prefix)
}

/// Where a cloud gives its machines credentials, beside the link-local 169.254.169.254.
const METADATA_V4: [Ipv4Net; 3] = [
    // Alibaba Cloud.
    v4(100, 100, 100, 200, 32),
    // Oracle Cloud, first generation.
    v4(192, 0, 0, 192, 32),
    // Azure's platform.
    v4(168, 63, 129, 16, 32),
];

const METADATA_V6: [Ipv6Net; 3] = [
    // Amazon: metadata, pod identity, time and names.
    v6([0xfd00, 0xec2, 0], 0, 32),
    // Google Cloud.
    v6([0xfd20, 0xce, 0], 0x254, 128),
    // Scaleway.
    v6([0xfd00, 0x42, 0], 0x42, 128),
];

/// Not reachable from everywhere (the registries of RFC 6890), so that a stranger has no business
/// to send us there.
const PRIVATE_V4: [Ipv4Net; 11] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
];

/// What is allocated for the world, 2000::/3, less what is not meant for it.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0], 0, 3);
const NOT_GLOBAL_V6: [Ipv6Net; 3] =
    [v6([0x2001, 0, 0], 0, 23), v6([0x2001, 0xdb8, 0], 0, 32), v6([0x3fff, 0, 0], 0, 20)];

/// Never anybody's server.
fn forbidden(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [169, 254, 169 | 170, _] => Some("a metadata address"),
            [169, 254, ..] => Some("link-local"),
            [0, ..] => Some("unspecified"),
            [224..=239, ..] => Some("multicast"),
            [240..=255, ..] => Some("broadcast or reserved"),
            _ if METADATA_V4.iter().any(|net| net.contains(&v4)) => Some("a metadata address"),
            _ => None,
        },
        IpAddr::V6(v6) if v6.is_unspecified() => Some("unspecified"),
        IpAddr::V6(v6) if v6.is_multicast() => Some("multicast"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("link-local"),
        IpAddr::V6(v6) if METADATA_V6.iter().any(|net| net.contains(&v6)) => {
            Some("a metadata address")
        }
        IpAddr::V6(_) => None,
    }
}

/// Whether an address is one of a network of somebody's own.
pub(super) fn is_private(address: IpAddr) -> bool {
    match inner(address) {
        IpAddr::V4(v4) => PRIVATE_V4.iter().any(|net| net.contains(&v4)),
        IpAddr::V6(v6) => {
            !GLOBAL_V6.contains(&v6) || NOT_GLOBAL_V6.iter().any(|net| net.contains(&v6))
        }
    }
}

/// The IPv4 address that one of IPv6 leads to: mapped, compatible, by NAT64 (RFC 6052, RFC 8215)
/// or 6to4.
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let embedded = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] => embedded(g, h),
        // `::` and `::1` are addresses of their own.
        [0, 0, 0, 0, 0, 0] if g != 0 => embedded(g, h),
        [0x64, 0xff9b, 0, 0, 0, 0] | [0x64, 0xff9b, 1, ..] => embedded(g, h),
        [0x2002, high, low, ..] => embedded(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(reach: Reach, addresses: &str) -> Vec<bool> {
        let admit = |text: &str| reach.admit(text.parse().unwrap()).is_ok();
        addresses.split_whitespace().map(admit).collect()
    }

    #[test]
    fn link_local_metadata_unspecified_multicast_and_broadcast_are_never_connected_to() {
        let addresses = "169.254.169.254 169.254.170.2 169.254.0.1 100.100.100.200 192.0.0.192 \
            168.63.129.16 0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 \
            :: fe80::1 febf::1 ff02::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42";
        for reach in [Reach::Loopback, Reach::Private, Reach::Public] {
            assert!(all(reach, addresses).iter().all(|admitted| !admitted), "{reach:?}");
        }
    }

    #[test]
    fn an_ipv4_address_within_an_ipv6_one_is_judged_as_itself() {
        let wrapped = "::ffff:169.254.169.254 ::169.254.169.254 64:ff9b::169.254.169.254 \
            64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe::1 ::ffff:0:169.254.169.254";
        assert!(all(Reach::Private, wrapped).iter().all(|admitted| !admitted));
        let private = "::ffff:10.0.0.1 64:ff9b::10.0.0.1 2002:a00:1::1";
        assert!(all(Reach::Private, private).iter().all(|admitted| *admitted));
        assert!(all(Reach::Public, private).iter().all(|admitted| !admitted));
        assert_eq!(all(Reach::Public, "64:ff9b::8.8.8.8 ::ffff:8.8.8.8"), [true, true]);
    }

    #[test]
    fn a_private_address_is_for_hosts_of_the_operator_only() {
        let private = "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 127.0.0.1 100.64.0.1 \
            198.18.0.1 ::1 fc00::1 fd12:3456::1 fec0::1 100::1 2001:db8::1";
        assert!(all(Reach::Private, private).iter().all(|admitted| *admitted));
        assert!(all(Reach::Public, private).iter().all(|admitted| !admitted));
        let public = "8.8.8.8 172.32.0.1 172.15.0.1 100.128.0.1 2606:4700::1111 2a00:1450::1";
        assert!(all(Reach::Public, public).iter().all(|admitted| *admitted));
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        assert_eq!(all(Reach::Loopback, "127.0.0.1 127.8.9.1 ::1 ::ffff:127.0.0.1"), [true; 4]);
        assert_eq!(all(Reach::Loopback, "10.0.0.1 8.8.8.8 fd12::1 ::2"), [false; 4]);
    }
}
