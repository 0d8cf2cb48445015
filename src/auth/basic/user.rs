//! A user as a store keeps them.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{SCHEME, credentials::check_name, phc::Phc};
use crate::{
    auth::{grants, networks::Networks},
    context::Principal,
    error::{ConfigError, Mistakes},
};

/// The issuer of a user, unless another is named.
const ISSUER: &str = "basic";

/// What a store keeps of a user: a name, the hash of the password, and what the user may do.
///
/// It serialises, for a file or a database: `{"name":"alice","password":"$argon2id$…","scopes":["orders:read"]}`,
/// with `issuer`, `subject`, `tenant`, `roles` and `addresses` where there are such. A member that is not known is
/// refused, since it may restrict the user.
///
/// # Example
/// ```
/// use tower_parapet::auth::basic::{Basic, StoredUser};
///
/// let hash = Basic::hash("correct horse battery staple")?;
/// let alice = StoredUser::builder("alice", hash).scope("orders:read").build()?;
/// assert_eq!(alice.principal().subject(), "alice");
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct StoredUser {
    name: Box<str>,
    pub(super) phc: Arc<Phc>,
    networks: Networks,
    principal: Principal,
}

impl StoredUser {
    /// Begins a user by name and the hash of the password, in the form `$argon2id$v=19$m=…,t=…,p=…$salt$hash`
    /// that [`Basic::hash`](super::Basic::hash) and most tools write.
    ///
    /// At most 64 MiB, ten passes and 16 lanes are taken, so that no hash can exhaust the service.
    pub fn builder(name: impl Into<String>, hash: impl Into<String>) -> StoredUserBuilder {
        StoredUserBuilder {
            name: name.into(),
            hash: hash.into(),
            issuer: ISSUER.to_owned(),
            subject: None,
            tenant: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            addresses: Vec::new(),
        }
    }

    /// The name that the user sends.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who the user is, with scopes and roles.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether the user may call from certain networks only.
    pub fn is_bound_to_addresses(&self) -> bool {
        !self.networks.is_empty()
    }

    /// Whether the user may call from an address.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.networks.admits(address)
    }

    /// Whether the password was hashed with less work than OWASP recommends.
    pub fn is_weakly_hashed(&self) -> bool {
        self.phc.work().is_weak()
    }
}

/// Builds a [`StoredUser`]; see [`StoredUser::builder`].
#[derive(Clone)]
pub struct StoredUserBuilder {
    name: String,
    hash: String,
    issuer: String,
    subject: Option<String>,
    tenant: Option<String>,
    scopes: Vec<String>,
    roles: Vec<String>,
    addresses: Vec<String>,
}

impl StoredUserBuilder {
    /// The subject of the user's principal. Default the name.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Who vouches for the user. Name the `iss` of an identity provider to make the user the same
    /// caller as with a token of that provider. Default `basic`.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// The tenant that the user belongs to. Default none.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Grants one scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Grants several scopes.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Grants one role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Grants several roles.
    pub fn roles<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.roles.extend(roles.into_iter().map(Into::into));
        self
    }

    /// Adds a network that the user may call from, a CIDR or one address; with the first one all
    /// others are refused with 403. Default: from anywhere.
    pub fn address(mut self, network: impl Into<String>) -> Self {
        self.addresses.push(network.into());
        self
    }

    /// Adds several networks.
    pub fn addresses<T: Into<String>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        self.addresses.extend(networks.into_iter().map(Into::into));
        self
    }

    /// The user as a store keeps them.
    ///
    /// # Errors
    /// When nobody can send the name (empty, longer than 255 bytes, with a colon or control characters), the
    /// hash is not one of Argon2id within the bounds, subject, issuer or tenant is empty, a scope is not one
    /// `scope-token` of RFC 6749, a role has no name, or an address is not a network.
    pub fn build(self) -> Result<StoredUser, ConfigError> {
        let mut mistakes = Mistakes::default();
        if check_name(&self.name).is_err() || self.name.contains(':') {
            let remedy = "write 1 to 255 bytes without colons and control characters";
            mistakes.push("name", &*self.name, "is not a user name", remedy);
        }
        let phc = Phc::parse(&self.hash).map_err(|problem| {
            let remedy = "write what `Basic::hash` gives, or another hash of Argon2id";
            mistakes.push("hash", "", problem, remedy);
        });
        let named = [
            ("subject", self.subject.as_deref()),
            ("issuer", Some(self.issuer.as_str())),
            ("tenant", self.tenant.as_deref()),
        ];
        for (setter, _) in named.into_iter().filter(|(_, name)| *name == Some("")) {
            let problem = format!("the {setter} has no name");
            mistakes.push(setter, "", problem, "name it, or leave the setter out");
        }
        grants::check(&self.scopes, &self.roles, &mut mistakes);
        let networks = Networks::read("address", &self.addresses, &mut mistakes);
        let phc = mistakes.finish_with(phc.ok())?;
        let subject = self.subject.unwrap_or_else(|| self.name.clone());
        let mut principal = Principal::builder(self.issuer, subject)
            .scheme(SCHEME)
            .scopes(self.scopes)
            .roles(self.roles);
        if let Some(tenant) = self.tenant {
            principal = principal.tenant(tenant);
        }
        let (name, principal) = (self.name.into_boxed_str(), principal.build());
        Ok(StoredUser { name, phc: Arc::new(phc), networks, principal })
    }
}

impl std::fmt::Debug for StoredUserBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredUserBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One user as text. A member that is not known may restrict the user, so it is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserRecord<'a> {
    name: Cow<'a, str>,
    password: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
}

impl<'a> UserRecord<'a> {
    pub(super) fn of(user: &'a StoredUser) -> Self {
        let StoredUser { name, phc, networks, principal } = user;
        Self {
            name: Cow::Borrowed(name),
            password: phc.to_string(),
            issuer: Some(Cow::Borrowed(principal.issuer())),
            subject: Some(Cow::Borrowed(principal.subject())),
            tenant: principal.tenant().map(Cow::Borrowed),
            scopes: principal.scopes().map(Cow::Borrowed).collect(),
            roles: principal.roles().map(Cow::Borrowed).collect(),
            addresses: networks.texts().collect(),
        }
    }

    fn into_user(self) -> Result<StoredUser, String> {
        let name = self.name.into_owned();
        let mut user = StoredUser::builder(&name, self.password)
            .scopes(self.scopes)
            .roles(self.roles)
            .addresses(self.addresses);
        if let Some(issuer) = self.issuer {
            user = user.issuer(issuer);
        }
        if let Some(subject) = self.subject {
            user = user.subject(subject);
        }
        if let Some(tenant) = self.tenant {
            user = user.tenant(tenant);
        }
        user.build().map_err(|error| format!("user `{name}`: {error}"))
    }
}

impl Serialize for StoredUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        UserRecord::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UserRecord::deserialize(deserializer)?.into_user().map_err(D::Error::custom)
    }
}
