use std::borrow::Cow;
use std::sync::Arc;

use crate::address::networks::Networks;
use crate::context::{Channel, Plain, Secure};
use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase};
use crate::ranges::Ranges;
use crate::rejection::Rejection;
use crate::service::guard_layer;

use super::MeshBuilder;

/// Vouches for peers of a service mesh: what they send came over mutual TLS, which a sidecar took
/// off, so it came [in private](crate::context::Secure).
///
/// A sidecar says `X-Forwarded-Proto: http` about a call between two services, since that is how its
/// own service called it. For a peer of the mesh this is overruled, so long as the client is the
/// peer itself or in the mesh too. A gateway of the mesh that forwards for clients outside of it is
/// a proxy like any other: name it among the trusted proxies, and what it says counts.
///
/// # Example
/// ```
/// use tower_parapet::address::Mesh;
///
/// // Istio: the sidecar calls the service from 127.0.0.6.
/// let mesh = Mesh::of(["127.0.0.6", "10.128.0.0/14"])?;
/// # let _ = mesh;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mesh(Arc<Ranges>);

impl Mesh {
    /// Vouches for these peers: CIDRs or single addresses.
    ///
    /// # Errors
    /// As for [`MeshBuilder::build`].
    pub fn of<M>(peers: impl Networks<M>) -> Result<Self, ConfigError> {
        Self::builder().peers(peers).build()
    }

    /// Starts from nobody.
    pub fn builder() -> MeshBuilder {
        MeshBuilder::default()
    }

    pub(super) fn over(peers: Ranges) -> Self {
        Self(Arc::new(peers))
    }
}

impl Guard for Mesh {
    fn name(&self) -> &'static str {
        "mesh"
    }

    fn phase(&self) -> Phase {
        Phase::Address
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let Some(peer) = exchange.peer() else { return Ok(Flow::Continue) };
        let is_member = |ip| self.0.contains(ip);
        if !is_member(peer.ip().to_canonical()) || exchange.channel().is_ok() {
            return Ok(Flow::Continue);
        }
        let is_unclear = exchange.context.channel == Channel::Plain(Plain::Unclear);
        let is_inside = exchange
            .client()
            .is_some_and(|client| is_member(client.ip()) || client.ip().is_loopback());
        if is_inside && !is_unclear {
            exchange.set_secure(Secure::Mesh);
        }
        Ok(Flow::Continue)
    }

    fn needs(&self) -> Needs {
        Needs::PEER.and(Needs::CLIENT)
    }

    fn summary(&self) -> Cow<'static, str> {
        let networks = self.0.networks();
        let plural = if networks == 1 { "" } else { "s" };
        Cow::Owned(format!("peers of {networks} network{plural} speak mutual TLS"))
    }
}

impl IntoGuard for MeshBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Mesh);
