//! What a principal must hold.

use std::fmt;

use http::{HeaderValue, header::WWW_AUTHENTICATE};

use crate::{
    context::Principal,
    error::Mistakes,
    rejection::{Reason, Rejection},
};

/// What a principal must hold to be let through: scopes and roles, joined by *and* and *or*.
///
/// Built by [`scope`], [`role`], [`any`] and [`all`]; it prints as a person would say it, and judging a principal
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
pub struct Requirement(Rule);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Scope(Box<str>),
    Role(Box<str>),
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

    /// Whether `principal` holds what is asked.
    #[must_use]
    pub fn is_met(&self, principal: &Principal) -> bool {
        match &self.0 {
            Rule::Scope(name) => principal.has_scope(name),
            Rule::Role(name) => principal.has_role(name),
            Rule::Any(parts) => parts.iter().any(|part| part.is_met(principal)),
            Rule::All(parts) => {
                !parts.is_empty() && parts.iter().all(|part| part.is_met(principal))
            }
        }
    }

    /// Judges `principal`.
    ///
    /// # Errors
    /// [`Reason::InsufficientScope`] when it lacks something. A caller with a bearer token is told
    /// which scopes would do ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)); roles
    /// are shown to observers only.
    pub fn check(&self, principal: &Principal) -> Result<(), Rejection> {
        if self.is_met(principal) { Ok(()) } else { Err(self.refuse(principal)) }
    }

    #[cold]
    fn refuse(&self, principal: &Principal) -> Rejection {
        let rejection = Rejection::new(Reason::InsufficientScope)
            .expected(self.to_string())
            .found(Holdings(principal).to_string());
        if matches!(principal.scheme(), "jwt" | "bearer" | "introspection") {
            rejection.header(WWW_AUTHENTICATE, self.challenge(principal))
        } else {
            rejection
        }
    }

    fn challenge(&self, principal: &Principal) -> HeaderValue {
        let mut needed = Vec::new();
        let bare = HeaderValue::from_static("Bearer error=\"insufficient_scope\"");
        if !self.needed_scopes(principal, &mut needed) || !needed.iter().all(|name| is_token(name))
        {
            return bare;
        }
        let told = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", needed.join(" "));
        HeaderValue::try_from(told).unwrap_or(bare)
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
            Rule::Scope(_) | Rule::Role(_) => {}
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

    /// Appends the scopes with which `principal` would be let through, those it holds included; `false` where no
    /// scope could help it.
    fn needed_scopes<'a>(&'a self, principal: &Principal, needed: &mut Vec<&'a str>) -> bool {
        match &self.0 {
            Rule::Scope(name) => {
                if !needed.contains(&&**name) {
                    needed.push(name);
                }
                true
            }
            Rule::Role(name) => principal.has_role(name),
            Rule::Any(parts) => {
                let before = needed.len();
                let met = parts.iter().filter(|part| part.is_met(principal));
                met.chain(parts).any(|part| {
                    needed.truncate(before);
                    part.needed_scopes(principal, needed)
                })
            }
            Rule::All(parts) => {
                let mut each = parts.iter();
                !parts.is_empty() && each.all(|part| part.needed_scopes(principal, needed))
            }
        }
    }

    fn is_compound(&self) -> bool {
        match &self.0 {
            Rule::Scope(_) | Rule::Role(_) => false,
            Rule::Any(parts) | Rule::All(parts) => match parts.as_slice() {
                [] => false,
                [only] => only.is_compound(),
                _ => true,
            },
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Rule::Scope(name) => write!(f, "scope {name}"),
            Rule::Role(name) => write!(f, "role {name}"),
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
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// What a principal holds, for observers.
struct Holdings<'a>(&'a Principal);

impl fmt::Display for Holdings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scopes")?;
        self.0.scopes().try_for_each(|name| write!(f, " {name}"))?;
        f.write_str("; roles")?;
        self.0.roles().try_for_each(|name| write!(f, " {name}"))
    }
}
