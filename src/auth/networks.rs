//! The networks that a credential may be used from.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::{
    error::Mistakes,
    rejection::{Reason, Rejection},
};

/// The refusal where the client's address has to be known and is not.
#[cold]
pub(super) fn unknown_address() -> Rejection {
    Rejection::new(Reason::AddressUnknown)
        .expected("the client's address, for a credential that is bound to networks")
        .found(
            "none: serve with `into_make_service_with_connect_info::<SocketAddr>()`, insert \
             `PeerAddr` into the request's extensions, or set `peer` to where it is",
        )
}

/// A short list of networks; an empty one restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Networks(Box<[IpNet]>);

impl Networks {
    /// Reads CIDRs and single addresses, and reports those that are neither.
    pub(super) fn read(setter: &'static str, texts: &[String], mistakes: &mut Mistakes) -> Self {
        let mut networks = Vec::with_capacity(texts.len());
        for text in texts {
            match parse(text) {
                Ok(network) => networks.push(network),
                Err(problem) => {
                    let remedy =
                        "write a CIDR like `192.0.2.0/24` or `2001:db8::/32`, or one address";
                    mistakes.push(setter, text, problem, remedy);
                }
            }
        }
        Self(networks.into_boxed_slice())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the list restricts nothing, or has the address.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.contains(&address))
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|network| match network.prefix_len() == network.max_prefix_len() {
            true => network.addr().to_string(),
            false => network.to_string(),
        })
    }
}

fn parse(text: &str) -> Result<IpNet, &'static str> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text.parse().map_err(|_| "is not a network")?;
    if network.addr() != network.network() {
        return Err("has bits set behind its prefix, so it may mean one address or a network");
    }
    Ok(fold(network))
}

/// An IPv4 network written as one of IPv6 is that of IPv4, as a client's address is.
fn fold(network: IpNet) -> IpNet {
    if let IpNet::V6(net) = network
        && let Some(prefix) = net.prefix_len().checked_sub(96)
        && let Some(address) = net.network().to_ipv4_mapped()
        && let Ok(folded) = Ipv4Net::new(address, prefix)
    {
        return IpNet::V4(folded);
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> (Networks, Mistakes) {
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let mut mistakes = Mistakes::default();
        (Networks::read("address", &texts, &mut mistakes), mistakes)
    }

    #[test]
    fn a_list_admits_what_it_names_and_an_empty_one_everybody() {
        let (list, mistakes) = read(&["192.0.2.0/24", "2001:db8::/32", "::ffff:198.51.100.0/120"]);
        assert!(mistakes.is_empty());
        let admits = |text: &str| list.admits(text.parse().unwrap());
        assert!(admits("192.0.2.255") && admits("2001:db8::7") && admits("198.51.100.9"));
        assert!(admits("::ffff:192.0.2.1"));
        assert!(!admits("192.0.3.0") && !admits("2001:db9::") && !admits("::1"));
        assert!(read(&[]).0.admits("203.0.113.9".parse().unwrap()));
        assert_eq!(
            list.texts().collect::<Vec<_>>(),
            ["192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24"]
        );
        assert_eq!(read(&["192.0.2.7/32"]).0.texts().collect::<Vec<_>>(), ["192.0.2.7"]);
    }

    #[test]
    fn what_is_no_network_or_could_mean_two_is_a_mistake() {
        let bad = ["", "office", "192.0.2.0/33", "192.0.2.1/24", "192.0.2.1:80"];
        let (_, mistakes) = read(&bad);
        assert_eq!(mistakes.finish().unwrap_err().mistakes().len(), bad.len());
    }
}
