//! What was wrong with a proof: told to the record, the caller gets the code of RFC 9449.

use std::borrow::Cow;

use crate::auth::token;
pub(super) use crate::auth::token::quote;

/// Why a request with a bound token was refused. None of these holds the proof or the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("there is no proof beside the token")]
    Missing,
    #[error("there is more than one proof")]
    Repeated,
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    #[error("the proof's type is not `dpop+jwt`")]
    Type,
    #[error("the proof's algorithm is not accepted")]
    Algorithm { expected: String, found: String },
    #[error("the proof's key {0}")]
    Key(&'static str),
    #[error("the proof's signature is wrong")]
    Signature,
    #[error("the proof's claim `{name}` is not acceptable")]
    Claim { name: &'static str, expected: Cow<'static, str>, found: String },
    #[error("the proof is for another method")]
    Method { expected: String, found: String },
    #[error("the proof is for another URI")]
    Uri { expected: String, found: String },
    #[error("the proof was made {0} s ago")]
    Old(u64),
    #[error("the proof will be made in {0} s")]
    Future(u64),
    #[error("the proof is for another token")]
    Token,
    #[error("the proof has no nonce")]
    NoNonce,
    #[error("the proof's nonce is not one of ours, or no longer")]
    Nonce,
    #[error("the proof was used before")]
    Replayed,
    #[error("the token is bound to another key than the proof's")]
    WrongKey,
    #[error("the token is bound to no key, and came as `DPoP`")]
    Unbound,
    #[error("the token is bound to no key, and only bound ones are taken")]
    NotBound,
    #[error("the token is bound to a key, and came as `Bearer`")]
    Downgraded,
}

/// What the caller is told: the error codes of RFC 9449, sections 7.1 and 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    InvalidProof,
    InvalidToken,
    UseNonce,
}

impl Told {
    /// In the order of their declaration.
    pub(super) const ALL: [Self; 3] = [Self::InvalidProof, Self::InvalidToken, Self::UseNonce];

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::InvalidProof => "invalid_dpop_proof",
            Self::InvalidToken => "invalid_token",
            Self::UseNonce => "use_dpop_nonce",
        }
    }

    /// The `error_description`.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::InvalidProof => "the proof of possession is missing or not valid",
            Self::InvalidToken => token::INVALID,
            Self::UseNonce => "the proof needs the nonce in `DPoP-Nonce`",
        }
    }
}

impl Flaw {
    pub(super) fn told(&self) -> Told {
        match self {
            Self::WrongKey | Self::Unbound | Self::NotBound | Self::Downgraded => {
                Told::InvalidToken
            }
            Self::NoNonce | Self::Nonce => Told::UseNonce,
            _ => Told::InvalidProof,
        }
    }

    /// A stable word for the record's note `proof`, to count by.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::Malformed(_) | Self::Type | Self::Claim { .. } => "malformed",
            Self::Algorithm { .. } | Self::Key(_) => "bad-key",
            Self::Signature => "forged",
            Self::Method { .. } => "other-method",
            Self::Uri { .. } => "other-uri",
            Self::Old(_) => "old",
            Self::Future(_) => "future",
            Self::Token => "other-token",
            Self::NoNonce => "no-nonce",
            Self::Nonce => "stale-nonce",
            Self::Replayed => "replayed",
            Self::WrongKey => "other-key",
            Self::Unbound | Self::NotBound => "unbound-token",
            Self::Downgraded => "bound-token-as-bearer",
        }
    }

    /// What would have been taken, for the record.
    pub(super) fn expected(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Algorithm { expected, .. }
            | Self::Method { expected, .. }
            | Self::Uri { expected, .. } => return Cow::Owned(expected.clone()),
            Self::Claim { expected, .. } => return expected.clone(),
            Self::Missing | Self::Repeated => "one `DPoP` header",
            Self::Malformed(_) => "three parts of base64url, of a JSON object each",
            Self::Type => "`dpop+jwt`",
            Self::Key(_) => "a public key in `jwk`, for the proof's algorithm",
            Self::Signature => "a signature of the proof's own key",
            Self::Old(_) | Self::Future(_) => {
                "a proof made for this request, by a clock that is right"
            }
            Self::Token => "`ath`, the SHA-256 of the token",
            Self::NoNonce | Self::Nonce => "a nonce of ours of this window of time, or the last",
            Self::Replayed => "a `jti` that was not used before",
            Self::WrongKey => "a proof by the key in `cnf`.`jkt`",
            Self::Unbound | Self::NotBound => "a token with `cnf`.`jkt`",
            Self::Downgraded => "`Authorization: DPoP`, and a proof",
        })
    }

    /// What was there instead, for the record.
    pub(super) fn found(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Algorithm { found, .. }
            | Self::Claim { found, .. }
            | Self::Method { found, .. }
            | Self::Uri { found, .. } => return Cow::Owned(found.clone()),
            Self::Old(age) => return Cow::Owned(format!("one made {age} s ago")),
            Self::Future(ahead) => return Cow::Owned(format!("one made in {ahead} s")),
            Self::Malformed(how) => how,
            Self::Key(why) => why,
            Self::Missing => "none",
            Self::Repeated => "several",
            Self::Type => "another `typ`, or none",
            Self::Signature => "another signature",
            Self::Token => "the hash of another token",
            Self::NoNonce => "none",
            Self::Nonce => "another nonce",
            Self::Replayed => "a `jti` that was used before",
            Self::WrongKey => "a proof by another key",
            Self::Unbound => "a token without it, as `DPoP`",
            Self::NotBound => "a token without it",
            Self::Downgraded => "a bound token as `Bearer`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_can_stand_in_a_quoted_string() {
        for (place, told) in Told::ALL.into_iter().enumerate() {
            assert_eq!(told as usize, place);
            assert!(told.text().is_ascii() && !told.text().contains(['"', '\\']), "{told:?}");
        }
    }
}
