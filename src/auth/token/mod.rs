//! Access tokens, whatever they look like: where they stand in a request, and what else is asked of
//! one that was verified.
//!
//! A scheme that takes tokens ([`jwt`](crate::auth::jwt) say) verifies the token itself. Whether it
//! was revoked since, and whether its sender may use it at all, is for [`TokenCheck`]s, which judge
//! every token anew, also one that is remembered as verified.

mod challenges;
mod check;
mod confirmation;
mod credentials;
mod numeric_date;
mod refusal;
pub(in crate::auth) mod words;

pub(in crate::auth) use challenges::{Challenges, Told};
pub(in crate::auth) use check::{Asked, Checks};
pub use check::{CheckOrder, Confirms, IntoTokenCheck, TokenCheck};
pub(in crate::auth) use confirmation::confirmation;
pub(in crate::auth) use credentials::{credentials, is_sent};
pub(in crate::auth) use numeric_date::numeric_date;
use refusal::EXPIRED;
pub(in crate::auth) use refusal::{INVALID, REVOKED, refuse};
pub(in crate::auth) use words::{clip, named, quote};

use http::HeaderValue;

use crate::context::Principal;

/// The authentication scheme that a token came under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// `Bearer` (RFC 6750).
    Bearer,
    /// `DPoP` (RFC 9449).
    Dpop,
}

/// A token that was verified, and whom it speaks for.
#[derive(Clone)]
pub struct Presented {
    kind: TokenKind,
    /// The header it came in, and where in there it begins.
    value: HeaderValue,
    start: usize,
    principal: Principal,
}

impl Presented {
    pub(in crate::auth) fn new(
        kind: TokenKind,
        value: HeaderValue,
        start: usize,
        principal: Principal,
    ) -> Self {
        Self { kind, value, start, principal }
    }

    /// The scheme it came under.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The token itself. A secret: never to be logged.
    pub fn text(&self) -> &[u8] {
        self.value.as_bytes().get(self.start..).unwrap_or_default()
    }

    /// Whom it speaks for.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(in crate::auth) fn into_principal(self) -> Principal {
        self.principal
    }
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("kind", &self.kind)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}
