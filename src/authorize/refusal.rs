//! What a caller is told who is not let through.

use std::{fmt, time::Duration};

use http::{HeaderValue, header::WWW_AUTHENTICATE};

use super::requirement::{Requirement, Rule, is_token};
use crate::{
    context::Principal,
    rejection::{Reason, Rejection},
};

const STRONGER: &str = "a stronger authentication is required";
const NEWER: &str = "a more recent authentication is required";

impl Requirement {
    #[cold]
    pub(super) fn refuse(&self, principal: &Principal, now: Option<Duration>) -> Rejection {
        let mut needed = Needed::default();
        let is_possible = self.needed(principal, now, &mut needed);
        let reason = match (is_possible, needed.why()) {
            (true, Some(_)) if has_token(principal) => Reason::InsufficientAuthentication,
            // Credentials of other schemes tell nothing of an authentication, and never will.
            (true, Some(_)) => Reason::Forbidden,
            _ => Reason::InsufficientScope,
        };
        let rejection = Rejection::new(reason)
            .expected(self.to_string())
            .found(Holdings(principal, now).to_string());
        let scheme = challenge(principal);
        match (reason, needed.why()) {
            _ if !has_token(principal) => rejection,
            (Reason::InsufficientAuthentication, Some(why)) => {
                rejection.detail(why).header(WWW_AUTHENTICATE, needed.step_up(scheme, why))
            }
            _ => rejection.header(WWW_AUTHENTICATE, needed.insufficient_scope(scheme, is_possible)),
        }
    }

    /// Adds what a new token would need for `principal` to be let through, what it holds included;
    /// `false` where no token could help.
    fn needed<'a>(
        &'a self,
        principal: &Principal,
        now: Option<Duration>,
        needed: &mut Needed<'a>,
    ) -> bool {
        let is_met = || self.is_met_by(principal, now);
        match &self.0 {
            Rule::Scope(name) => {
                needed.more_scope |= !is_met();
                add(&mut needed.scopes, name);
                true
            }
            Rule::Role(_) | Rule::Delegated(_) => is_met(),
            Rule::Acr(classes) => {
                needed.stronger |= !is_met();
                classes.iter().for_each(|class| add(&mut needed.classes, class));
                !classes.is_empty()
            }
            Rule::Amr(_) => {
                needed.stronger |= !is_met();
                true
            }
            Rule::MaxAge(oldest) => {
                needed.newer |= !is_met();
                needed.max_age = Some(needed.max_age.map_or(*oldest, |other| other.min(*oldest)));
                true
            }
            Rule::Any(parts) => {
                let before = needed.clone();
                let met = parts.iter().filter(|part| part.is_met_by(principal, now));
                met.chain(parts).any(|part| {
                    needed.clone_from(&before);
                    part.needed(principal, now, needed)
                })
            }
            Rule::All(parts) => {
                let mut each = parts.iter();
                !parts.is_empty() && each.all(|part| part.needed(principal, now, needed))
            }
        }
    }
}

/// A token with which a caller would be let through, and what the one at hand lacks of it.
#[derive(Clone, Default)]
struct Needed<'a> {
    scopes: Vec<&'a str>,
    classes: Vec<&'a str>,
    max_age: Option<Duration>,
    more_scope: bool,
    stronger: bool,
    newer: bool,
}

impl Needed<'_> {
    /// Why the user has to authenticate again, where that is needed.
    fn why(&self) -> Option<&'static str> {
        match (self.stronger, self.newer) {
            (true, _) => Some(STRONGER),
            (false, true) => Some(NEWER),
            (false, false) => None,
        }
    }

    /// RFC 9470, section 3: `scope` is there where it is lacking too.
    fn step_up(&self, scheme: &'static str, why: &'static str) -> HeaderValue {
        let mut told = format!(
            "{scheme} error=\"insufficient_user_authentication\", error_description=\"{why}\""
        );
        told += &quoted("acr_values", &self.classes);
        if let Some(max_age) = self.max_age {
            told += &format!(", max_age=\"{}\"", max_age.as_secs());
        }
        if self.more_scope {
            told += &quoted("scope", &self.scopes);
        }
        HeaderValue::try_from(told).unwrap_or(HeaderValue::from_static(scheme))
    }

    /// RFC 6750, section 3.1: `scope` is there where scopes alone would do.
    fn insufficient_scope(&self, scheme: &'static str, is_possible: bool) -> HeaderValue {
        let scopes = if is_possible { quoted("scope", &self.scopes) } else { String::new() };
        let told = format!("{scheme} error=\"insufficient_scope\"{scopes}");
        HeaderValue::try_from(told).unwrap_or(HeaderValue::from_static(scheme))
    }
}

/// A parameter of names; nothing where there is none, or where one would end the quotes.
fn quoted(parameter: &str, names: &[&str]) -> String {
    if names.is_empty() || !names.iter().all(|name| is_token(name)) {
        return String::new();
    }
    format!(", {parameter}=\"{}\"", names.join(" "))
}

fn add<'a>(names: &mut Vec<&'a str>, name: &'a str) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// Whether the caller came with a token of OAuth, which another one can take the place of.
fn has_token(principal: &Principal) -> bool {
    matches!(principal.scheme(), "jwt" | "bearer" | "introspection")
}

/// The scheme of the challenge: a token that is bound to a key is no bearer token (RFC 9449,
/// section 7.1).
fn challenge(principal: &Principal) -> &'static str {
    let is_bound = principal.confirmation().is_some_and(|asked| asked.key().is_some());
    if is_bound { "DPoP" } else { "Bearer" }
}

/// What a principal holds, for observers.
struct Holdings<'a>(&'a Principal, Option<Duration>);

impl fmt::Display for Holdings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(principal, now) = self;
        f.write_str("scopes")?;
        principal.scopes().try_for_each(|name| write!(f, " {name}"))?;
        f.write_str("; roles")?;
        principal.roles().try_for_each(|name| write!(f, " {name}"))?;
        if let Some(acr) = principal.acr() {
            write!(f, "; acr {acr}")?;
        }
        let mut methods = principal.amr().peekable();
        if methods.peek().is_some() {
            f.write_str("; amr")?;
            methods.try_for_each(|method| write!(f, " {method}"))?;
        }
        if let (Some(then), Some(now)) = (principal.auth_time(), now) {
            write!(f, "; authenticated {} s ago", now.saturating_sub(then).as_secs())?;
        }
        if let Some(actor) = principal.actor() {
            write!(f, "; by {actor}")?;
        }
        Ok(())
    }
}
