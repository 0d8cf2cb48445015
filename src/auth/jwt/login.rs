//! How the user authenticated: `acr`, `amr` and `auth_time`, as OpenID Connect names them.

use serde_json::{Map, Value};

use super::claims::time;
use crate::context::PrincipalBuilder;

/// Adds what the claims tell. What has another shape than it should is nothing: it grants nothing,
/// and a service that does not ask for it takes the token all the same.
pub(super) fn add(
    mut principal: PrincipalBuilder,
    claims: &Map<String, Value>,
) -> PrincipalBuilder {
    if let Some(acr) = claims.get("acr").and_then(Value::as_str).filter(|acr| !acr.is_empty()) {
        principal = principal.acr(acr);
    }
    if let Some(Value::Array(methods)) = claims.get("amr")
        && let Some(methods) = methods.iter().map(Value::as_str).collect::<Option<Vec<_>>>()
        && !methods.is_empty()
    {
        principal = principal.amr(methods);
    }
    match time(claims, "auth_time") {
        Ok(Some(time)) => principal.auth_time(time),
        _ => principal,
    }
}
