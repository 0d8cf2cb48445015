//! Claims that every token must have.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::builder::JwtBuilder;
use super::claim_path::ClaimPath;
use super::fault::{Fault, quote};
use crate::error::Mistakes;

impl JwtBuilder {
    /// Takes a token only if a claim is there with this value: a claim's name, or a JSON pointer if
    /// it begins with `/`. Several calls must all be met.
    ///
    /// What marks access tokens as such belongs into the [map](Self::claim_map).
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::jwt::{ClaimValue, Jwt};
    ///
    /// let jwt = Jwt::builder()
    ///     .require_claim("email_verified", true)
    ///     .require_claim("jti", ClaimValue::any())
    ///     .require_claim("/address/country", ClaimValue::one_of(["DE", "FR"]))
    ///     .require_claim("groups", ClaimValue::containing("staff"));
    /// # let _ = jwt;
    /// ```
    pub fn require_claim(
        mut self,
        claim: impl Into<Cow<'static, str>>,
        value: impl Into<ClaimValue>,
    ) -> Self {
        let ClaimValue(must) = value.into();
        self.required.push(Required { claim: ClaimPath::new(claim), must });
        self
    }
}

/// What a required claim must hold: a value such as `true` or `"x"`, or one of these forms.
///
/// Values are compared exactly, type and all: `"1"` is not `1`.
#[derive(Clone, Debug)]
pub struct ClaimValue(Must);

#[derive(Clone, Debug)]
enum Must {
    BeThere,
    Be(Vec<Value>),
    Contain(Value),
}

impl ClaimValue {
    /// Anything but `null`.
    pub fn any() -> Self {
        Self(Must::BeThere)
    }

    /// One of several values.
    pub fn one_of<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Self {
        Self(Must::Be(values.into_iter().map(Into::into).collect()))
    }

    /// An array with this value in it.
    pub fn containing(value: impl Into<Value>) -> Self {
        Self(Must::Contain(value.into()))
    }
}

/// This value and no other.
impl<V: Into<Value>> From<V> for ClaimValue {
    fn from(value: V) -> Self {
        Self::one_of([value])
    }
}

/// One claim, and what it must hold.
#[derive(Clone, Debug)]
pub(super) struct Required {
    claim: ClaimPath,
    must: Must,
}

impl Required {
    /// Adds what cannot be meant.
    pub(super) fn mistakes(&self, mistakes: &mut Mistakes) {
        let claim = self.claim.as_str();
        if self.claim.is_empty() {
            let remedy = "write a claim's name, or a JSON pointer such as `/address/country`";
            mistakes.push("require_claim", claim, "names no claim", remedy);
        } else if !self.claim.is_well_formed() {
            let remedy = "write `~0` for `~` and `~1` for `/` within a name";
            mistakes.push("require_claim", claim, "is not a JSON pointer", remedy);
        }
        match &self.must {
            Must::Be(values) if values.is_empty() => {
                let remedy = "name a value, or write `ClaimValue::any()`";
                mistakes.push("require_claim", claim, "may have no value at all", remedy);
            }
            Must::Be(values) if values.contains(&Value::Null) => {
                let remedy = "name a value, or leave it out";
                mistakes.push("require_claim", claim, "may be `null`, which is nothing", remedy);
            }
            _ => {}
        }
    }

    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let found = self.claim.of(claims);
        let is_met = found.is_some_and(|found| match &self.must {
            Must::BeThere => !found.is_null(),
            Must::Be(values) => values.contains(found),
            Must::Contain(value) => found.as_array().is_some_and(|list| list.contains(value)),
        });
        if is_met {
            return Ok(());
        }
        let expected = match &self.must {
            Must::BeThere => "any value".to_owned(),
            Must::Be(values) => values.iter().map(shown).collect::<Vec<_>>().join(" or "),
            Must::Contain(value) => format!("an array with {}", shown(value)),
        };
        Err(Fault::claim(self.claim.as_str(), expected, found))
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => other.to_string(),
    }
}
