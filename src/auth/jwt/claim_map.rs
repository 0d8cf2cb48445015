//! Which claim holds what, as data.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::claim_path::ClaimPath;
use super::demand::{Demand, Must};
use super::fault::Fault;

/// Which claims hold scopes, roles, tenant and client, and what marks an access token.
///
/// Issuers differ in this and in little else; the presets ([`Jwt::keycloak`](super::Jwt::keycloak)
/// and its siblings) are maps like any other. A claim is written by its name, or as a JSON pointer
/// where it begins with `/`.
///
/// # Example: an issuer of one's own
/// ```
/// use tower_parapet::auth::jwt::{ClaimMap, Jwt};
///
/// let claims = ClaimMap::new()
///     .scopes("scope")
///     .roles("/authorization/roles")
///     .tenant("https://shop.example/tenant")
///     .client("client_id")
///     .require("use", ["access"]);
/// let jwt = Jwt::builder().issuer("https://id.example").audience("orders").claim_map(claims);
/// # let _ = jwt;
/// ```
#[derive(Clone, Debug)]
pub struct ClaimMap {
    pub(super) scopes: Vec<ClaimPath>,
    pub(super) roles: Vec<ClaimPath>,
    pub(super) tenant: Vec<ClaimPath>,
    pub(super) client: Vec<ClaimPath>,
    /// Empty: where OpenID Connect has them.
    pub(super) acr: Vec<ClaimPath>,
    pub(super) amr: Vec<ClaimPath>,
    demands: Vec<Demand>,
    /// `roles` is nobody's reserved word: what cannot be read there grants nothing.
    pub(super) any_shape_of_roles: bool,
}

/// Scopes in `scope`, else `scp`; roles in `roles`, where it has the shape of some; the client in
/// `client_id`, else `azp`; no tenant.
impl Default for ClaimMap {
    fn default() -> Self {
        let map = Self::new().scopes("scope").scopes("scp").roles("roles");
        let map = map.client("client_id").client("azp");
        Self { any_shape_of_roles: true, ..map }
    }
}

impl ClaimMap {
    /// A map without an entry: tokens then have no scopes, roles, tenant and client.
    pub fn new() -> Self {
        Self {
            scopes: Vec::new(),
            roles: Vec::new(),
            tenant: Vec::new(),
            client: Vec::new(),
            acr: Vec::new(),
            amr: Vec::new(),
            demands: Vec::new(),
            any_shape_of_roles: false,
        }
    }

    /// Where scopes are: a string of words, or an array of strings. Of several calls the first
    /// claim that is there counts.
    pub fn scopes(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.scopes.push(ClaimPath::new(claim));
        self
    }

    /// Where roles are: a string of words, or an array of strings. Several calls add up.
    pub fn roles(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.roles.push(ClaimPath::new(claim));
        self
    }

    /// Where the tenant is: a string, or an array or object that names exactly one. A token that
    /// names several is of none. Of several calls the first claim that is there counts.
    pub fn tenant(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.tenant.push(ClaimPath::new(claim));
        self
    }

    /// Where the OAuth client is that the token was issued to: a string. Of several calls the
    /// first claim that is there counts.
    pub fn client(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.client.push(ClaimPath::new(claim));
        self
    }

    /// Takes a token only if the claim is one of these values, compared exactly, as with
    /// `token_use` and `access`. Any other is not an access token.
    pub fn require<V: Into<Value>>(
        self,
        claim: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        self.demand([claim], Must::Be(values.into_iter().map(Into::into).collect()))
    }

