use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Map, Value};

use super::{actor::Actor, confirmation::Confirmation, login::Login};

/// Who is calling: an issuer and a subject, which only together are an identity.
///
/// One word, cheap to clone. What a scheme learned beyond the identity stands beside it: scopes,
/// roles, the claims of a token.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    issuer: Box<str>,
    subject: Box<str>,
    scheme: &'static str,
    scopes: Vec<Box<str>>,
    roles: Vec<Box<str>>,
    tenant: Option<Box<str>>,
    client_id: Option<Box<str>>,
    account: Option<Box<Account>>,
    confirmation: Option<Box<Confirmation>>,
    claims: Option<Claims>,
    expires_at: Option<Duration>,
    login: Option<Box<Login>>,
    actor: Option<Box<Actor>>,
    /// What one concern derived from it once, to be at hand with every request that brings it.
    #[cfg_attr(
        not(feature = "jwt"),
        allow(dead_code, reason = "nothing is derived without tokens")
    )]
    mark: OnceLock<Box<dyn Any + Send + Sync>>,
}

/// What a store of credentials says beyond the identity.
#[derive(Default)]
struct Account {
    key_id: Option<Box<str>>,
    plan: Option<Box<str>>,
}

/// The claims of a token, as they were signed: a fraction of the memory of what is read
/// from them, and most handlers never ask.
struct Claims {
    text: Box<[u8]>,
    read: OnceLock<Map<String, Value>>,
}

impl Claims {
    fn read(&self) -> &Map<String, Value> {
        self.read.get_or_init(|| serde_json::from_slice(&self.text).unwrap_or_default())
    }
}

impl Principal {
    /// Starts a principal from its identity.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Principal;
    ///
    /// let caller = Principal::builder("https://id.example", "alice").scope("orders:read").build();
    /// assert!(caller.has_scope("orders:read"));
    /// assert!(!caller.has_scope("orders:write"));
    /// ```
    pub fn builder(issuer: impl Into<String>, subject: impl Into<String>) -> PrincipalBuilder {
        PrincipalBuilder(Inner {
            issuer: issuer.into().into_boxed_str(),
            subject: subject.into().into_boxed_str(),
            scheme: "custom",
            scopes: Vec::new(),
            roles: Vec::new(),
            tenant: None,
            client_id: None,
            account: None,
            confirmation: None,
            claims: None,
            expires_at: None,
            login: None,
            actor: None,
            mark: OnceLock::new(),
        })
    }

