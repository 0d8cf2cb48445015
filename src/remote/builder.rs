use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::address::Reach;
use super::connect::Connector;
use super::proxy::{From, Proxies};
use super::resolve::{Hosts, key};
use super::send::{Parts, Remote};
use crate::error::{ConfigError, Mistakes};
use crate::trust::Trust;

const MOST_TIME: Duration = Duration::from_secs(60);
const MOST_BODY: usize = 16 << 20;

/// Builds a [`Remote`]; see [`Remote::builder`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct RemoteBuilder {
    timeout: Duration,
    max_body: usize,
    trust: Trust,
    proxy: From,
    hosts: HashMap<String, Vec<IpAddr>>,
}

impl RemoteBuilder {
    pub(super) fn new() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            max_body: 1 << 20,
            trust: Trust::default(),
            proxy: From::Environment,
            hosts: HashMap::new(),
        }
    }

    /// How long an answer may take, from the resolving of the name to the last byte of the body,
    /// redirects included. At most 1 min. Default 5 s.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The most bytes of a body, at most 16 MiB. Default 1 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Roots of trust beside the built-in ones: one or more `CERTIFICATE` blocks in PEM. Several
    /// calls add up.
    pub fn ca_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.trust.add_root(pem.as_ref());
        self
    }

    /// Trusts the roots given with [`ca_pem`](Self::ca_pem) and no others: the safest choice where
    /// all servers that are asked have certificates of one private authority.
    pub fn only_given_roots(mut self) -> Self {
        self.trust.is_exclusive = true;
        self
    }

    /// The client certificate, with its intermediates, and its private key, both in PEM, for
    /// servers that ask for one (RFC 8705). Proxies never get it. Default: none.
    pub fn identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.trust.identify(chain.as_ref(), key.as_ref());
        self
    }

    /// The proxy that the environment names, read when the client is built: `HTTPS_PROXY`, else
    /// `ALL_PROXY`, unless `NO_PROXY` has the host; in capitals or not. The default.
    pub fn proxy_from_environment(mut self) -> Self {
        self.proxy = From::Environment;
        self
    }

    /// The proxy for every host but this machine, `http://user:password@proxy.example:3128` say. It
    /// is asked for a tunnel, so that it sees the host and nothing else.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = From::Url(url.into());
        self
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = From::None;
        self
    }

    /// The addresses of a host, in place of what DNS says. They are judged like any other.
    pub fn resolve(
        mut self,
        host: impl AsRef<str>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        self.hosts.insert(key(host.as_ref()), addresses.into_iter().collect());
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// Every mistake at once: a limit out of its range; a certificate or key that cannot be read;
    /// a proxy, given or in the environment, that is not `http` or `https`; no root to trust.
    pub fn build(self) -> Result<Remote, ConfigError> {
        self.build_in(|name| std::env::var(name).ok())
    }

    pub(super) fn build_in(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Remote, ConfigError> {
        let mut mistakes = Mistakes::default();
        mistakes.refuse_zero("timeout", self.timeout);
        if self.timeout > MOST_TIME {
            let value = format!("{:?}", self.timeout);
            mistakes.push("timeout", value, "is more than 1 min", "let callers know sooner");
        }
        if !(1..=MOST_BODY).contains(&self.max_body) {
            let remedy = "write 1 byte to 16 MiB";
            mistakes.push("max_body", self.max_body.to_string(), "is out of range", remedy);
        }
        for (host, _) in self.hosts.iter().filter(|(_, addresses)| addresses.is_empty()) {
            mistakes.push("resolve", host, "has no address", "give one, or leave the host out");
        }
        let proxies = Arc::new(Proxies::new(&self.proxy, variable, &mut mistakes));
        let configs = self.trust.configs(&mut mistakes);
        let hosts = Hosts::new(self.hosts);
        let remote = configs.map(|(tls, proxy_tls)| {
            let to = |reach| Connector::new(reach, &hosts, proxies.clone(), proxy_tls.clone());
            Remote::new(Parts {
                private: to(Reach::Private),
                public: to(Reach::Public),
                tls,
                hosts: hosts.clone(),
                timeout: self.timeout,
                max_body: self.max_body,
            })
        });
        mistakes.finish_with(remote)
    }
}

impl fmt::Debug for RemoteBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBuilder")
            .field("timeout", &self.timeout)
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}
