use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use quick_cache::sync::Cache;

use super::identity::{By, Grant, Granted, Pattern};
use super::scheme::{Inner, Mtls};
use super::spiffe;
use crate::auth::{realm, scheme_builder};
use crate::error::{ConfigError, Mistakes};

/// How many certificates are remembered as read.
const REMEMBERED: usize = 10_000;

/// Builds an [`Mtls`]; see [`Mtls::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct MtlsBuilder {
    identity: Option<By>,
    trust_domains: Vec<String>,
    issuers: Vec<String>,
    name: Option<String>,
    grants: Vec<(&'static str, String, Granted)>,
    realm: String,
}

impl MtlsBuilder {
    pub(super) fn new() -> Self {
        Self {
            identity: None,
            trust_domains: Vec::new(),
            issuers: Vec::new(),
            name: None,
            grants: Vec::new(),
            realm: "api".to_owned(),
        }
    }

    /// The name in the certificate that the caller is known by: the principal's subject. Required.
    pub fn identity(mut self, by: By) -> Self {
        self.identity = Some(by);
        self
    }

    /// A SPIFFE trust domain whose workloads are taken, `example.org`. Required with
    /// [`By::Spiffe`], where it is the principal's issuer as `spiffe://example.org`; several calls
    /// add up.
    pub fn trust_domain(mut self, domain: impl Into<String>) -> Self {
        self.trust_domains.push(domain.into());
        self
    }

    /// An issuer whose certificates are taken, by its distinguished name as text (RFC 4514),
    /// `CN=Services,O=Example`. Several calls add up. Default: any that the listener or the proxy
    /// trusts.
    pub fn allow_issuer(mut self, name: impl Into<String>) -> Self {
        self.issuers.push(name.into());
        self
    }

    /// What the principal's issuer is called, so that an identity outlives the authority that
    /// certified it. Default: the trust domain with [`By::Spiffe`], else the distinguished name of
    /// the certificate's issuer.
    pub fn issuer(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Grants a scope to whom the pattern covers: an identity, or with `*` at its end all that begin
    /// like it, `spiffe://example.org/ns/prod/*` say. Calls add up.
    pub fn scope(mut self, to: impl Into<String>, scope: impl Into<String>) -> Self {
        self.grants.push(("scope", to.into(), Granted::Scope(scope.into())));
        self
    }

    /// Grants a role, as [`scope`](Self::scope) does a scope.
    pub fn role(mut self, to: impl Into<String>, role: impl Into<String>) -> Self {
        self.grants.push(("role", to.into(), Granted::Role(role.into())));
        self
    }

    /// The protection space in `WWW-Authenticate`. Default `api`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The scheme.
    ///
    /// # Errors
    ///
    /// Every mistake at once: no identity; no trust domain with [`By::Spiffe`], one without it, or
    /// one that is none; an empty issuer; a pattern with a star before its end; a realm that cannot
    /// stand in a header.
    pub fn build(self) -> Result<Mtls, ConfigError> {
        let mut mistakes = Mistakes::default();
        self.check_identity(&mut mistakes);
        self.check_issuers(&mut mistakes);
        let grants = self.grants(&mut mistakes);
        let challenge = self.challenge(&mut mistakes);
        mistakes.finish()?;
        Ok(Mtls(Arc::new(Inner {
            identity: self.identity.unwrap_or(By::Subject),
            trust_domains: self.trust_domains,
            issuers: self.issuers,
            name: self.name,
            grants,
            challenge,
            known: Cache::new(REMEMBERED),
        })))
    }

    fn check_identity(&self, mistakes: &mut Mistakes) {
        let by_spiffe = self.identity == Some(By::Spiffe);
        if self.identity.is_none() {
            let remedy = "say which name counts, `By::Spiffe` or `By::Subject` say";
            mistakes.push("identity", "", "is missing", remedy);
        }
        if by_spiffe && self.trust_domains.is_empty() {
            let remedy = "name the trust domain of the callers, `example.org` say";
            mistakes.push("trust_domain", "", "is missing", remedy);
        }
        for domain in &self.trust_domains {
            if !spiffe::is_trust_domain(domain) {
                let remedy = "write it as `example.org`, in lower case and without `spiffe://`";
                mistakes.push("trust_domain", domain, "is not a trust domain", remedy);
            } else if self.identity.is_some() && !by_spiffe {
                let remedy = "write `.identity(By::Spiffe)`, or leave this line out";
                mistakes.push("trust_domain", domain, "is for SPIFFE ids only", remedy);
            }
        }
    }

    fn check_issuers(&self, mistakes: &mut Mistakes) {
        if self.issuers.iter().any(String::is_empty) {
            let remedy = "write it as `CN=Services,O=Example`";
            mistakes.push("allow_issuer", "", "is empty", remedy);
        }
        if self.name.as_ref().is_some_and(String::is_empty) {
            mistakes.push("issuer", "", "is empty", "name who vouches for the callers");
        }
    }

    fn grants(&self, mistakes: &mut Mistakes) -> Vec<Grant> {
        let mut grants = Vec::new();
        for (setter, to, what) in &self.grants {
            match Pattern::parse(to) {
                Some(to) => grants.push(Grant { to, what: what.clone() }),
                None => {
                    let remedy = "write a name, or the beginning of names and `*`";
                    mistakes.push(*setter, to, "is not a pattern", remedy);
                }
            }
        }
        grants
    }

    fn challenge(&self, mistakes: &mut Mistakes) -> HeaderValue {
        let value = realm::challenge("ClientCertificate", &self.realm, mistakes);
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        value.unwrap_or(HeaderValue::from_static("ClientCertificate"))
    }
}

scheme_builder!(MtlsBuilder);

impl fmt::Debug for MtlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MtlsBuilder")
            .field("identity", &self.identity)
            .field("trust_domains", &self.trust_domains)
            .field("issuers", &self.issuers)
            .finish_non_exhaustive()
    }
}
