//! What an answer of the provider has to say for a token to be taken.

use std::time::Duration;

use serde_json::{Map, Value};

use super::fault::Fault;
use crate::auth::jwt::{ClaimMap, Unacceptable, describe};
use crate::auth::token::{Checks, confirmation, numeric_date};
use crate::context::{Confirmation, Principal};
use crate::json;

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) issuer: String,
    /// Empty: whomever the token is for.
    pub(super) audiences: Vec<String>,
    /// Empty: any client of the issuer's.
    pub(super) clients: Vec<String>,
    pub(super) map: ClaimMap,
    pub(super) skew: Duration,
    pub(super) subject_from_client: bool,
    /// What is asked of every token beyond what the provider says.
    pub(super) checks: Checks,
}

/// A token that counts, and from when to when.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) principal: Principal,
    from: Duration,
    until: Option<Duration>,
}

/// How a token stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    NotYet,
    /// Its end has come by our clock, and by the provider's perhaps not.
    Ending,
    Over,
}

impl Known {
    pub(super) fn standing(&self, unix: Duration, skew: Duration) -> Standing {
        match self.until {
            Some(until) if unix >= until.saturating_add(skew) => Standing::Over,
            Some(until) if unix >= until => Standing::Ending,
            _ if unix.saturating_add(skew) < self.from => Standing::NotYet,
            _ => Standing::Good,
        }
    }
}

/// What a provider said of a token.
pub(super) enum Said {
    Active(Map<String, Value>),
    Inactive,
}

/// Reads an answer (RFC 7662, section 2.2), or tells what is wrong with it. Nothing is guessed:
/// `active` is a boolean, and no name occurs twice.
pub(super) fn read(body: &[u8]) -> Result<Said, &'static str> {
    let claims = json::object(body).map_err(|_| "it is not one JSON object with unique names")?;
    match claims.get("active") {
        Some(Value::Bool(true)) => Ok(Said::Active(claims)),
        Some(Value::Bool(false)) => Ok(Said::Inactive),
        Some(_) => Err("`active` is not a boolean"),
        None => Err("`active` is missing"),
    }
}

impl Rules {
    /// Judges an active token. `body` is what the claims were read from.
    pub(super) fn judge(&self, claims: &Map<String, Value>, body: &[u8]) -> Result<Known, Fault> {
        self.issuer(claims)?;
        access_token(claims)?;
        self.audience(claims)?;
        let confirmation = self.confirmation(claims)?;
        let until = time(claims, "exp")?;
        let from = time(claims, "nbf")?.max(time(claims, "iat")?).unwrap_or_default();
        let described = describe(&self.map, &self.issuer, claims)?;
        self.client(described.client)?;
        let subject = self.subject(claims, described.client)?;
        let principal = Principal::builder(self.issuer.as_str(), subject).scheme(super::SCHEME);
        let mut principal = described.of(principal);
        if let Some(confirmation) = confirmation {
            principal = principal.confirmation(confirmation);
        }
        if let Some(until) = until {
            principal = principal.expires_at(until);
        }
        Ok(Known { principal: principal.claims_text(body.to_vec()).build(), from, until })
    }

    fn issuer(&self, claims: &Map<String, Value>) -> Result<(), Unacceptable> {
        match claims.get("iss") {
            // RFC 7662 makes it optional: who answers is known.
            None => Ok(()),
            Some(Value::String(issuer)) if *issuer == self.issuer => Ok(()),
            other => Err(Unacceptable::claim("iss", quoted(&self.issuer), other)),
        }
    }

    fn audience(&self, claims: &Map<String, Value>) -> Result<(), Unacceptable> {
        let found = claims.get("aud");
        let names: Option<Vec<&str>> = match found {
            Some(Value::String(name)) => Some(vec![name]),
            Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
            None if self.audiences.is_empty() => return Ok(()),
            _ => None,
        };
        let is_ours = |name: &str| self.audiences.iter().any(|ours| ours == name);
        match names {
            Some(names) if self.audiences.is_empty() || names.iter().any(|name| is_ours(name)) => {
                Ok(())
            }
            _ => Err(Unacceptable::claim("aud", either(&self.audiences), found)),
        }
    }

    fn client(&self, client: Option<&str>) -> Result<(), Unacceptable> {
        let is_named = |client: &str| self.clients.iter().any(|ours| ours == client);
        if self.clients.is_empty() || client.is_some_and(is_named) {
            return Ok(());
        }
        let found = client.map(Value::from);
        Err(Unacceptable::claim("client_id", either(&self.clients), found.as_ref()))
    }

    fn subject(
        &self,
        claims: &Map<String, Value>,
        client: Option<&str>,
    ) -> Result<String, Unacceptable> {
        match (claims.get("sub"), client) {
            (Some(Value::String(subject)), _) if !subject.is_empty() => Ok(subject.clone()),
            // Apart from the subjects, which users may choose (RFC 9068, section 5).
            (None, Some(client)) if self.subject_from_client => Ok(format!("client:{client}")),
            (other, _) => Err(Unacceptable::claim("sub", "a string that is not empty", other)),
        }
    }

    /// What the token's sender has to prove. What nobody here would ask for is refused.
    fn confirmation(&self, claims: &Map<String, Value>) -> Result<Option<Confirmation>, Fault> {
        let asked = match claims.get("cnf") {
            None => None,
            Some(cnf) => Some(confirmation(cnf).ok_or(Fault::SenderConstrained)?),
        };
        let is_dpop = match claims.get("token_type") {
            None => false,
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => false,
            Some(Value::String(kind)) if kind.eq_ignore_ascii_case("dpop") => true,
            other => {
                let fault = Unacceptable::claim("token_type", "`Bearer` or `DPoP`", other);
                return Err(fault.into());
            }
        };
        // A token that is said to be bound to a key, and to none that is named, is nobody's.
        if is_dpop && asked.as_ref().is_none_or(|asked| asked.key().is_none()) {
            return Err(Fault::SenderConstrained);
        }
        match asked {
            Some(asked) if !self.checks.confirm(&asked) => Err(Fault::SenderConstrained),
            asked => Ok(asked),
        }
    }
}

/// Providers tell of refresh and ID tokens too (RFC 7662, section 2.1): refused by the marks that are
/// common to many.
fn access_token(claims: &Map<String, Value>) -> Result<(), Fault> {
    let marks = [
        ("typ", &["Bearer", "DPoP", "at+jwt", "JWT", "access_token"][..]),
        ("token_use", &["access", "access_token"][..]),
    ];
    for (name, good) in marks {
        let is_good = |text: &str| good.iter().any(|good| text.eq_ignore_ascii_case(good));
        match claims.get(name) {
            Some(found) if !found.as_str().is_some_and(is_good) => {
                return Err(
                    Unacceptable::claim(name, "that of an access token", Some(found)).into()
                );
            }
            _ => {}
        }
    }
    for mark in ["events", "at_hash", "c_hash", "s_hash"] {
        if let Some(found) = claims.get(mark) {
            return Err(Unacceptable::claim(mark, "no such claim", Some(found)).into());
        }
    }
    Ok(())
}

fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<Duration>, Unacceptable> {
    let Some(found) = claims.get(name) else { return Ok(None) };
    numeric_date(found)
        .map(Some)
        .ok_or_else(|| Unacceptable::claim(name, "seconds since 1970", Some(found)))
}

fn quoted(name: &str) -> String {
    format!("`{name}`")
}

fn either(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" or ")
}