    /// Who vouches for the subject: a token's `iss`, the name of a key store.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The caller's name within the issuer.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The scheme it was authenticated by, `jwt` or `api-key` say.
    pub fn scheme(&self) -> &'static str {
        self.0.scheme
    }

    /// The OAuth 2.0 scopes granted.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.scopes.iter().map(AsRef::as_ref)
    }

    /// The roles granted.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(AsRef::as_ref)
    }

    /// Whether a scope was granted. Scopes are compared letter by letter.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.0.scopes.iter().any(|granted| &**granted == scope)
    }

    /// Whether a role was granted. Roles are compared letter by letter.
    pub fn has_role(&self, role: &str) -> bool {
        self.0.roles.iter().any(|granted| &**granted == role)
    }

    /// The tenant the caller belongs to, within the issuer: a customer, a directory, a namespace.
    pub fn tenant(&self) -> Option<&str> {
        self.0.tenant.as_deref()
    }

    /// The OAuth 2.0 client that the credentials were issued to: the application, not its user.
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// The public id of the very credential that was presented, among those that one caller may have:
    /// of an API key. `None` for other schemes.
    pub fn key_id(&self) -> Option<&str> {
        self.0.account.as_ref()?.key_id.as_deref()
    }

    /// The plan that the store of credentials keeps for the caller, `pro` say, by which limits are
    /// chosen.
    pub fn plan(&self) -> Option<&str> {
        self.0.account.as_ref()?.plan.as_deref()
    }

    /// Which key or certificate the sender of the token has to hold; `None` where whoever brings it
    /// may use it.
    pub fn confirmation(&self) -> Option<&Confirmation> {
        self.0.confirmation.as_deref()
    }

    /// All claims of the token, where there was one.
    pub fn claims(&self) -> Option<&Map<String, Value>> {
        self.0.claims.as_ref().map(Claims::read)
    }

    /// The claims as a type of the service's own; `None` without claims.
    #[cfg(any(feature = "axum", feature = "jwt"))]
    pub(crate) fn claims_as<T: serde::de::DeserializeOwned>(
        &self,
    ) -> Option<serde_json::Result<T>> {
        let claims = self.0.claims.as_ref()?;
        Some(match claims.read.get() {
            Some(read) => T::deserialize(read),
            None => serde_json::from_slice(&claims.text),
        })
    }

    /// What was derived from it, made the first time; `None` where something of another type was.
    #[cfg(feature = "jwt")]
    pub(crate) fn mark<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.mark.get_or_init(|| Box::new(make())).downcast_ref()
    }

    /// When the credentials end, since the Unix epoch; `None` where they do not.
    pub fn expires_at(&self) -> Option<Duration> {
        self.0.expires_at
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.0.login.as_deref()
    }

    pub(super) fn acting(&self) -> Option<&Actor> {
        self.0.actor.as_deref()
    }

    /// Whether both are the same caller: same issuer and same subject.
    pub fn is_same(&self, other: &Principal) -> bool {
        self.issuer() == other.issuer() && self.subject() == other.subject()
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("issuer", &self.0.issuer)
            .field("subject", &self.0.subject)
            .field("scheme", &self.0.scheme)
            .field("scopes", &self.0.scopes)
            .field("roles", &self.0.roles)
            .field("tenant", &self.0.tenant)
            .field("client_id", &self.0.client_id)
            .field("key_id", &self.key_id())
            .field("plan", &self.plan())
            .field("actor", &self.0.actor)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Principal`]; see [`Principal::builder`].
pub struct PrincipalBuilder(Inner);

impl PrincipalBuilder {
    /// The scheme it was authenticated by. Default `custom`.
    pub fn scheme(mut self, scheme: &'static str) -> Self {
        self.0.scheme = scheme;
        self
    }

    /// Grants one scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.0.scopes.push(scope.into().into_boxed_str());
        self
    }

    /// Grants several scopes.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.0.scopes.extend(scopes.into_iter().map(|scope| scope.into().into_boxed_str()));
        self
    }

    /// Grants one role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.0.roles.push(role.into().into_boxed_str());
        self
    }

    /// Grants several roles.
    pub fn roles<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.0.roles.extend(roles.into_iter().map(|role| role.into().into_boxed_str()));
        self
    }

    /// The tenant the caller belongs to. Default none.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.0.tenant = Some(tenant.into().into_boxed_str());
        self
    }

    /// The OAuth 2.0 client that the credentials were issued to. Default none.
    pub fn client_id(mut self, client: impl Into<String>) -> Self {
        self.0.client_id = Some(client.into().into_boxed_str());
        self
    }

    /// The public id of the credential that was presented; never its secret. Default none.
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.0.account.get_or_insert_default().key_id = Some(id.into().into_boxed_str());
        self
    }

    /// The plan of the caller. Default none.
    pub fn plan(mut self, plan: impl Into<String>) -> Self {
        self.0.account.get_or_insert_default().plan = Some(plan.into().into_boxed_str());
        self
    }

    /// Which key or certificate the sender has to hold. Default none.
    pub fn confirmation(mut self, confirmation: Confirmation) -> Self {
        self.0.confirmation = Some(Box::new(confirmation));
        self
    }

    /// The claims of the token.
    pub fn claims(mut self, claims: Map<String, Value>) -> Self {
        self.0.claims = Some(Claims { text: Box::default(), read: OnceLock::from(claims) });
        self
    }

    /// The claims of the token as JSON that was read before, to be read again when asked for.
    #[cfg(feature = "jwt")]
    pub(crate) fn claims_text(mut self, claims: Vec<u8>) -> Self {
        let text = claims.into_boxed_slice();
        self.0.claims = Some(Claims { text, read: OnceLock::new() });
        self
    }

    /// When the credentials end, since the Unix epoch.
    pub fn expires_at(mut self, unix: Duration) -> Self {
        self.0.expires_at = Some(unix);
        self
    }

    pub(super) fn login(&mut self) -> &mut Login {
        self.0.login.get_or_insert_default()
    }

    pub(super) fn set_acting(&mut self, actor: Actor) {
        self.0.actor = Some(Box::new(actor));
    }

    /// The principal.
    pub fn build(self) -> Principal {
        Principal(Arc::new(self.0))
    }
}

impl fmt::Debug for PrincipalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalBuilder")
            .field("issuer", &self.0.issuer)
            .field("subject", &self.0.subject)
            .finish_non_exhaustive()
    }
}
