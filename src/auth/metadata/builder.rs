use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::document::ProtectedResource;
use super::facts::ResourceFacts;
use super::url::{check_link, is_link, place};
use crate::error::{ConfigError, Mistakes};

/// How long the document may be kept where nothing else is said.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The longest age there is: a client that has the old document for longer than a month is lost.
const MOST_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Builds a [`ProtectedResource`]; see [`ProtectedResource::builder`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct ProtectedResourceBuilder {
    resource: String,
    servers: Vec<String>,
    scopes: Vec<String>,
    signing: Vec<String>,
    dpop: Vec<String>,
    details: Vec<String>,
    links: Vec<(&'static str, &'static str, String)>,
    name: Option<String>,
    requires_dpop: bool,
    binds_to_certificates: bool,
    others: Vec<(String, Value)>,
    max_age: Duration,
}

impl ProtectedResourceBuilder {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            servers: Vec::new(),
            scopes: Vec::new(),
            signing: Vec::new(),
            dpop: Vec::new(),
            details: Vec::new(),
            links: Vec::new(),
            name: None,
            requires_dpop: false,
            binds_to_certificates: false,
            others: Vec::new(),
            max_age: MAX_AGE,
        }
    }

    /// An authorization server that issues tokens for this resource, by its issuer identifier (RFC
    /// 8414): `authorization_servers`. Several calls add up. Default in a stack: the issuers of its
    /// schemes.
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.servers.push(issuer.into());
        self
    }

    /// The scopes that clients may ask for: `scopes_supported`. Several calls add up. Scopes that are
    /// nobody's business can be left out.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// The algorithms by which the resource signs its answers, where it does:
    /// `resource_signing_alg_values_supported`. Those of access tokens are the issuer's to tell.
    pub fn signing_algorithms<T: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = T>,
    ) -> Self {
        self.signing.extend(names.into_iter().map(Into::into));
        self
    }

    /// The algorithms of proofs that are taken: `dpop_signing_alg_values_supported` (RFC 9449). Default
    /// in a stack: those of its DPoP challenge.
    pub fn dpop_algorithms<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.dpop.extend(names.into_iter().map(Into::into));
        self
    }

    /// Says that every token has to be bound to a key: `dpop_bound_access_tokens_required`.
    pub fn dpop_required(mut self) -> Self {
        self.requires_dpop = true;
        self
    }

    /// Says that tokens may be bound to a certificate:
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705). Default in a stack: where a scheme
    /// checks it.
    pub fn certificate_bound_tokens(mut self) -> Self {
        self.binds_to_certificates = true;
        self
    }

    /// The types of `authorization_details` that are understood (RFC 9396).
    pub fn authorization_details_types<T: Into<String>>(
        mut self,
        types: impl IntoIterator<Item = T>,
    ) -> Self {
        self.details.extend(types.into_iter().map(Into::into));
        self
    }

    /// A name for people: `resource_name`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A page for developers: `resource_documentation`.
    pub fn documentation(self, url: impl Into<String>) -> Self {
        self.link("documentation", "resource_documentation", url.into())
    }

    /// A page that says how clients may use the data: `resource_policy_uri`.
    pub fn policy(self, url: impl Into<String>) -> Self {
        self.link("policy", "resource_policy_uri", url.into())
    }

    /// A page with the terms of service: `resource_tos_uri`.
    pub fn terms(self, url: impl Into<String>) -> Self {
        self.link("terms", "resource_tos_uri", url.into())
    }

    /// The resource's own keys, those it signs by: `jwks_uri`.
    pub fn jwks_uri(self, url: impl Into<String>) -> Self {
        self.link("jwks_uri", "jwks_uri", url.into())
    }

    /// Any other member, or one in another language: `resource_name#de`. It takes the place of what
    /// the other setters say.
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.others.push((name.into(), value.into()));
        self
    }

    /// How long clients and caches may keep the document, in whole seconds, at most 30 days. Default
    /// an hour.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    fn link(mut self, setter: &'static str, member: &'static str, url: String) -> Self {
        self.links.push((setter, member, url));
        self
    }

    /// Fills in what was left open, from what the schemes of a stack say.
    pub(crate) fn filled_from(mut self, facts: &ResourceFacts) -> Self {
        if self.servers.is_empty() {
            self.servers = facts.issuers.iter().filter(|name| is_link(name)).cloned().collect();
        }
        if self.dpop.is_empty() {
            self.dpop.clone_from(&facts.dpop_algorithms);
        }
        self.requires_dpop |= facts.requires_dpop;
        self.binds_to_certificates |= facts.binds_to_certificates;
        self
    }

    /// The document.
    ///
    /// # Errors
    ///
    /// Every mistake at once: a resource that is no `https` URL (`http` on this machine), or has a
    /// query, a fragment or a path that is no plain one; a link that is no URL; a scope that can be no
    /// scope; an algorithm that is `none`; an empty name; `resource` as an [other](Self::member)
    /// member; an age out of its range.
    pub fn build(self) -> Result<ProtectedResource, ConfigError> {
        let mut mistakes = Mistakes::default();
        let place = place(&self.resource, &mut mistakes);
        self.check(&mut mistakes);
        let document = self.document();
        let built = place.map(|(url, path)| {
            ProtectedResource::new(url, path, Value::from(document).to_string(), self.max_age)
        });
        mistakes.finish_with(built)
    }

    fn check(&self, mistakes: &mut Mistakes) {
        for server in &self.servers {
            check_link("authorization_server", server, mistakes);
        }
        for (setter, _, url) in &self.links {
            check_link(setter, url, mistakes);
        }
        for scope in self.scopes.iter().filter(|scope| !is_scope(scope)) {
            let remedy = "write one scope, of printable characters without blanks and quotes";
            mistakes.push("scopes", scope, "is not one scope", remedy);
        }
        let lists = [("signing_algorithms", &self.signing), ("dpop_algorithms", &self.dpop)];
        for (setter, names) in lists {
            for name in names.iter().filter(|name| name.is_empty() || *name == "none") {
                mistakes.push(setter, name, "signs nothing", "name an algorithm such as `ES256`");
            }
        }
        if self.name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            mistakes.push("name", "", "is empty", "write a name for people, or leave it out");
        }
        if self.others.iter().any(|(name, _)| name == "resource") {
            let remedy = "give the resource to `ProtectedResource::builder`";
            mistakes.push("member", "resource", "is what clients compare first", remedy);
        }
        if self.max_age > MOST_AGE {
            let value = format!("{:?}", self.max_age);
            mistakes.push("max_age", value, "is more than 30 days", "write an hour or a day");
        }
    }

    /// What is empty is left out (RFC 9728, section 3.2).
    fn document(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Value| {
            let is_empty = value.as_array().is_some_and(Vec::is_empty);
            if !is_empty && !value.is_null() {
                members.insert(name.to_owned(), value);
            }
        };
        let list = |texts: &[String]| Value::from(texts.to_vec());
        let flag = |is_set: bool| if is_set { Value::Bool(true) } else { Value::Null };
        add("resource", self.resource.as_str().into());
        add("authorization_servers", list(&self.servers));
        add("scopes_supported", list(&self.scopes));
        add("bearer_methods_supported", Value::from(vec!["header"]));
        add("resource_signing_alg_values_supported", list(&self.signing));
        add("authorization_details_types_supported", list(&self.details));
        add("dpop_signing_alg_values_supported", list(&self.dpop));
        add("dpop_bound_access_tokens_required", flag(self.requires_dpop));
        add("tls_client_certificate_bound_access_tokens", flag(self.binds_to_certificates));
        add("resource_name", self.name.as_deref().into());
        for (_, member, url) in &self.links {
            add(member, url.as_str().into());
        }
        for (name, value) in &self.others {
            members.insert(name.clone(), value.clone());
        }
        members
    }
}

/// RFC 6749, section 3.3.
fn is_scope(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'\\');
    !text.is_empty() && text.bytes().all(is_plain)
}

impl fmt::Debug for ProtectedResourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedResourceBuilder")
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}
