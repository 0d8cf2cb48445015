use std::fmt;
use std::sync::Arc;

use ::redis::{Value, cmd};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::inspect::{Findings, Readiness, rule};

use super::builder::RedisBuilder;
use super::cluster::Cluster;
use super::error::RedisError;
use super::node::{Heard, Node, Way};
use super::script::{Arg, Script};
use super::settings::{Host, Settings};

/// A Redis or Valkey server, or a cluster of them. See the [module](super) for behaviour and
/// defaults.
///
/// Clones share one connection to each server.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    servers: Servers,
    in_flight: Semaphore,
    max_in_flight: usize,
    prefix: String,
    is_exposed: bool,
}

enum Servers {
    One(Arc<Node>),
    Many(Arc<Cluster>),
}

pub(super) struct Parts {
    pub(super) settings: Arc<Settings>,
    pub(super) hosts: Vec<Host>,
    pub(super) is_cluster: bool,
    pub(super) is_exposed: bool,
    pub(super) max_in_flight: usize,
    pub(super) prefix: String,
}

impl Redis {
    /// One server: `rediss://redis.internal:6379`, or `redis://127.0.0.1` on this machine, where
    /// TLS is not asked for. User, password and database may stand in the URL,
    /// `rediss://user:password@host/0`, percent-encoded.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Redis;
    ///
    /// let redis = Redis::builder("redis://127.0.0.1:6379").prefix("orders").build()?;
    /// assert_eq!(format!("{redis:?}"), r#"Redis("127.0.0.1:6379")"#);
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder(url: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(vec![Zeroizing::new(url.into())], false)
    }

    /// A cluster, by some of its nodes; the others are found.
    pub fn cluster<I>(nodes: I) -> RedisBuilder
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let urls = nodes.into_iter().map(|url| Zeroizing::new(url.into())).collect();
        RedisBuilder::new(urls, true)
    }

    pub(super) fn new(parts: Parts) -> Option<Self> {
        let servers = if parts.is_cluster {
            Servers::Many(Cluster::new(parts.hosts, parts.settings))
        } else {
            Servers::One(Node::new(parts.hosts.into_iter().next()?, parts.settings))
        };
        Some(Self(Arc::new(Inner {
            servers,
            in_flight: Semaphore::new(parts.max_in_flight.min(Semaphore::MAX_PERMITS)),
            max_in_flight: parts.max_in_flight,
            prefix: parts.prefix,
            is_exposed: parts.is_exposed,
        })))
    }

    /// Asks whether it is there: the one server, or all nodes of a cluster that have slots.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn ping(&self) -> Result<(), RedisError> {
        let ping = cmd("PING");
        let nodes = match &self.0.servers {
            Servers::One(node) => vec![node.clone()],
            Servers::Many(cluster) => {
                cluster.refresh().await?;
                cluster.owners()
            }
        };
        for node in nodes {
            node.send(&ping, Way::Plain).await?;
        }
        Ok(())
    }

    /// Runs a script on the server that has its keys, which all have one hash tag: see
    /// [`key`](Self::key).
    ///
    /// # Errors
    /// Why it could not be asked. It may have run all the same, unless nobody was there.
    pub(crate) async fn eval<K: AsRef<[u8]>>(
        &self,
        script: &Script,
        keys: &[K],
        args: &[Arg<'_>],
    ) -> Result<Value, RedisError> {
        let limit = self.0.max_in_flight;
        let Ok(_permit) = self.0.in_flight.try_acquire() else {
            return Err(RedisError::Busy { limit });
        };
        let call = script.call(keys, args);
        match &self.0.servers {
            Servers::One(node) => match node.eval(script, &call, Way::Plain).await? {
                Heard::Answer(value) => Ok(value),
                // A node of a cluster, asked as if it were alone.
                _ => Err(RedisError::malformed(node.server())),
            },
            Servers::Many(cluster) => {
                let key = keys.first().map(AsRef::as_ref).unwrap_or_default();
                cluster.eval(script, key, &call).await.map(|(_, value)| value)
            }
        }
    }

    /// The error of an answer that is not what a script gives.
    pub(crate) fn malformed(&self) -> RedisError {
        RedisError::malformed(&self.name().into())
    }

    /// `prefix:kind:{digest}:part`: keys of one digest are in one slot of a cluster. Nothing that
    /// a user wrote goes into it.
    pub(crate) fn key(&self, kind: &'static str, digest: &[u8; 16], part: &str) -> Vec<u8> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let prefix = self.0.prefix.as_bytes();
        let mut key = Vec::with_capacity(prefix.len() + kind.len() + part.len() + 37);
        key.extend_from_slice(prefix);
        key.push(b':');
        key.extend_from_slice(kind.as_bytes());
        key.extend_from_slice(b":{");
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        key.extend(digits.filter_map(|digit| DIGITS.get(usize::from(digit))));
        key.push(b'}');
        if !part.is_empty() {
            key.push(b':');
            key.extend_from_slice(part.as_bytes());
        }
        key
    }

    /// Host and port, of a cluster those that were named.
    pub(crate) fn name(&self) -> String {
        match &self.0.servers {
            Servers::One(node) => node.server().to_string(),
            Servers::Many(cluster) => {
                let seeds: Vec<_> = cluster.seeds().iter().map(Host::to_string).collect();
                format!("the cluster of {}", seeds.join(", "))
            }
        }
    }

    /// Whether the server that has a key is not asked for now.
    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), RedisError> {
        match &self.0.servers {
            Servers::One(node) => node.check(),
            Servers::Many(cluster) => cluster.check_key(key),
        }
    }

    /// Whether it failed, and is not asked for now; of a cluster, any node with slots.
    pub(crate) fn check(&self) -> Result<(), RedisError> {
        self.nodes().iter().try_for_each(|node| node.check())
    }

    pub(crate) fn ready(&self, part: &'static str, readiness: &mut Readiness) {
        if let Some(node) = self.nodes().iter().find(|node| node.check().is_err()) {
            let cause = node.last_failure().map(|error| format!(": {error}")).unwrap_or_default();
            readiness.wait_for(part, format!("redis at {}{cause}", node.server()));
        }
    }

    pub(crate) fn findings(&self, report: &mut Findings) {
        if self.0.is_exposed && report.mark("plain-redis", Arc::as_ptr(&self.0).addr()) {
            let subject = format!("redis at {}", self.name());
            report.add(&rule::PLAIN_REDIS, subject, "it is asked in the clear over the network");
        }
    }

    fn nodes(&self) -> Vec<Arc<Node>> {
        match &self.0.servers {
            Servers::One(node) => vec![node.clone()],
            Servers::Many(cluster) => cluster.owners(),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.name()).finish()
    }
}
