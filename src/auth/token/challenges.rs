//! What a scheme says in `WWW-Authenticate` (RFC 6750, section 3).

use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;

use super::{Checks, EXPIRED, INVALID, TokenKind};
use crate::auth::realm;
use crate::error::Mistakes;
use crate::rejection::{Reason, Rejection};

/// The public side of a fault: fixed words, nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Told {
    Invalid,
    Expired,
}

impl Told {
    /// In the order of their declaration.
    const ALL: [Self; 2] = [Self::Invalid, Self::Expired];

    /// The `error_description` of RFC 6750.
    pub(in crate::auth) fn text(self) -> &'static str {
        match self {
            Self::Invalid => INVALID,
            Self::Expired => EXPIRED,
        }
    }

    fn reason(self) -> Reason {
        match self {
            Self::Invalid => Reason::InvalidCredentials,
            Self::Expired => Reason::ExpiredCredentials,
        }
    }
}

/// The challenges of one realm, made once.
#[derive(Debug)]
pub(in crate::auth) struct Challenges {
    plain: HeaderValue,
    errors: Vec<HeaderValue>,
}

impl Default for Challenges {
    fn default() -> Self {
        Self { plain: HeaderValue::from_static("Bearer"), errors: Vec::new() }
    }
}

impl Challenges {
    /// Of the realm that a builder's `realm` was given.
    pub(in crate::auth) fn given(realm: &str, mistakes: &mut Mistakes) -> Self {
        let plain = realm::challenge("Bearer", realm, mistakes);
        plain.and_then(|plain| Self::new(&plain)).unwrap_or_default()
    }

    fn new(plain: &str) -> Option<Self> {
        let error = |told: Told| {
            HeaderValue::try_from(format!(
                "{plain}, error=\"invalid_token\", error_description=\"{}\"",
                told.text()
            ))
        };
        let errors = Told::ALL.into_iter().map(error).collect::<Result<_, _>>().ok()?;
        Some(Self { plain: HeaderValue::try_from(plain).ok()?, errors })
    }

    /// What a scheme with these checks offers.
    pub(in crate::auth) fn offered(&self, checks: &Checks) -> Vec<HeaderValue> {
        checks.offered(&self.plain)
    }

    /// The refusal of a token that came under this kind, as far as its sender is told of it.
    #[cold]
    pub(in crate::auth) fn refuse(
        &self,
        told: Told,
        kind: TokenKind,
        checks: &Checks,
    ) -> Rejection {
        let rejection = Rejection::new(told.reason()).detail(told.text());
        let own = || self.errors.get(told as usize).cloned();
        match checks.invalid_token(kind, told.text()).or_else(own) {
            Some(challenge) => rejection.header(WWW_AUTHENTICATE, challenge),
            None => rejection,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_can_stand_in_a_quoted_string() {
        for (place, told) in Told::ALL.into_iter().enumerate() {
            assert_eq!(told as usize, place);
            assert!(told.text().is_ascii() && !told.text().contains(['"', '\\']), "{told:?}");
        }
    }
}
