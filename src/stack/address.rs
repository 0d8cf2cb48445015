//! Setters of the address concern.

use crate::{
    address::{Mesh, Networks, TrustedProxies},
    guard::IntoGuard,
};

use super::ParapetBuilder;

impl ParapetBuilder {
    /// The proxies whose word about the client is believed, as CIDRs or single addresses: the
    /// balancer, not the whole cluster. They speak through `X-Forwarded-For`; for RFC 7239
    /// `Forwarded` give [`TrustedProxies::builder`](crate::address::TrustedProxies::builder) to
    /// [`guard`](Self::guard).
    pub fn trusted_proxies<M>(self, proxies: impl Networks<M>) -> Self {
        self.part_by_client("trusted_proxies", TrustedProxies::builder().trust(proxies))
    }

    /// The peers that sidecars of a service mesh speak mutual TLS for, so that what they send came in
    /// private; see [`Mesh`].
    pub fn mesh<M>(self, peers: impl Networks<M>) -> Self {
        self.part_by_client("mesh", Mesh::builder().peers(peers))
    }

    /// Which addresses may call; see [`IpFilter`](crate::address::IpFilter).
    pub fn ip(self, filter: impl IntoGuard) -> Self {
        self.part_by_client("ip", filter)
    }
}
