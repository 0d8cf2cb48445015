//! The rules a token's claims must keep, applied after its signature was found good.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use crate::context::{Principal, PrincipalBuilder};

use super::fault::{Fault, quote};

/// The last second of the year 9999: a time beyond it is milliseconds, or a mistake.
const LAST_SECOND: u64 = 253_402_300_799;

/// A claim by its name, or by a JSON pointer (RFC 6901) where it begins with `/`.
#[derive(Debug, Clone)]
pub(super) struct ClaimPath(pub(super) String);

impl ClaimPath {
    fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let Some(pointer) = self.0.strip_prefix('/') else {
            return claims.get(&self.0);
        };
        let (first, rest) = match pointer.find('/') {
            Some(slash) => pointer.split_at_checked(slash)?,
            None => (pointer, ""),
        };
        claims.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
    }
}

/// What a token must say to be taken.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    pub(super) audiences: Vec<String>,
    pub(super) skew: Duration,
    /// `None`: `scope`, else `scp`.
    pub(super) scopes: Option<ClaimPath>,
    /// `None`: `roles`, where it can be read.
    pub(super) roles: Option<ClaimPath>,
    /// A token without `sub` speaks for its client.
    pub(super) subject_from_client: bool,
    /// A token without `aud` is for the service when `client_id` names it.
    pub(super) client_id_as_audience: bool,
    /// A token with `cnf` is taken from whoever brings it.
    pub(super) ignore_confirmation: bool,
}

/// A token that kept the rules.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) principal: Principal,
    pub(super) window: Window,
}

/// When a token counts, clock skew not yet allowed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Duration,
    pub(super) until: Duration,
}

impl Window {
    /// Whether the time is within, give or take the skew.
    pub(super) fn check(self, now: Duration, skew: Duration) -> Result<(), Fault> {
        if now >= self.until.saturating_add(skew) {
            return Err(Fault::Expired(now.saturating_sub(self.until).as_secs()));
        }
        if now.saturating_add(skew) < self.from {
            return Err(Fault::NotYet(self.from.saturating_sub(now).as_secs()));
        }
        Ok(())
    }
}

