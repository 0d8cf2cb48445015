use ipnet::IpNet;

use crate::address::networks::{self, Networks, Source};
use crate::cidr;
use crate::error::{ConfigError, Mistakes};
use crate::ranges::Ranges;

use super::Mesh;

/// Builds [`Mesh`]; see [`Mesh::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct MeshBuilder {
    sources: Vec<Source>,
}

impl MeshBuilder {
    /// Vouches for these peers: CIDRs or single addresses. Default none.
    pub fn peers<M>(mut self, peers: impl Networks<M>) -> Self {
        Source::texts("peers", peers, &mut self.sources);
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// For every text that is no network, every network so wide that it holds strangers, and where
    /// no peer is named.
    pub fn build(self) -> Result<Mesh, ConfigError> {
        let mut mistakes = Mistakes::default();
        if self.sources.is_empty() {
            let remedy = "name the peers that sidecars speak for, or leave the mesh out";
            mistakes.push("peers", "", "names nobody", remedy);
        }
        let peers: Vec<IpNet> = networks::read(&self.sources, &mut mistakes);
        for network in peers.iter().filter(|network| cidr::is_too_wide(network)) {
            mistakes.push(
                "peers",
                network.to_string(),
                "holds strangers, who speak no mutual TLS with a sidecar of yours",
                "name the networks of your own mesh",
            );
        }
        mistakes.finish()?;
        Ok(Mesh::over(Ranges::new(&peers)))
    }
}
