//! The scheme: who a certificate says is calling.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use quick_cache::sync::Cache;

use super::builder::MtlsBuilder;
use super::certificate::Certified;
use super::flaw::{Flaw, quote};
use super::identity::{By, Grant, Granted};
use super::spiffe::SpiffeId;
use crate::auth::{Attempt, Scheme, scheme_guard};
use crate::context::{PeerCertificate, Principal};
use crate::guard::Exchange;
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

/// How far the clock of the authority may be ahead of ours.
const SKEW: Duration = Duration::from_secs(60);

/// Authentication by the certificate of the connection.
///
/// Made by [`Mtls::builder`]; see the [module](super) for what it checks. Clones share memory.
#[derive(Clone)]
pub struct Mtls(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) identity: By,
    /// For SPIFFE ids alone, where it is never empty.
    pub(super) trust_domains: Vec<String>,
    /// Empty: any.
    pub(super) issuers: Vec<String>,
    /// In place of the certificate's issuer.
    pub(super) name: Option<String>,
    pub(super) grants: Vec<Grant>,
    pub(super) challenge: HeaderValue,
    /// Certificates that were taken, by their thumbprint.
    pub(super) known: Cache<[u8; 32], Known>,
}

/// Whom a certificate names, and when it counts.
#[derive(Clone)]
pub(super) struct Known {
    principal: Principal,
    from: Duration,
    until: Duration,
}

impl Mtls {
    /// Starts from nothing: which name counts has to be said.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::mtls::{By, Mtls};
    ///
    /// let mtls = Mtls::builder()
    ///     .identity(By::Spiffe)
    ///     .trust_domain("example.org")
    ///     .scope("spiffe://example.org/ns/prod/*", "orders:read")
    ///     .build()?;
    /// # let _ = mtls;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder() -> MtlsBuilder {
        MtlsBuilder::new()
    }
}

impl Inner {
    fn admit(&self, certificate: &PeerCertificate, now: Duration) -> Result<Principal, Flaw> {
        if let Some(known) = self.known.get(certificate.thumbprint()) {
            known.check(now)?;
            return Ok(known.principal);
        }
        let known = self.read(certificate)?;
        known.check(now)?;
        self.known.insert(*certificate.thumbprint(), known.clone());
        Ok(known.principal)
    }

    fn read(&self, certificate: &PeerCertificate) -> Result<Known, Flaw> {
        let certified = Certified::read(certificate.der())?;
        if !self.issuers.is_empty() && !self.issuers.contains(&certified.issuer) {
            return Err(Flaw::Issuer {
                expected: either(&self.issuers),
                found: quote(&certified.issuer),
            });
        }
        let name = self.identity.name(&certified)?;
        let issuer = match &self.name {
            Some(issuer) => Cow::Borrowed(issuer.as_str()),
            None => Cow::Borrowed(certified.issuer.as_str()),
        };
        let issuer = match self.trust_domain(&name)? {
            Some(domain) if self.name.is_none() => Cow::Owned(format!("spiffe://{domain}")),
            _ => issuer,
        };
        let mut principal = Principal::builder(issuer, &*name)
            .scheme(super::SCHEME)
            .claims(certified.claims())
            .expires_at(certified.until);
        for grant in self.grants.iter().filter(|grant| grant.to.covers(&name)) {
            principal = match &grant.what {
                Granted::Scope(scope) => principal.scope(scope),
                Granted::Role(role) => principal.role(role),
            };
        }
        Ok(Known { principal: principal.build(), from: certified.from, until: certified.until })
    }

    /// The trust domain of a SPIFFE id, which has to be one of those that are named.
    fn trust_domain<'a>(&self, name: &'a str) -> Result<Option<&'a str>, Flaw> {
        if self.identity != By::Spiffe {
            return Ok(None);
        }
        let domain = SpiffeId::parse(name).map(|id| id.trust_domain).unwrap_or_default();
        if self.trust_domains.iter().any(|known| known == domain) {
            return Ok(Some(domain));
        }
        Err(Flaw::TrustDomain { expected: either(&self.trust_domains), found: quote(domain) })
    }
}

impl Known {
    /// TLS looked at the dates once, when the connection began; it may have stood for long.
    fn check(&self, now: Duration) -> Result<(), Flaw> {
        if now.saturating_add(SKEW) < self.from {
            return Err(Flaw::NotYet(self.from.saturating_sub(now).as_secs()));
        }
        if now > self.until {
            return Err(Flaw::Expired(now.saturating_sub(self.until).as_secs()));
        }
        Ok(())
    }
}

fn either(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(" or ")
}

fn refuse(flaw: Flaw) -> Rejection {
    let (reason, detail) = match flaw {
        Flaw::Expired(_) => (Reason::ExpiredCredentials, "the client certificate has expired"),
        _ => {
            (Reason::InvalidCredentials, "the client certificate is not one that is accepted here")
        }
    };
    Rejection::new(reason).detail(detail).expected(flaw.expected()).found(flaw.found()).cause(flaw)
}

impl Scheme for Mtls {
    fn name(&self) -> &'static str {
        super::SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        None
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.peer_certificate().is_some()
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let now = exchange.unix();
        match exchange.peer_certificate() {
            None => Ok(Attempt::Absent),
            Some(certificate) => {
                self.0.admit(certificate, now).map(Attempt::Verified).map_err(refuse)
            }
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![self.0.challenge.clone()]
    }

    fn summary(&self) -> Cow<'static, str> {
        let of = match (self.0.trust_domains.as_slice(), self.0.issuers.as_slice()) {
            ([], []) => String::new(),
            ([], issuers) => format!(" by {}", issuers.join(" or ")),
            (domains, []) => format!(" of {}", domains.join(" or ")),
            (domains, issuers) => {
                format!(" of {} by {}", domains.join(" or "), issuers.join(" or "))
            }
        };
        Cow::Owned(format!("client certificates{of}, by their {}", self.0.identity.text()))
    }
}

scheme_guard!(Mtls);
guard_layer!(Mtls);

impl fmt::Debug for Mtls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mtls")
            .field("identity", &self.0.identity)
            .field("trust_domains", &self.0.trust_domains)
            .field("issuers", &self.0.issuers)
            .finish_non_exhaustive()
    }
}