impl Rules {
    /// Judges the claims. Time comes last, so that an expired token is known to be genuine and
    /// meant for us in every other respect.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        explicit: bool,
        now: Duration,
    ) -> Result<(PrincipalBuilder, Window), Fault> {
        self.issuer(claims)?;
        self.audience(claims)?;
        self.access_token(claims, explicit)?;
        let window = window(claims)?;
        let subject = self.subject(claims)?;
        let principal = Principal::builder(self.issuer.as_str(), subject)
            .scheme(super::SCHEME)
            .scopes(self.scopes(claims)?)
            .roles(self.roles(claims)?)
            .expires_at(window.until);
        window.check(now, self.skew)?;
        Ok((principal, window))
    }

    fn issuer(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if *issuer == self.issuer => Ok(()),
            other => Err(Fault::claim("iss", quote(&self.issuer), other)),
        }
    }

    fn audience(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let is_ours = |audience: &str| self.audiences.iter().any(|ours| ours == audience);
        let found = match (claims.get("aud"), self.client_id_as_audience) {
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
        let ours: Vec<_> = self.audiences.iter().map(|audience| quote(audience)).collect();
        Err(Fault::claim("aud", ours.join(" or "), found))
    }

    /// Refuses what else an issuer signs with the same keys: ID, refresh and logout tokens,
    /// security events, and tokens that only count together with a proof.
    fn access_token(&self, claims: &Map<String, Value>, explicit: bool) -> Result<(), Fault> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if claims.contains_key("events") {
            return Err(Fault::NotAccess("`events` marks a logout or security event token"));
        }
        // Keycloak says it in the payload: Bearer, DPoP; ID, Refresh, Offline, Logout.
        let kind = text("typ");
        let is_other = |kind: &str| {
            ["ID", "Refresh", "Offline", "Logout"]
                .iter()
                .any(|other| kind.eq_ignore_ascii_case(other))
        };
        if kind.is_some_and(is_other) {
            return Err(Fault::NotAccess("its claim `typ` says so"));
        }
        // Cognito: `access` or `id`.
        if claims.contains_key("token_use") && text("token_use") != Some("access") {
            return Err(Fault::NotAccess("its claim `token_use` says so"));
        }
        // OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11; FAPI.
        if ["at_hash", "c_hash", "s_hash"].iter().any(|hash| claims.contains_key(*hash)) {
            return Err(Fault::NotAccess("a hash of another token marks an ID token"));
        }
        // Keycloak before version 25 copies `nonce` into access tokens too, beside a scope.
        let is_access = explicit
            || kind.is_some()
            || text("token_use").is_some()
            || ["scope", "scp"].iter().any(|scope| claims.contains_key(*scope));
        if claims.contains_key("nonce") && !is_access {
            return Err(Fault::NotAccess("`nonce` without a scope marks an ID token"));
        }
        if claims.contains_key("cnf") && !self.ignore_confirmation {
            return Err(Fault::SenderConstrained);
        }
        Ok(())
    }

    fn subject(&self, claims: &Map<String, Value>) -> Result<String, Fault> {
        match claims.get("sub") {
            Some(Value::String(subject)) if !subject.is_empty() => return Ok(subject.clone()),
            None if self.subject_from_client => {}
            other => return Err(Fault::claim("sub", "a string that is not empty", other)),
        }
        let client = claims.get("client_id").or_else(|| claims.get("azp"));
        match client {
            // Apart from the subjects, which users may choose (RFC 9068, section 5).
            Some(Value::String(client)) if !client.is_empty() => Ok(format!("client:{client}")),
            other => Err(Fault::claim("client_id", "a string that is not empty", other)),
        }
    }

    fn scopes<'a>(&self, claims: &'a Map<String, Value>) -> Result<Vec<&'a str>, Fault> {
        let (name, found) = match &self.scopes {
            Some(path) => (path.0.as_str(), path.of(claims)),
            None => match claims.get("scope") {
                Some(found) => ("scope", Some(found)),
                None => ("scp", claims.get("scp")),
            },
        };
        let Some(found) = found else { return Ok(Vec::new()) };
        words(found).ok_or_else(|| Fault::claim(name, "a string or strings", Some(found)))
    }

    fn roles<'a>(&self, claims: &'a Map<String, Value>) -> Result<Vec<&'a str>, Fault> {
        match &self.roles {
            // `roles` is nobody's reserved word: what cannot be read there grants nothing.
            None => Ok(claims.get("roles").and_then(words).unwrap_or_default()),
            Some(path) => {
                let Some(found) = path.of(claims) else { return Ok(Vec::new()) };
                words(found)
                    .ok_or_else(|| Fault::claim(&path.0, "a string or strings", Some(found)))
            }
        }
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

fn window(claims: &Map<String, Value>) -> Result<Window, Fault> {
    let until =
        time(claims, "exp")?.ok_or_else(|| Fault::claim("exp", "seconds since 1970", None))?;
    let not_before = time(claims, "nbf")?.unwrap_or_default();
    let issued_at = time(claims, "iat")?.unwrap_or_default();
    Ok(Window { from: not_before.max(issued_at), until })
}

fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Duration>, Fault> {
    let Some(found) = claims.get(name) else { return Ok(None) };
    let seconds = match found {
        Value::Number(number) => seconds(number),
        _ => None,
    };
    match seconds {
        Some(time) if time.as_secs() <= LAST_SECOND => Ok(Some(time)),
        _ => Err(Fault::claim(name, "seconds since 1970", Some(found))),
    }
}

/// RFC 7519 allows a fraction.
fn seconds(number: &Number) -> Option<Duration> {
    match number.as_u64() {
        Some(whole) => Some(Duration::from_secs(whole)),
        None => Duration::try_from_secs_f64(number.as_f64()?).ok(),
    }
}
