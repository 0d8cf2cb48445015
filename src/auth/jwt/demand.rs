//! What a claim has to be for a token to be an access token.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::claim_path::ClaimPath;
use super::fault::{Fault, Kind, quote};

/// One condition on one claim, or on the first of several that is there.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) claims: Vec<ClaimPath>,
    pub(super) must: Must,
}

#[derive(Clone, Debug)]
pub(super) enum Must {
    Be(Vec<Value>),
    Begin(Cow<'static, str>),
    End(Cow<'static, str>),
    BeThere,
    BeAbsent,
}

impl Demand {
    pub(super) fn is_empty(&self) -> bool {
        let nothing = match &self.must {
            Must::Be(values) => values.is_empty(),
            Must::Begin(text) | Must::End(text) => text.is_empty(),
            Must::BeThere | Must::BeAbsent => false,
        };
        nothing || self.claims.is_empty() || self.claims.iter().any(ClaimPath::is_empty)
    }

    pub(super) fn check(&self, claims: &Map<String, Value>) -> Result<(), Fault> {
        let found = self.claims.iter().find_map(|path| path.of(claims));
        let text = found.and_then(Value::as_str);
        let is_met = match &self.must {
            Must::Be(values) => found.is_some_and(|found| values.contains(found)),
            Must::Begin(prefix) => text.is_some_and(|text| text.starts_with(&**prefix)),
            Must::End(suffix) => text.is_some_and(|text| text.ends_with(&**suffix)),
            Must::BeThere => found.is_some_and(|found| !found.is_null()),
            Must::BeAbsent => found.is_none(),
        };
        if is_met { Ok(()) } else { Err(self.fault(found)) }
    }

    fn fault(&self, found: Option<&Value>) -> Fault {
        let names: Vec<_> = self.claims.iter().map(ClaimPath::as_str).collect();
        let expected = match &self.must {
            Must::Be(values) => values.iter().map(shown).collect::<Vec<_>>().join(" or "),
            Must::Begin(prefix) => format!("{} and more", quote(prefix)),
            Must::End(suffix) => format!("something that ends with {}", quote(suffix)),
            Must::BeThere => "a claim that access tokens have".to_owned(),
            Must::BeAbsent => "no such claim".to_owned(),
        };
        let kind = found.and_then(Value::as_str).map_or(Kind::Unmarked, Kind::of_claim);
        Fault::unmarked(names.join("` or `"), expected, found, kind)
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => other.to_string(),
    }
}
