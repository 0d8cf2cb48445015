//! The claims of a token, as a type of the service.

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::known::principal;
use crate::rejection::{Reason, Rejection};

/// The claims of the caller's token, read into a type of the service's own.
///
/// A caller whose claims do not fit is known, and asking for the same credentials again would not
/// help: the answer is 403, not 401. So is it for a caller without claims, by an API key say. What
/// did not fit is told to observers only.
///
/// # Example
/// ```
/// use tower_parapet::extract::Claims;
///
/// #[derive(serde::Deserialize)]
/// struct Tenant {
///     tenant: String,
/// }
///
/// async fn orders(Claims(caller): Claims<Tenant>) -> String {
///     format!("orders of {}", caller.tenant)
/// }
/// # let _ = axum::routing::get::<_, _, ()>(orders);
/// ```
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "it is taken apart in the arguments of handlers")]
pub struct Claims<T>(pub T);

impl<S, T> FromRequestParts<S> for Claims<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let caller = principal(parts)?;
        let claims = caller.claims_as().ok_or_else(|| {
            Rejection::new(Reason::Forbidden)
                .expected("a principal with claims")
                .found(format!("none, by the scheme {}", caller.scheme()))
        })?;
        claims.map(Claims).map_err(|error| {
            Rejection::new(Reason::Forbidden)
                .expected("claims that fit")
                .found("others")
                .cause(error)
        })
    }
}
