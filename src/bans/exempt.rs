//! Networks that are never banned, and why.

use std::net::IpAddr;

use crate::error::Mistakes;

use super::Network;

/// A network of more machines than one office or one monitoring service has.
pub(super) fn is_wide(network: &Network) -> bool {
    network.prefix() < if network.address().is_ipv4() { 16 } else { 32 }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exemption {
    pub(super) network: Network,
    pub(super) reason: Box<str>,
}

/// A short list; the machine itself is always on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Exempt(Vec<Exemption>);

impl Exempt {
    /// Reads what the setter was given, and reports what is no network or has no reason.
    pub(super) fn read(given: &[(String, String)], mistakes: &mut Mistakes) -> Self {
        let mut list = Vec::with_capacity(given.len());
        for (text, reason) in given {
            if reason.trim().is_empty() {
                let remedy = "say whose network it is, `the office` say: the manifest shows it";
                mistakes.push("exempt", text, "has no reason", remedy);
            }
            match text.trim().parse() {
                Ok(network) => {
                    list.push(Exemption { network, reason: reason.trim().into() });
                }
                Err(_) => {
                    let remedy =
                        "write a CIDR like `192.0.2.0/24` or `2001:db8::/48`, or one address";
                    mistakes.push("exempt", text, "is not a network", remedy);
                }
            }
        }
        Self(list)
    }

    /// Why an address is never banned.
    pub(super) fn reason(&self, address: IpAddr) -> Option<&str> {
        if address.to_canonical().is_loopback() {
            return Some("this machine");
        }
        let own = self.0.iter().find(|exemption| exemption.network.contains(address));
        own.map(|exemption| &*exemption.reason)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Exemption> {
        self.0.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
