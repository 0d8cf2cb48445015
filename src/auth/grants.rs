//! What a credential of a store gives: who its bearer is, with what scopes and roles, from where, until when.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use super::networks::{Networks, unknown_address};
use crate::{
    context::Principal,
    error::Mistakes,
    guard::Exchange,
    rejection::{Reason, Rejection},
};

#[derive(Debug, Clone)]
pub(super) struct Grants {
    principal: Principal,
    networks: Networks,
}

impl Grants {
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(super) fn is_bound_to_addresses(&self) -> bool {
        !self.networks.is_empty()
    }

    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.networks.admits(address)
    }

    /// Who bears a credential that was found good, where they call from an address that it is good from.
    #[inline]
    pub(super) fn admit(
        &self,
        kind: &Kind,
        name: &str,
        exchange: &mut Exchange,
    ) -> Result<Principal, Rejection> {
        if self.is_bound_to_addresses() {
            self.admit_client(kind, name, exchange)?;
        }
        Ok(self.principal.clone())
    }

    /// Whoever has the secret, and calls from elsewhere, may have stolen it.
    fn admit_client(
        &self,
        kind: &Kind,
        name: &str,
        exchange: &mut Exchange,
    ) -> Result<(), Rejection> {
        let client = exchange.client().ok_or_else(unknown_address)?;
        if self.admits(client.ip()) {
            return Ok(());
        }
        exchange.note(kind.note, name.to_owned());
        Err(Rejection::new(Reason::AddressDenied)
            .expected(format!("a client on the address list of {}", (kind.shown)(name)))
            .found(client.to_string()))
    }

    pub(super) fn record(&self) -> GrantsRecord<'_> {
        let Self { principal, networks } = self;
        GrantsRecord {
            issuer: Some(Cow::Borrowed(principal.issuer())),
            subject: Some(Cow::Borrowed(principal.subject())),
            tenant: principal.tenant().map(Cow::Borrowed),
            plan: principal.plan().map(Cow::Borrowed),
            scopes: principal.scopes().map(Cow::Borrowed).collect(),
            roles: principal.roles().map(Cow::Borrowed).collect(),
            addresses: networks.texts().collect(),
            // A part of a second less is on the safe side.
            expires_at: principal.expires_at().map(|end| end.as_secs()),
        }
    }
}

/// Grants in the words of their text form. Each kind of record has these members under names of its own, beside its
/// others and not nested.
pub(super) struct GrantsRecord<'a> {
    pub(super) issuer: Option<Cow<'a, str>>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) tenant: Option<Cow<'a, str>>,
    pub(super) plan: Option<Cow<'a, str>>,
    pub(super) scopes: Vec<Cow<'a, str>>,
    pub(super) roles: Vec<Cow<'a, str>>,
    pub(super) addresses: Vec<String>,
    pub(super) expires_at: Option<u64>,
}

impl From<GrantsRecord<'_>> for GrantsBuilder {
    fn from(record: GrantsRecord<'_>) -> Self {
        Self {
            issuer: record.issuer.map(Cow::into_owned),
            subject: record.subject.map(Cow::into_owned),
            tenant: record.tenant.map(Cow::into_owned),
            plan: record.plan.map(Cow::into_owned),
            scopes: record.scopes.into_iter().map(Cow::into_owned).collect(),
            roles: record.roles.into_iter().map(Cow::into_owned).collect(),
            addresses: record.addresses,
            expires_at: record.expires_at.map(Duration::from_secs),
        }
    }
}

/// What the builders of stored credentials were told of grants; see [`grant_setters`].
#[derive(Debug, Clone, Default)]
pub(super) struct GrantsBuilder {
    pub(super) issuer: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) roles: Vec<String>,
    pub(super) addresses: Vec<String>,
    pub(super) expires_at: Option<Duration>,
}

/// How credentials of one kind speak of their bearer.
pub(super) struct Kind {
    /// The scheme's name, and who vouches for the bearer unless another is named.
    pub(super) scheme: &'static str,
    /// The setter of the subject.
    pub(super) subject: &'static str,
    /// Under what word the record notes a credential that comes from elsewhere.
    pub(super) note: &'static str,
    /// Whether a caller may have several, told apart by their names.
    pub(super) is_key: bool,
    /// A credential by its name, in what is found and expected.
    pub(super) shown: fn(&str) -> String,
}

