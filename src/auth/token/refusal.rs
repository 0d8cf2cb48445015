//! What the sender of a token is told that is not taken.

use http::{HeaderValue, header::WWW_AUTHENTICATE};

use super::TokenKind;
use crate::rejection::{Reason, Rejection};

/// Whatever is wrong with it: whether it was cut off, signed by another key, meant for another service
/// or bound to another sender is what somebody who tries tokens out would like to know. The error code
/// of RFC 6750, section 3.1, tells none of it, and neither do the words beside it.
pub(in crate::auth) const INVALID: &str = "the token is not valid here";

/// Genuine once; no news to whoever holds it.
pub(in crate::auth) const EXPIRED: &str = "the token has expired";

/// Genuine once, and taken back.
pub(in crate::auth) const REVOKED: &str = "the token has been revoked";

/// The refusal of a verified token, as an error of the authentication scheme that it came under. The
/// realm, and what else the scheme says of itself, is put before it where all schemes are listed.
#[cold]
pub(in crate::auth) fn refuse(reason: Reason, told: &'static str, kind: TokenKind) -> Rejection {
    let scheme = match kind {
        TokenKind::Bearer => "Bearer",
        TokenKind::Dpop => "DPoP",
    };
    let error = format!("{scheme} error=\"invalid_token\", error_description=\"{told}\"");
    let rejection = Rejection::new(reason).detail(told);
    match HeaderValue::try_from(error) {
        Ok(error) => rejection.header(WWW_AUTHENTICATE, error),
        Err(_) => rejection,
    }
}
