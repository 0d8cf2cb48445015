//! The walk from the peer towards the client, and what it tells about the way the request came.

use std::net::IpAddr;

use crate::context::{Channel, ClientAddr, Plain, Provenance, Secure};

use super::said::Said;

/// One hop as a proxy wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    /// None for one that tells no address.
    pub(super) address: Option<IpAddr>,
    pub(super) said: Said,
}

impl Hop {
    pub(super) const UNREADABLE: Hop = Hop { address: None, said: Said::Unclear };

    /// A hop of a header that tells addresses only.
    pub(super) fn bare(address: Option<IpAddr>) -> Self {
        Self { address, said: Said::Nothing }
    }
}

/// Where a walk has come to.
pub(super) struct Walk {
    pub(super) client: ClientAddr,
    /// How the proxy that wrote the last hop says it was called.
    pub(super) said: Said,
    is_readable: bool,
}

impl Walk {
    pub(super) fn along(
        peer: IpAddr,
        hops: impl Iterator<Item = Hop>,
        provenance: Provenance,
        is_trusted: impl Fn(IpAddr) -> bool,
    ) -> Self {
        let client = ClientAddr::new(peer, Provenance::Peer);
        let mut walk = Self { client, said: Said::Nothing, is_readable: true };
        for hop in hops {
            walk.said = hop.said;
            // A hop without an address ends the walk where it stands; the module says why.
            let Some(address) = hop.address else {
                walk.is_readable = false;
                break;
            };
            walk.client = ClientAddr::new(address, provenance);
            if !is_trusted(address) {
                break;
            }
        }
        walk
    }

    /// What the word of a trusted peer makes of the request. What went on within this machine needs
    /// no word, so long as nothing says that the client is elsewhere.
    pub(super) fn channel(&self, peer: IpAddr) -> Channel {
        let is_told = self.said != Said::Nothing || self.client.provenance() != Provenance::Peer;
        let is_here = peer.is_loopback()
            && self.client.ip().is_loopback()
            && (self.client.provenance() != Provenance::Peer || !is_told);
        match self.said {
            Said::Https => Channel::Secure(Secure::Proxy),
            _ if !self.is_readable => Channel::Plain(Plain::Unclear),
            _ if is_here => Channel::Secure(Secure::Loopback),
            Said::Http => Channel::Plain(Plain::Http),
            Said::Unclear => Channel::Plain(Plain::Unclear),
            Said::Nothing => Channel::Plain(Plain::Silent),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::super::{ProxyHeader, TrustedProxies};
    use super::*;

    const PROXY: &str = "10.0.3.7";

    fn proxies(header: ProxyHeader) -> TrustedProxies {
        TrustedProxies::builder().trust([PROXY, "192.0.2.1"]).header(header).build().unwrap()
    }

    fn channel(header: ProxyHeader, peer: &str, lines: &[(&'static str, &[u8])]) -> Channel {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        proxies(header).channel(peer.parse().unwrap(), &headers)
    }

    /// What a client may write itself.
    fn front() -> impl Strategy<Value = Vec<u8>> {
        let wild = proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..], 0..60);
        let likely = "(for=|proto=|https?|127\\.0\\.0\\.1|[;,\" \\\\=]){0,10}";
        prop_oneof![wild, likely.prop_map(String::into_bytes)]
    }

    proptest! {
        #[test]
        fn whatever_a_client_prepends_it_never_came_by_https(
            front in front(), same_line in any::<bool>(),
        ) {
            let own: &[u8] = b"for=203.0.113.9;proto=http, for=192.0.2.1;proto=https";
            let joined = [&front, b", ".as_slice(), own].concat();
            let lines = if same_line {
                vec![("forwarded", joined.as_slice())]
            } else {
                vec![("forwarded", front.as_slice()), ("forwarded", own)]
            };
            let found = channel(ProxyHeader::Forwarded, PROXY, &lines);
            prop_assert_eq!(found, Channel::Plain(Plain::Http));
        }

        #[test]
        fn a_second_scheme_before_or_after_the_proxys_own_makes_it_unclear(
            front in front(), first in any::<bool>(),
        ) {
            let (one, other): (&[u8], &[u8]) =
                if first { (&front, b"https") } else { (b"https", &front) };
            let lines = [("x-forwarded-proto", one), ("x-forwarded-proto", other)];
            let found = channel(ProxyHeader::XForwardedFor, PROXY, &lines);
            prop_assert_eq!(found, Channel::Plain(Plain::Unclear));
        }

        #[test]
        fn whatever_a_peer_says_that_is_not_trusted_settles_nothing(line in front()) {
            for name in ["x-forwarded-for", "x-forwarded-proto", "forwarded"] {
                for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                    let found = channel(header, "203.0.113.9", &[(name, &line)]);
                    prop_assert_eq!(found, Channel::Unsettled);
                }
            }
        }
    }
}
