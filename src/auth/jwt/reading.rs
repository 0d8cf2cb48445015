//! What another scheme of access tokens reads in the same way.

use std::borrow::Cow;
use std::error::Error;

use serde_json::{Map, Value};

use super::claim_map::ClaimMap;
use super::delegation;
use super::fault::Fault;
use super::login::Login;
use crate::context::{Actor, PrincipalBuilder};
use crate::error::Mistakes;

/// A claim that will not do, in words for the record.
#[derive(Debug)]
pub(in crate::auth) struct Unacceptable {
    pub(in crate::auth) expected: Cow<'static, str>,
    pub(in crate::auth) found: Cow<'static, str>,
    pub(in crate::auth) cause: Box<dyn Error + Send + Sync>,
}

impl From<Fault> for Unacceptable {
    fn from(fault: Fault) -> Self {
        Self { expected: fault.expected(), found: fault.found(), cause: fault.into() }
    }
}

impl Unacceptable {
    /// A claim, what it should be, and what it is.
    pub(in crate::auth) fn claim(
        name: &str,
        expected: impl Into<String>,
        found: Option<&Value>,
    ) -> Self {
        Fault::claim(name, expected, found).into()
    }
}

/// What the map finds in the claims.
pub(in crate::auth) struct Described<'a> {
    scopes: Vec<&'a str>,
    roles: Vec<&'a str>,
    tenant: Option<&'a str>,
    pub(in crate::auth) client: Option<&'a str>,
    actor: Option<Actor>,
    login: Login<'a>,
}

/// Reads the claims by the map; what it requires has to be there.
pub(in crate::auth) fn describe<'a>(
    map: &ClaimMap,
    issuer: &str,
    claims: &'a Map<String, Value>,
) -> Result<Described<'a>, Unacceptable> {
    map.check_kind(claims)?;
    Ok(Described {
        scopes: map.scopes_of(claims)?,
        roles: map.roles_of(claims)?,
        tenant: map.tenant_of(claims)?,
        client: map.client_of(claims)?,
        actor: delegation::actor(claims, issuer)?,
        login: Login::of(map, claims),
    })
}

impl Described<'_> {
    pub(in crate::auth) fn of(self, principal: PrincipalBuilder) -> PrincipalBuilder {
        let mut principal = principal.scopes(self.scopes).roles(self.roles);
        if let Some(tenant) = self.tenant {
            principal = principal.tenant(tenant);
        }
        if let Some(client) = self.client {
            principal = principal.client_id(client);
        }
        if let Some(actor) = self.actor {
            principal = principal.actor(actor);
        }
        self.login.add(principal)
    }
}

/// Entries that cannot be meant.
pub(in crate::auth) fn check_map(map: &ClaimMap, mistakes: &mut Mistakes) {
    for entry in map.empty_entries() {
        let setter = if entry == "claim_map" { entry.into() } else { format!("claim_map.{entry}") };
        mistakes.push(setter, "", "is empty", "name a claim, or leave it out");
    }
}
