//! Where a token stands in a request.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::TokenKind;
use crate::rejection::{Reason, Rejection};

/// A token as it was sent.
#[derive(Clone, Copy)]
pub(in crate::auth) struct Credentials<'a> {
    pub(in crate::auth) kind: TokenKind,
    pub(in crate::auth) token: &'a [u8],
    value: &'a HeaderValue,
}

impl<'a> Credentials<'a> {
    /// What follows the scheme's name, which is case-insensitive (RFC 9110, section 11.1); empty
    /// where nothing does.
    pub(in crate::auth) fn of(value: &'a HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let (kind, rest) = match bytes.split_at_checked("Bearer".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"Bearer") => {
                (TokenKind::Bearer, rest)
            }
            _ => match bytes.split_at_checked("DPoP".len())? {
                (scheme, rest) if scheme.eq_ignore_ascii_case(b"DPoP") => (TokenKind::Dpop, rest),
                _ => return None,
            },
        };
        let token = match rest.first() {
            None => rest,
            Some(b' ') => {
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                rest.get(spaces..)?
            }
            Some(_) => return None,
        };
        Some(Self { kind, token, value })
    }

    /// The header again, and where in it the token begins.
    pub(in crate::auth) fn place(&self) -> (HeaderValue, usize) {
        (self.value.clone(), self.value.len().saturating_sub(self.token.len()))
    }
}

/// Whether a request carries a token, good or bad.
pub(in crate::auth) fn is_sent(headers: &HeaderMap, takes: impl Fn(TokenKind) -> bool) -> bool {
    let is_token = |value| Credentials::of(value).is_some_and(|found| takes(found.kind));
    headers.get(AUTHORIZATION).is_some_and(is_token)
        || (may_repeat(headers) && headers.get_all(AUTHORIZATION).iter().any(is_token))
}

/// The one token of a request. Two `Authorization` headers are two readings of one request.
pub(in crate::auth) fn credentials(
    headers: &HeaderMap,
    takes: impl Fn(TokenKind) -> bool,
) -> Result<Option<Credentials<'_>>, Rejection> {
    let of = |value| Credentials::of(value).filter(|found| takes(found.kind));
    if !may_repeat(headers) {
        return Ok(headers.get(AUTHORIZATION).and_then(of));
    }
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let token = values.next().and_then(of);
    match values.next() {
        None => Ok(token),
        Some(second)
            if token.is_some()
                || of(second).is_some()
                || values.any(|value| of(value).is_some()) =>
        {
            Err(Rejection::new(Reason::AmbiguousCredentials)
                .detail("more than one `Authorization` header was sent")
                .expected("one `Authorization` header")
                .found("several, a token in one of them"))
        }
        Some(_) => Ok(None),
    }
}

/// Whether some header has several values: seldom, and told without a look-up.
fn may_repeat(headers: &HeaderMap) -> bool {
    headers.len() > headers.keys_len()
}
