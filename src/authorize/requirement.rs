//! What a principal must hold.

use std::{fmt, time::Duration};

use super::login;
use crate::{context::Principal, error::Mistakes, rejection::Rejection};

/// What a principal must hold to be let through: scopes, roles, a strong authentication, joined by
/// *and* and *or*.
///
/// Built by [`scope`], [`role`], [`acr`](super::acr), [`amr`](super::amr),
/// [`max_age`](super::max_age), [`not_delegated`](super::not_delegated), [`any`] and [`all`]; it prints as a person would say it, and judging a principal
/// allocates nothing.
///
/// # Example
/// ```
/// use tower_parapet::authorize::{any, role, scope};
///
/// let requirement = scope("orders:write").and(any([role("clerk"), role("admin")]));
/// assert_eq!(
///     requirement.to_string(),
///     "scope orders:write and (role clerk or role admin)",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a requirement does nothing until a policy or an `Authorize` holds it"]
pub struct Requirement(pub(super) Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    Scope(Box<str>),
    Role(Box<str>),
    /// Any one of these classes of authentication, the preferred one first.
    Acr(Vec<Box<str>>),
    Amr(Box<str>),
    MaxAge(Duration),
    /// Whether somebody acts for the caller.
    Delegated(bool),
    Any(Vec<Requirement>),
    All(Vec<Requirement>),
}

/// The principal holds this scope: one scope-token of [RFC 6749](https://www.rfc-editor.org/rfc/rfc6749#section-3.3),
/// compared character by character.
pub fn scope(name: impl Into<Box<str>>) -> Requirement {
    Requirement(Rule::Scope(name.into()))
}

/// The principal holds this role, compared character by character.
pub fn role(name: impl Into<Box<str>>) -> Requirement {
    Requirement(Rule::Role(name.into()))
}

/// At least one of these is met. Of nothing, none can be: an empty list admits nobody.
pub fn any(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Rule::Any(requirements.into_iter().collect()))
}

/// Every one of these is met. An empty list admits nobody, since a list that was read from somewhere and came out
/// empty must not open a route.
pub fn all(requirements: impl IntoIterator<Item = Requirement>) -> Requirement {
    Requirement(Rule::All(requirements.into_iter().collect()))
}

impl Requirement {
    /// Both this and `other`.
    pub fn and(self, other: Requirement) -> Self {
        match self.0 {
            Rule::All(mut parts) if !parts.is_empty() => {
                parts.push(other);
                Self(Rule::All(parts))
            }
            rule => all([Self(rule), other]),
        }
    }

    /// This or `other`, or both.
    pub fn or(self, other: Requirement) -> Self {
        match self.0 {
            Rule::Any(mut parts) => {
                parts.push(other);
                Self(Rule::Any(parts))
            }
            rule => any([Self(rule), other]),
        }
    }

    /// Whether `principal` holds what is asked. Without a time, no authentication is recent:
    /// [`is_met_at`](Self::is_met_at) has one.
    #[must_use]
    pub fn is_met(&self, principal: &Principal) -> bool {
        self.is_met_by(principal, None)
    }

    /// Whether `principal` holds what is asked, at a time since the Unix epoch.
    #[must_use]
    pub fn is_met_at(&self, principal: &Principal, unix: Duration) -> bool {
        self.is_met_by(principal, Some(unix))
    }

    pub(super) fn is_met_by(&self, principal: &Principal, now: Option<Duration>) -> bool {
        match &self.0 {
            Rule::Scope(name) => principal.has_scope(name),
            Rule::Role(name) => principal.has_role(name),
            Rule::Acr(classes) => login::has_one_of(principal, classes),
            Rule::Amr(method) => principal.amr().any(|used| *used == **method),
            Rule::MaxAge(oldest) => login::is_recent(principal, *oldest, now),
            Rule::Delegated(wanted) => principal.actor().is_some() == *wanted,
            Rule::Any(parts) => parts.iter().any(|part| part.is_met_by(principal, now)),
            Rule::All(parts) => {
                !parts.is_empty() && parts.iter().all(|part| part.is_met_by(principal, now))
            }
        }
    }

