//! How the user authenticated: `acr`, `amr` and `auth_time`, as OpenID Connect names them.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::claim_map::ClaimMap;
use super::claim_path::ClaimPath;
use super::claims::time;
use crate::context::PrincipalBuilder;

/// What the claims tell. What has another shape than it should is nothing: it grants nothing, and a
/// service that does not ask for it takes the token all the same.
pub(super) struct Login<'a> {
    acr: Vec<&'a str>,
    amr: Vec<&'a str>,
    auth_time: Option<Duration>,
}

impl<'a> Login<'a> {
    pub(super) fn of(map: &ClaimMap, claims: &'a Map<String, Value>) -> Self {
        // A class may be one word; the methods are a list (OpenID Connect Core, section 2).
        let acr = match found(&map.acr, "acr", claims) {
            Some(Value::String(class)) if !class.is_empty() => vec![class.as_str()],
            other => strings(other),
        };
        let amr = strings(found(&map.amr, "amr", claims));
        Self { acr, amr, auth_time: time(claims, "auth_time").ok().flatten() }
    }

    pub(super) fn add(self, mut principal: PrincipalBuilder) -> PrincipalBuilder {
        principal = self.acr.into_iter().fold(principal, PrincipalBuilder::acr);
        if !self.amr.is_empty() {
            principal = principal.amr(self.amr);
        }
        match self.auth_time {
            Some(time) => principal.auth_time(time),
            None => principal,
        }
    }
}

fn found<'a>(
    paths: &[ClaimPath],
    usual: &'static str,
    claims: &'a Map<String, Value>,
) -> Option<&'a Value> {
    match paths {
        [] => claims.get(usual),
        paths => paths.iter().find_map(|path| path.of(claims)),
    }
}

fn strings(found: Option<&Value>) -> Vec<&str> {
    let list = found.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default()
}

impl ClaimMap {
    /// Where the class of the user's authentication is: a string, or an array of strings, all of
    /// which then count, as in the `acrs` of Microsoft Entra ID. Of several calls the first claim
    /// that is there counts. Default: `acr`.
    pub fn acr(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.acr.push(ClaimPath::new(claim));
        self
    }

    /// Where the methods of the user's authentication are: an array of strings. Of several calls
    /// the first claim that is there counts. Default: `amr`.
    pub fn amr(mut self, claim: impl Into<Cow<'static, str>>) -> Self {
        self.amr.push(ClaimPath::new(claim));
        self
    }
}
