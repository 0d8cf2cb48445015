//! Who is banned: a network, or a caller who was proven to be somebody.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Bytes of an issuer's or a subject's name that are kept.
const LONGEST_NAME: usize = 256;

/// A network of clients: an address and how many of its bits count. IPv4 addresses mapped into IPv6 are
/// IPv4 addresses, and the bits behind the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of an address; a prefix beyond the address's bits is all of them.
    pub fn of(address: IpAddr, prefix: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                let address = Ipv4Addr::from_bits(v4.to_bits() & mask).into();
                Self { address, prefix }
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                let address = Ipv6Addr::from_bits(v6.to_bits() & mask).into();
                Self { address, prefix }
            }
        }
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits of the address count.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether an address is of it.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::of(address, self.prefix) == *self
    }

    /// The wider network around it.
    pub(super) fn widened(self, prefix: u8) -> Self {
        Self::of(self.address, prefix.min(self.prefix))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.prefix) {
            (IpAddr::V4(v4), 32) => v4.fmt(f),
            (IpAddr::V6(v6), 128) => v6.fmt(f),
            (address, prefix) => write!(f, "{address}/{prefix}"),
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is neither an address nor a CIDR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a network; write a CIDR like `192.0.2.0/24` or `2001:db8::/64`, or one address")]
#[non_exhaustive]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    /// Reads an address, `192.0.2.7`, or a CIDR without bits behind its prefix, `2001:db8::/64`.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let folded = written.to_canonical();
        let bits = if folded.is_ipv4() { 32 } else { 128 };
        let Some(prefix) = prefix else { return Ok(Self::of(folded, bits)) };
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|_| is_number).ok_or(InvalidNetwork)?;
        // A mapped one is written with the bits of an IPv6 prefix.
        let is_mapped = folded.is_ipv4() && written.is_ipv6();
        let prefix = if is_mapped { prefix.checked_sub(96).ok_or(InvalidNetwork)? } else { prefix };
        let network = Self::of(folded, prefix);
        if prefix > bits || network.address != folded { Err(InvalidNetwork) } else { Ok(network) }
    }
}

/// Who is banned.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Offender {
    /// A network of clients.
    Network(Network),
    /// What browsers of a network send because a page of another site made them, by their own word
    /// (`Sec-Fetch-Site`): whoever visits such a page is not shut out for what it does.
    CrossSite(Network),
    /// A caller: an issuer and a subject, which only together are an identity.
    #[non_exhaustive]
    Principal {
        /// Who vouches for the subject.
        issuer: Box<str>,
        /// The caller's name within the issuer.
        subject: Box<str>,
    },
}

impl Offender {
    /// A caller by issuer and subject. A name of more than 256 bytes is cut, and ends with a hash.
    pub fn principal(issuer: &str, subject: &str) -> Self {
        Self::Principal {
            issuer: kept(issuer).as_ref().into(),
            subject: kept(subject).as_ref().into(),
        }
    }

    /// Whether two names are one caller's, as far as they are kept.
    pub(super) fn is_principal(&self, issuer: &str, subject: &str) -> bool {
        matches!(self, Self::Principal { issuer: own, subject: name }
            if **own == *kept(issuer) && **name == *kept(subject))
    }
}

impl From<Network> for Offender {
    fn from(network: Network) -> Self {
        Self::Network(network)
    }
}

impl From<IpAddr> for Offender {
    /// One address.
    fn from(address: IpAddr) -> Self {
        Self::Network(Network::of(address, 128))
    }
}

impl fmt::Display for Offender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::CrossSite(network) => write!(f, "other sites' pages at {network}"),
            Self::Principal { issuer, subject } => write!(f, "{subject} of {issuer}"),
        }
    }
}

/// A name as it is kept: one that is too long is cut, and told from others by a hash.
pub(super) fn kept(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST_NAME {
        return Cow::Borrowed(name);
    }
    let hash = Sha256::digest(name.as_bytes());
    let hash = hash.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    let room = LONGEST_NAME - MARK;
    let end = (0..=room).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
    let begin = name.split_at_checked(end).map_or("", |(begin, _)| begin);
    Cow::Owned(format!("{begin}…{hash:016x}"))
}

/// Bytes of the ellipsis and the hash.
const MARK: usize = 3 + 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_is_read_as_it_is_written() {
        for text in ["192.0.2.7", "192.0.2.0/24", "2001:db8::/64", "2001:db8::1", "0.0.0.0/0"] {
            assert_eq!(network(text).to_string(), text);
        }
        assert_eq!(network("::ffff:192.0.2.7").to_string(), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.0/120").to_string(), "192.0.2.0/24");
        for bad in
            ["", "192.0.2.7/24", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "x", "10.0.0.0/+8"]
        {
            assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork), "{bad}");
        }
    }

    #[test]
    fn two_addresses_of_one_customer_are_one_network() {
        let of = |text: &str| Network::of(text.parse().unwrap(), 64);
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert!(network("2001:db8::/48").contains("2001:db8::7".parse().unwrap()));
        assert!(!network("192.0.2.0/24").contains("2001:db8::7".parse().unwrap()));
        assert_eq!(of("2001:db8:0:1::").widened(48), network("2001:db8::/48"));
    }

    #[test]
    fn long_names_are_cut_between_letters_and_stay_apart() {
        let long = "é".repeat(200);
        let cut = kept(&long);
        assert!(cut.len() <= LONGEST_NAME && cut.starts_with("é"), "{cut}");
        assert_eq!(kept(&cut), cut, "a name that was cut is not cut again");
        let other = format!("{long}x");
        assert_ne!(Offender::principal("i", &long), Offender::principal("i", &other));
        assert!(Offender::principal("i", &long).is_principal("i", &cut));
    }
}
