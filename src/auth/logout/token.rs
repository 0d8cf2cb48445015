//! What a logout token has to say (section 2.6 of the specification).

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::auth::token::numeric_date;
use crate::rejection::{Reason, Rejection};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Whose logout tokens are taken.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) clients: Vec<String>,
    pub(super) requires_type: bool,
}

/// A token that says what it has to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LogoutToken {
    pub(super) id: String,
    pub(super) session: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) issued_at: Duration,
    pub(super) until: Duration,
}

/// A refusal of what was posted; the caller is told nothing of why.
#[cold]
pub(super) fn refuse(
    expected: impl Into<Cow<'static, str>>,
    found: impl Into<Cow<'static, str>>,
) -> Rejection {
    Rejection::new(Reason::BadLogoutToken).expected(expected).found(found)
}

impl Expected {
    /// Whether a header `typ`, in lower case and without `application/`, may stand on one.
    pub(super) fn takes_type(&self, typ: Option<&str>) -> bool {
        match typ {
            Some("logout+jwt") => true,
            Some("jwt") | None => !self.requires_type,
            Some(_) => false,
        }
    }

    /// Judges the claims of a token whose signature and issuer were found good.
    pub(super) fn check(
        &self,
        claims: &Map<String, Value>,
        now: Duration,
        skew: Duration,
    ) -> Result<LogoutToken, Rejection> {
        self.audience(claims)?;
        event(claims)?;
        if claims.contains_key("nonce") {
            return Err(refuse("no `nonce`", "one, as ID tokens have"));
        }
        let issued_at = time(claims, "iat")?;
        let until = time(claims, "exp")?;
        if issued_at > now.saturating_add(skew) {
            return Err(refuse("a token of now", "a token of the future"));
        }
        if now >= until.saturating_add(skew) {
            return Err(refuse("a token that is still valid", "a token that has expired"));
        }
        let id = text(claims, "jti")?.ok_or_else(|| refuse("a `jti`", "none"))?;
        let (session, subject) = (text(claims, "sid")?, text(claims, "sub")?);
        if session.is_none() && subject.is_none() {
            return Err(refuse("a `sid` or a `sub`", "neither"));
        }
        Ok(LogoutToken { id, session, subject, issued_at, until })
    }

    fn audience(&self, claims: &Map<String, Value>) -> Result<(), Rejection> {
        let is_ours = |name: &str| self.clients.iter().any(|client| client == name);
        let is_good = match claims.get("aud") {
            Some(Value::String(name)) => is_ours(name),
            Some(Value::Array(names)) => {
                names.iter().all(Value::is_string)
                    && names.iter().filter_map(Value::as_str).any(is_ours)
            }
            _ => false,
        };
        if is_good {
            return Ok(());
        }
        Err(refuse("`aud` with a client that is named here", "`aud` without one"))
    }
}

/// Its member for the logout is an object, and says nothing more. Keycloak has others beside it.
fn event(claims: &Map<String, Value>) -> Result<(), Rejection> {
    let events = claims.get("events").and_then(Value::as_object);
    match events.and_then(|events| events.get(EVENT)) {
        Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(refuse("an object for the logout event", "something else")),
        None => Err(refuse("`events` with the logout event", "`events` without it")),
    }
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, Rejection> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(refuse(format!("`{name}` as a text"), "something else")),
    }
}

fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Duration, Rejection> {
    let time = claims.get(name).and_then(numeric_date);
    time.ok_or_else(|| refuse(format!("`{name}` in seconds since 1970"), "something else"))
}
