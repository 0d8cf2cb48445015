//! A network as people write it: a CIDR or a single address.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Why a text is no network, and what to write instead.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) problem: &'static str,
    pub(crate) remedy: String,
}

/// Reads a CIDR or a single address; v4-mapped ones are folded to IPv4.
pub(crate) fn parse(text: &str) -> Result<IpNet, Fault> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text.parse().map_err(|_| Fault {
        problem: "is not a network",
        remedy: "write a CIDR like `10.0.0.0/8` or `2001:db8::/32`, or one address".into(),
    })?;
    if network.addr() != network.network() {
        return Err(Fault {
            problem: "has bits set behind its prefix, so it may mean one address or a network",
            remedy: format!("write `{}` or `{}`", network.trunc(), network.addr()),
        });
    }
    Ok(fold(network))
}

/// Whether a network is larger than anything one operator has: wider than /8 for IPv4 and than /16
/// for IPv6, where it is not one of the local ranges (fc00::/7, fe80::/10).
pub(crate) fn is_too_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(net) => net.prefix_len() < 8,
        IpNet::V6(net) => {
            let first = net.network();
            let is_local = first.is_unique_local() && net.prefix_len() >= 7
                || first.is_unicast_link_local() && net.prefix_len() >= 10;
            net.prefix_len() < 16 && !is_local
        }
    }
}

fn fold(network: IpNet) -> IpNet {
    if let IpNet::V6(net) = network
        && let Some(prefix) = net.prefix_len().checked_sub(96)
        && let Some(v4) = net.network().to_ipv4_mapped()
        && let Ok(folded) = Ipv4Net::new(v4, prefix)
    {
        return IpNet::V4(folded);
    }
    network
}