impl GrantsBuilder {
    /// The grants of whoever bears a credential of that name, and what is wrong with them.
    pub(super) fn build(self, kind: &Kind, name: &str, mistakes: &mut Mistakes) -> Grants {
        self.refuse_unnamed(kind, mistakes);
        refuse_unusable(&self.scopes, &self.roles, mistakes);
        let networks = Networks::read("address", &self.addresses, mistakes);
        let issuer = self.issuer.unwrap_or_else(|| kind.scheme.to_owned());
        let subject = self.subject.unwrap_or_else(|| name.to_owned());
        let mut principal = Principal::builder(issuer, subject)
            .scheme(kind.scheme)
            .scopes(self.scopes)
            .roles(self.roles);
        if let Some(tenant) = self.tenant {
            principal = principal.tenant(tenant);
        }
        if let Some(plan) = self.plan {
            principal = principal.plan(plan);
        }
        if kind.is_key {
            principal = principal.key_id(name);
        }
        if let Some(end) = self.expires_at {
            principal = principal.expires_at(end);
        }
        Grants { principal: principal.build(), networks }
    }

    fn refuse_unnamed(&self, kind: &Kind, mistakes: &mut Mistakes) {
        let named = [
            (kind.subject, &self.subject),
            ("issuer", &self.issuer),
            ("tenant", &self.tenant),
            ("plan", &self.plan),
        ];
        for (setter, _) in named.into_iter().filter(|(_, name)| name.as_deref() == Some("")) {
            let problem = format!("the {setter} has no name");
            mistakes.push(setter, "", problem, "name it, or leave the setter out");
        }
    }
}

/// Reports scopes and roles that nobody could require.
fn refuse_unusable(scopes: &[String], roles: &[String], mistakes: &mut Mistakes) {
    for scope in scopes.iter().filter(|scope| !is_scope(scope)) {
        let remedy = "grant one scope a call, without spaces, quotes or backslashes";
        mistakes.push("scope", &**scope, "is not a scope", remedy);
    }
    if roles.iter().any(String::is_empty) {
        mistakes.push("role", "", "a role has no name", "name it, or leave the setter out");
    }
}

/// RFC 6749, section 3.3: `scope-token`.
fn is_scope(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// The setters of a builder with `grants: GrantsBuilder`, with the words of those that each kind of credential puts
/// in its own way.
macro_rules! grant_setters {
    (
        $(#[$subject_doc:meta])* $subject:ident,
        $(#[$issuer_doc:meta])* issuer,
        $(#[$tenant_doc:meta])* tenant,
        $(#[$address_doc:meta])* address,
    ) => {
        $(#[$subject_doc])*
        pub fn $subject(mut self, subject: impl Into<String>) -> Self {
            self.grants.subject = Some(subject.into());
            self
        }

        $(#[$issuer_doc])*
        pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
            self.grants.issuer = Some(issuer.into());
            self
        }

        $(#[$tenant_doc])*
        pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
            self.grants.tenant = Some(tenant.into());
            self
        }

        /// The plan by which limits are chosen, `pro` say; see [`Principal::plan`](crate::Principal::plan).
        /// Default none.
        pub fn plan(mut self, plan: impl Into<String>) -> Self {
            self.grants.plan = Some(plan.into());
            self
        }

        /// Grants one scope.
        pub fn scope(mut self, scope: impl Into<String>) -> Self {
            self.grants.scopes.push(scope.into());
            self
        }

        /// Grants several scopes.
        pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
            self.grants.scopes.extend(scopes.into_iter().map(Into::into));
            self
        }

        /// Grants one role.
        pub fn role(mut self, role: impl Into<String>) -> Self {
            self.grants.roles.push(role.into());
            self
        }

        /// Grants several roles.
        pub fn roles<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
            self.grants.roles.extend(roles.into_iter().map(Into::into));
            self
        }

        $(#[$address_doc])*
        pub fn address(mut self, network: impl Into<String>) -> Self {
            self.grants.addresses.push(network.into());
            self
        }

        /// Adds several networks.
        pub fn addresses<T: Into<String>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
            self.grants.addresses.extend(networks.into_iter().map(Into::into));
            self
        }
    };
}
pub(super) use grant_setters;