    /// Takes a token only if one of these claims is there and not `null`, whatever it holds: what
    /// the issuer writes into access tokens alone.
    pub fn require_any<C: Into<Cow<'static, str>>>(
        self,
        claims: impl IntoIterator<Item = C>,
    ) -> Self {
        self.demand(claims, Must::BeThere)
    }

    /// Takes a token only if the claim is a string that begins so.
    pub fn require_prefix(
        self,
        claim: impl Into<Cow<'static, str>>,
        prefix: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.demand([claim], Must::Begin(prefix.into()))
    }

    /// Takes a token only if the claim is a string that ends so.
    pub fn require_suffix(
        self,
        claim: impl Into<Cow<'static, str>>,
        suffix: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.demand([claim], Must::End(suffix.into()))
    }

    /// Refuses a token with this claim, whatever it holds: what the issuer writes into tokens of
    /// another kind.
    pub fn refuse(self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.demand([claim], Must::BeAbsent)
    }

    fn demand<C: Into<Cow<'static, str>>>(
        mut self,
        claims: impl IntoIterator<Item = C>,
        must: Must,
    ) -> Self {
        let claims = claims.into_iter().map(ClaimPath::new).collect();
        self.demands.push(Demand { claims, must });
        self
    }

    /// The setters of entries that cannot be meant.
    pub(super) fn empty_entries(&self) -> impl Iterator<Item = &'static str> {
        let demanded = self.demands.iter().any(Demand::is_empty);
        let lists = [
            ("scopes_claim", &self.scopes),
            ("roles_claim", &self.roles),
            ("tenant_claim", &self.tenant),
            ("client_claim", &self.client),
            ("claim_map", &self.acr),
            ("claim_map", &self.amr),
        ];
        lists
            .into_iter()
            .filter(|(_, list)| list.iter().any(ClaimPath::is_empty))
            .map(|(setter, _)| setter)
            .chain(demanded.then_some("claim_map"))
    }
}

/// Reading.
impl ClaimMap {
    pub(super) fn check_kind(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        self.demands.iter().try_for_each(|demand| demand.check(claims))
    }

    pub(super) fn scopes_of<'a>(
        &self,
        claims: &'a Map<String, Value>,
    ) -> Result<Vec<&'a str>, Fault> {
        match first(&self.scopes, claims) {
            Some((path, found)) => words(found)
                .ok_or_else(|| Fault::claim(path.as_str(), "a string or strings", Some(found))),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn roles_of<'a>(
        &self,
        claims: &'a Map<String, Value>,
    ) -> Result<Vec<&'a str>, Fault> {
        let mut roles = Vec::new();
        for path in &self.roles {
            let Some(found) = path.of(claims) else { continue };
            match words(found) {
                Some(words) => roles.extend(words),
                None if self.any_shape_of_roles => {}
                None => {
                    return Err(Fault::claim(path.as_str(), "a string or strings", Some(found)));
                }
            }
        }
        Ok(roles)
    }

    pub(super) fn tenant_of<'a>(
        &self,
        claims: &'a Map<String, Value>,
    ) -> Result<Option<&'a str>, Fault> {
        let Some((path, found)) = first(&self.tenant, claims) else { return Ok(None) };
        if !(found.is_string() || found.is_array() || found.is_object()) {
            return Err(Fault::claim(path.as_str(), "a string, or one name", Some(found)));
        }
        Ok(only_name(found).filter(|tenant| !tenant.is_empty()))
    }

    /// The claim that names the client, and the client.
    pub(super) fn client_of<'a>(
        &self,
        claims: &'a Map<String, Value>,
    ) -> Result<Option<&'a str>, Fault> {
        match first(&self.client, claims) {
            None => Ok(None),
            Some((_, Value::String(client))) if !client.is_empty() => Ok(Some(client)),
            Some((path, found)) => {
                Err(Fault::claim(path.as_str(), "a string that is not empty", Some(found)))
            }
        }
    }

    /// The claims that the client may be in, for a message.
    pub(super) fn client_names(&self) -> String {
        self.client.iter().map(ClaimPath::as_str).collect::<Vec<_>>().join(" or ")
    }
}

fn first<'p, 'a>(
    paths: &'p [ClaimPath],
    claims: &'a Map<String, Value>,
) -> Option<(&'p ClaimPath, &'a Value)> {
    paths.iter().find_map(|path| Some((path, path.of(claims)?)))
}

/// Keycloak writes its one organization as `["a"]`, as `{"a":{…}}`, and at times as `[{"a":{…}}]`.
fn only_name(value: &Value) -> Option<&str> {
    match value {
        Value::String(name) => Some(name),
        Value::Array(list) => match list.as_slice() {
            [only] => only_name(only),
            _ => None,
        },
        Value::Object(names) => {
            let mut names = names.keys();
            names.next().filter(|_| names.next().is_none()).map(String::as_str)
        }
        _ => None,
    }
}

/// A list of words: an array of strings, each taken whole, or one string split at its spaces.
fn words(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(text.split(' ').filter(|word| !word.is_empty()).collect()),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
