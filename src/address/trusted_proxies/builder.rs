use std::path::Path;

use crate::address::networks::{self, Networks, Source};
use crate::cidr;
use crate::context::Provenance;
use crate::error::{ConfigError, Mistakes};
use http::HeaderName;

use super::TrustedProxies;

const MAX_HOPS: usize = 32;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static FORWARDED: HeaderName = http::header::FORWARDED;

/// The one header in which proxies are believed.
///
/// Never both: a proxy that writes one passes the other on as the client sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, a list of addresses. The default, because most proxies write it.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

impl ProxyHeader {
    pub(super) fn name(self) -> &'static HeaderName {
        match self {
            Self::XForwardedFor => &X_FORWARDED_FOR,
            Self::Forwarded => &FORWARDED,
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::XForwardedFor => Self::Forwarded,
            Self::Forwarded => Self::XForwardedFor,
        }
    }

    pub(super) fn provenance(self) -> Provenance {
        match self {
            Self::XForwardedFor => Provenance::XForwardedFor,
            Self::Forwarded => Provenance::Forwarded,
        }
    }
}

/// Builds [`TrustedProxies`]; see [`TrustedProxies::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct TrustedProxiesBuilder {
    sources: Vec<Source>,
    header: ProxyHeader,
    scheme_header: Option<String>,
    max_hops: usize,
}

impl Default for TrustedProxiesBuilder {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            header: ProxyHeader::default(),
            scheme_header: None,
            max_hops: MAX_HOPS,
        }
    }
}

impl TrustedProxiesBuilder {
    /// Trusts the proxies at these addresses: CIDRs or single addresses. Default none.
    ///
    /// Name the balancer, not the whole cluster: whoever sits in a trusted network can claim any
    /// address.
    pub fn trust<M>(mut self, proxies: impl Networks<M>) -> Self {
        Source::texts("trust", proxies, &mut self.sources);
        self
    }

    /// Trusts the proxies in a text file: one CIDR or address a line, comments after `#`.
    pub fn trust_file(mut self, path: impl AsRef<Path>) -> Self {
        self.sources.push(Source::file("trust_file", path.as_ref()));
        self
    }

    /// Which header is believed. Default [`ProxyHeader::XForwardedFor`].
    pub fn header(mut self, header: ProxyHeader) -> Self {
        self.header = header;
        self
    }

    /// The header in which proxies say how they were called, beside `X-Forwarded-For`. Default
    /// `X-Forwarded-Proto`; `CloudFront-Forwarded-Proto` where CloudFront is the outermost. In
    /// `Forwarded` that is the parameter `proto`, so there it is a mistake.
    pub fn scheme_header(mut self, name: impl Into<String>) -> Self {
        self.scheme_header = Some(name.into());
        self
    }

    /// How many hops are walked, at least 1. Default 32. The walk ends at the last of them.
    pub fn max_hops(mut self, hops: usize) -> Self {
        self.max_hops = hops;
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// For every text that is no network, every file that cannot be read, every bad line in one,
    /// every network so wide that it trusts strangers, for `max_hops` of zero, and for a
    /// `scheme_header` that is no header name or stands beside `Forwarded`.
    pub fn build(self) -> Result<TrustedProxies, ConfigError> {
        let mut mistakes = Mistakes::default();
        let networks = networks::read(&self.sources, &mut mistakes);
        for network in networks.iter().filter(|network| cidr::is_too_wide(network)) {
            mistakes.push(
                "trust",
                network.to_string(),
                "trusts strangers, who could then claim any address",
                "name the networks of your own proxies",
            );
        }
        if self.max_hops == 0 {
            mistakes.push("max_hops", "0", "walks no hop", "write 1 or more");
        }
        let scheme_header = self.name_of_scheme_header(&mut mistakes);
        mistakes.finish()?;
        Ok(TrustedProxies::of(&networks, self.header, scheme_header, self.max_hops))
    }
    fn name_of_scheme_header(&self, mistakes: &mut Mistakes) -> HeaderName {
        let Some(name) = &self.scheme_header else { return X_FORWARDED_PROTO.clone() };
        if self.header == ProxyHeader::Forwarded {
            mistakes.push(
                "scheme_header",
                name,
                "is not read beside `Forwarded`, where `proto` tells the scheme",
                "leave this line out",
            );
        }
        name.parse().unwrap_or_else(|_| {
            let remedy = "write it as `x-forwarded-proto`";
            mistakes.push("scheme_header", name, "is not a header name", remedy);
            X_FORWARDED_PROTO.clone()
        })
    }
}
