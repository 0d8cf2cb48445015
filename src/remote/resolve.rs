//! From a name to the addresses that may be connected to.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use super::address::Reach;
use super::error::Refused;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What the operator said about names, and the system's resolver for all others.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    given: Arc<HashMap<String, Vec<IpAddr>>>,
}

impl Hosts {
    pub(super) fn new(given: HashMap<String, Vec<IpAddr>>) -> Self {
        Self { given: Arc::new(given) }
    }

    /// All addresses of a host, which may be one itself.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, io::Error> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        if let Some(given) = self.given.get(&key(host)) {
            return Ok(given.clone());
        }
        let name = host.parse::<Name>().map_err(io::Error::other)?;
        let found = GaiResolver::new().call(name).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Names are told apart without case and final dot.
pub(super) fn key(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Resolves names to what is within reach.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    pub(super) hosts: Hosts,
    pub(super) reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { hosts, reach } = self.clone();
        Box::pin(async move {
            let found = hosts.addresses(name.as_str()).await.map_err(Unresolved)?;
            let mut refused = None;
            let mut within = Vec::with_capacity(found.len());
            for address in found {
                match reach.admit(address) {
                    Ok(()) => within.push(SocketAddr::new(address, 0)),
                    Err(kind) => refused = Some(Refused { address, kind }),
                }
            }
            match refused {
                Some(refused) if within.is_empty() => Err(refused.into()),
                _ if within.is_empty() => Err(Unresolved(io::ErrorKind::NotFound.into()).into()),
                _ => Ok(within.into_iter()),
            }
        })
    }
}

/// A name without an address.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unresolved(#[source] pub(super) io::Error);
