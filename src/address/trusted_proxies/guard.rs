use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::address::{address_unknown, networks::Networks};
use crate::context::{Channel, ClientAddr, Provenance};
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase};
use crate::inspect::{Diagnosis, Findings, rule};
use crate::ranges::Ranges;
use crate::rejection::Rejection;
use crate::service::guard_layer;

use super::builder::{ProxyHeader, TrustedProxiesBuilder, X_FORWARDED_PROTO};
use super::forwarded::Elements;
use super::hop;
use super::said::Said;
use super::walk::{Hop, Walk};

/// Finds the client behind the proxies it trusts, and settles it for everything that follows.
///
/// Without a trusted proxy the client is the peer.
///
/// # Example
/// ```
/// use tower_parapet::address::{ProxyHeader, TrustedProxies};
///
/// let proxies = TrustedProxies::builder()
///     .trust("10.0.3.7")
///     .trust(["192.0.2.0/28", "2001:db8:1::/64"])
///     .header(ProxyHeader::Forwarded)
///     .build()?;
/// # let _ = proxies;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustedProxies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trusted: Ranges,
    header: ProxyHeader,
    scheme_header: HeaderName,
    max_hops: usize,
    wide: Option<IpNet>,
}

impl TrustedProxies {
    /// Starts from nothing: no trusted proxy, `X-Forwarded-For`, 32 hops.
    pub fn builder() -> TrustedProxiesBuilder {
        TrustedProxiesBuilder::default()
    }

    /// Trusts these proxies in `X-Forwarded-For`: CIDRs or single addresses.
    ///
    /// # Errors
    /// As for [`TrustedProxiesBuilder::build`].
    pub fn new<M>(proxies: impl Networks<M>) -> Result<Self, ConfigError> {
        Self::builder().trust(proxies).build()
    }

    /// Trusts no proxy: the client is the peer.
    pub fn none() -> Self {
        Self::of(&[], ProxyHeader::default(), X_FORWARDED_PROTO.clone(), 0)
    }

    pub(super) fn of(
        trusted: &[IpNet],
        header: ProxyHeader,
        scheme_header: HeaderName,
        max_hops: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            trusted: Ranges::new(trusted),
            header,
            scheme_header,
            max_hops,
            wide: trusted.iter().copied().find(is_wide),
        }))
    }

    #[cfg(test)]
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddr {
        let peer = peer.to_canonical();
        match self.0.trusted.contains(peer) {
            true => self.0.settle(peer, headers).0,
            false => ClientAddr::new(peer, Provenance::Peer),
        }
    }

    #[cfg(test)]
    pub(super) fn channel(&self, peer: IpAddr, headers: &HeaderMap) -> Channel {
        match self.0.trusted.contains(peer) {
            true => self.0.settle(peer, headers).1,
            false => Channel::Unsettled,
        }
    }
}

impl Inner {
    /// The client behind a peer that is trusted, and what its word says about the way the request
    /// came.
    fn settle(&self, peer: IpAddr, headers: &HeaderMap) -> (ClientAddr, Channel) {
        let lines = headers.get_all(self.header.name()).iter().rev().map(HeaderValue::as_bytes);
        let walk = match self.header {
            ProxyHeader::XForwardedFor => {
                let mut walk = self.walk(peer, lines.flat_map(entries).map(Hop::bare));
                walk.said = Said::in_header(&self.scheme_header, headers);
                walk
            }
            ProxyHeader::Forwarded => self.walk(peer, lines.flat_map(Elements::new)),
        };
        (walk.client, walk.channel(peer))
    }

    #[cold]
    fn diagnose_other_header(&self, peer: IpAddr, exchange: &Exchange) {
        let (believed, other) = (self.header.name(), self.header.other().name());
        let headers = exchange.headers();
        if !headers.contains_key(believed) && headers.contains_key(other) {
            exchange.diagnose(Diagnosis::OtherForwardingHeader, |_| {
                format!("the trusted proxy {peer} sent {other}, and only {believed} is believed")
            });
        }
    }

    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Hop>) -> Walk {
        let hops = hops.take(self.max_hops);
        Walk::along(peer, hops, self.header.provenance(), |address| self.trusted.contains(address))
    }
}

/// The entries of one `X-Forwarded-For` line from the last to the first.
///
/// An empty one is a hop that tells no address, like any other: left out, it would hand the word to
/// whoever wrote what stands before it.
fn entries(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    line.rsplit(|byte| *byte == b',').map(|entry| hop::entry(entry.trim_ascii()))
}

/// Whether a network holds more machines than a set of proxies needs.
fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(net) => net.prefix_len() < 16,
        IpNet::V6(net) => net.prefix_len() < 48,
    }
}

impl Guard for TrustedProxies {
    fn name(&self) -> &'static str {
        "trusted-proxies"
    }

    fn phase(&self) -> Phase {
        Phase::Address
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let Some(peer) = exchange.peer() else {
            exchange.diagnose_no_peer();
            return Err(address_unknown());
        };
        let peer = peer.ip().to_canonical();
        if !self.0.trusted.contains(peer) {
            exchange.diagnose_untrusted(peer, &[self.0.header.name().clone()]);
            exchange.set_client(ClientAddr::new(peer, Provenance::Peer));
            return Ok(Flow::Continue);
        }
        let (client, channel) = self.0.settle(peer, exchange.headers());
        if client.provenance() == Provenance::Peer {
            self.0.diagnose_other_header(peer, exchange);
        }
        exchange.set_client(client);
        exchange.context.channel = channel;
        exchange.context.is_proxied = true;
        exchange.context.is_client_proxy = self.0.trusted.contains(client.ip());
        exchange.trust_request_id();
        Ok(Flow::Continue)
    }

    fn needs(&self) -> Needs {
        Needs::PEER
    }

    fn summary(&self) -> Cow<'static, str> {
        match self.0.trusted.networks() {
            0 => Cow::Borrowed("the client is the peer, no proxy is trusted"),
            networks => Cow::Owned(format!(
                "the client is told by {} behind {networks} trusted network{}",
                self.0.header.name(),
                if networks == 1 { "" } else { "s" },
            )),
        }
    }

    fn findings(&self, report: &mut Findings) {
        report.mark("proxies", 0);
        if let Some(network) = self.0.wide {
            report.add(
                &rule::WIDE_PROXIES,
                self.name(),
                format!("the whole of {network} is trusted, and whoever sits there can claim any address"),
            );
        }
    }
}

impl IntoGuard for TrustedProxiesBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(TrustedProxies);
