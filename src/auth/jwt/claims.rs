//! The rules a token's claims must keep, applied after its signature was found good.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::auth::token::{Checks, confirmation, numeric_date};
use crate::context::{Confirmation, Principal, PrincipalBuilder};

use super::claim_map::ClaimMap;
use super::delegation;
use super::fault::{Fault, Kind, either, quote};
use super::keyring::Mark;
use super::lifetime::{Lifetime, Window};
use super::login::Login;
use super::required::Required;

/// What a token must say to be taken.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    /// Empty where the clients stand in for it.
    pub(super) audiences: Vec<String>,
    /// Empty: any client of the issuer's.
    pub(super) clients: Vec<String>,
    pub(super) map: ClaimMap,
    pub(super) required: Vec<Required>,
    pub(super) lifetime: Lifetime,
    pub(super) skew: Duration,
    /// A token without `sub` speaks for its client.
    pub(super) subject_from_client: bool,
    /// A token without `aud` is for the service when `client_id` names it.
    pub(super) client_id_as_audience: bool,
    /// A token with `cnf` is taken from whoever brings it.
    pub(super) ignore_confirmation: bool,
    /// What is asked of every token beyond what it says.
    pub(super) checks: Checks,
}

/// A token that kept the rules.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) principal: Principal,
    pub(super) window: Window,
    pub(super) mark: Mark,
}

impl Rules {
    /// Judges the claims. What kind of token it is comes before whom it is for: an ID token is for
    /// its client, and has to be called by its name. Time comes last, so that an expired token is
    /// known to be genuine and meant for us in every other respect.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        explicit: bool,
        now: Duration,
    ) -> Result<(PrincipalBuilder, Window), Fault> {
        self.issuer(claims)?;
        access_token(claims, explicit)?;
        self.map.check_kind(claims)?;
        self.audience(claims)?;
        let client = self.client(claims)?;
        let confirmation = self.confirmation(claims)?;
        let window = self.lifetime.window(claims)?;
        self.required.iter().try_for_each(|required| required.check(claims))?;
        let mut principal = Principal::builder(self.issuer.as_str(), self.subject(claims, client)?)
            .scheme(super::SCHEME)
            .scopes(self.map.scopes_of(claims)?)
            .roles(self.map.roles_of(claims)?)
            .expires_at(window.until);
        if let Some(tenant) = self.map.tenant_of(claims)? {
            principal = principal.tenant(tenant);
        }
        if let Some(client) = client {
            principal = principal.client_id(client);
        }
        if let Some(confirmation) = confirmation {
            principal = principal.confirmation(confirmation);
        }
        if let Some(actor) = delegation::actor(claims, &self.issuer)? {
            principal = principal.actor(actor);
        }
        principal = Login::of(&self.map, claims).add(principal);
        window.check(now, self.skew)?;
        Ok((principal, window))
    }

    /// What the token's sender has to prove. What nobody here would ask for is refused.
    fn confirmation(&self, claims: &Map<String, Value>) -> Result<Option<Confirmation>, Fault> {
        match claims.get("cnf") {
            Some(cnf) if !self.ignore_confirmation => confirmation(cnf)
                .filter(|asked| self.checks.confirm(asked))
                .map(Some)
                .ok_or(Fault::SenderConstrained),
            _ => Ok(None),
        }
    }

    pub(super) fn issuer(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if *issuer == self.issuer => Ok(()),
            other => Err(Fault::claim("iss", quote(&self.issuer), other)),
        }
    }

    fn audience(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let is_ours = |audience: &str| self.audiences.iter().any(|ours| ours == audience);
        let found = match (claims.get("aud"), self.client_id_as_audience) {
            // Whom the token was issued to is checked in its place.
            (None, _) if self.audiences.is_empty() => return Ok(()),
            (None, true) => claims.get("client_id").filter(|value| value.is_string()),
            (aud, _) => aud,
        };
        let good = match found {
            Some(Value::String(audience)) => is_ours(audience),
            Some(Value::Array(list)) => {
                list.iter().all(Value::is_string)
                    && list.iter().filter_map(Value::as_str).any(is_ours)
            }
            _ => false,
        };
        if good {
            return Ok(());
        }
        let expected = if self.audiences.is_empty() {
            "none, or one that is named".to_owned()
        } else {
            either(&self.audiences)
        };
        Err(Fault::claim("aud", expected, found))
    }

    fn client<'a>(&self, claims: &'a Map<String, Value>) -> Result<Option<&'a str>, Fault> {
        let client = self.map.client_of(claims);
        if self.clients.is_empty() {
            // Nobody asked for it: what cannot be read is nobody.
            return Ok(client.unwrap_or_default());
        }
        let client = client?;
        if client.is_some_and(|client| self.clients.iter().any(|ours| ours == client)) {
            return Ok(client);
        }
        let found = client.map(Value::from);
        Err(Fault::client(self.map.client_names(), either(&self.clients), found.as_ref()))
    }

    fn subject(&self, claims: &Map<String, Value>, client: Option<&str>) -> Result<String, Fault> {
        match claims.get("sub") {
            Some(Value::String(subject)) if !subject.is_empty() => return Ok(subject.clone()),
            None if self.subject_from_client => {}
            other => return Err(Fault::claim("sub", "a string that is not empty", other)),
        }
        match client {
            // Apart from the subjects, which users may choose (RFC 9068, section 5).
            Some(client) => Ok(format!("client:{client}")),
            None => Err(Fault::claim(&self.map.client_names(), "a string that is not empty", None)),
        }
    }
}

/// Refuses what else an issuer signs with the same keys, by the marks that are common to many: ID,
/// refresh and logout tokens, security events.
fn access_token(claims: &Map<String, Value>, explicit: bool) -> Result<(), Fault> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if claims.contains_key("events") {
        let why = "`events` marks a logout or security event token";
        return Err(Fault::NotAccess(Kind::Logout, why));
    }
    // Keycloak says it in the payload: Bearer, DPoP; ID, Refresh, Offline, Logout.
    let kind = text("typ");
    if let Some(other) = kind.map(Kind::of_claim).filter(|kind| *kind != Kind::Unmarked) {
        return Err(Fault::NotAccess(other, "its claim `typ` says so"));
    }
    // Cognito: `access` or `id`.
    if claims.contains_key("token_use") && text("token_use") != Some("access") {
        let kind = text("token_use").map_or(Kind::Unmarked, Kind::of_claim);
        return Err(Fault::NotAccess(kind, "its claim `token_use` says so"));
    }
    // OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11; FAPI.
    if ["at_hash", "c_hash", "s_hash"].iter().any(|hash| claims.contains_key(*hash)) {
        return Err(Fault::NotAccess(Kind::Id, "a hash of another token marks an ID token"));
    }
    // Keycloak before version 25 copies `nonce` into access tokens too, beside a scope.
    let is_access = explicit
        || kind.is_some()
        || text("token_use").is_some()
        || ["scope", "scp"].iter().any(|scope| claims.contains_key(*scope));
    if claims.contains_key("nonce") && !is_access {
        return Err(Fault::NotAccess(Kind::Id, "`nonce` without a scope marks an ID token"));
    }
    Ok(())
}

/// A claim that is a time; `None` where it is not there.
pub(super) fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Duration>, Fault> {
    let Some(found) = claims.get(name) else { return Ok(None) };
    numeric_date(found)
        .map(Some)
        .ok_or_else(|| Fault::claim(name, "seconds since 1970", Some(found)))
}