    /// Judges `principal`, as [`is_met`](Self::is_met) does.
    ///
    /// # Errors
    /// As [`check_at`](Self::check_at).
    pub fn check(&self, principal: &Principal) -> Result<(), Rejection> {
        self.check_by(principal, None)
    }

    /// Judges `principal` at a time since the Unix epoch.
    ///
    /// # Errors
    /// [`InsufficientAuthentication`](crate::Reason::InsufficientAuthentication) when a caller with
    /// a token would be let through after a stronger or more recent authentication; the challenge
    /// says which ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470#section-3)).
    /// [`InsufficientScope`](crate::Reason::InsufficientScope) when it lacks something else. A caller
    /// with a token is told which scopes would do
    /// ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)); roles are shown to
    /// observers only. [`Forbidden`](crate::Reason::Forbidden) when it has no token, and its
    /// credentials tell nothing of an authentication.
    pub fn check_at(&self, principal: &Principal, unix: Duration) -> Result<(), Rejection> {
        self.check_by(principal, Some(unix))
    }

    pub(super) fn check_by(
        &self,
        principal: &Principal,
        now: Option<Duration>,
    ) -> Result<(), Rejection> {
        if self.is_met_by(principal, now) { Ok(()) } else { Err(self.refuse(principal, now)) }
    }

    /// Whether the time of day has a part in it.
    pub(super) fn is_timed(&self) -> bool {
        match &self.0 {
            Rule::MaxAge(_) => true,
            Rule::Any(parts) | Rule::All(parts) => parts.iter().any(Self::is_timed),
            _ => false,
        }
    }

    /// Adds what is wrong with this requirement to the mistakes of the setter that was given it: a
    /// name that no token can hold, a list of nothing.
    pub fn mistakes(&self, setter: &'static str, mistakes: &mut Mistakes) {
        match &self.0 {
            Rule::Scope(name) if !is_token(name) => mistakes.push(
                setter,
                &**name,
                "is not a scope",
                "name one scope, without spaces, quotes or backslashes, and join several by `and`",
            ),
            Rule::Role(name) if name.is_empty() => {
                mistakes.push(setter, "", "a role has no name", "name it as the issuer does");
            }
            Rule::Acr(_) | Rule::Amr(_) | Rule::MaxAge(_) => {
                login::mistakes(&self.0, setter, mistakes)
            }
            Rule::Scope(_) | Rule::Role(_) | Rule::Delegated(_) => {}
            Rule::Any(parts) | Rule::All(parts) if parts.is_empty() => mistakes.push(
                setter,
                "",
                "a list of requirements is empty, which admits nobody",
                "put at least one scope or role into it",
            ),
            Rule::Any(parts) | Rule::All(parts) => {
                parts.iter().for_each(|part| part.mistakes(setter, mistakes));
            }
        }
    }

    fn is_compound(&self) -> bool {
        match &self.0 {
            Rule::Any(parts) | Rule::All(parts) => match parts.as_slice() {
                [] => false,
                [only] => only.is_compound(),
                _ => true,
            },
            _ => false,
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Scope(name) => write!(f, "scope {name}"),
            Rule::Role(name) => write!(f, "role {name}"),
            Rule::Acr(classes) => write!(f, "acr {}", classes.join(" | ")),
            Rule::Amr(method) => write!(f, "amr {method}"),
            Rule::MaxAge(oldest) => write!(f, "authenticated within {} s", oldest.as_secs()),
            Rule::Delegated(true) => f.write_str("delegated"),
            Rule::Delegated(false) => f.write_str("not delegated"),
            Rule::Any(parts) => join(f, parts, " or "),
            Rule::All(parts) => join(f, parts, " and "),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Requirement], word: &str) -> fmt::Result {
    if parts.is_empty() {
        return f.write_str("nobody");
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(word)?;
        }
        if parts.len() > 1 && part.is_compound() {
            write!(f, "({part})")?;
        } else {
            write!(f, "{part}")?;
        }
    }
    Ok(())
}

/// RFC 6749, section 3.3: `scope-token`.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
