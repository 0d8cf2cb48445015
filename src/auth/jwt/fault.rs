//! What was wrong with a token: told to the record, not to the caller.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::error::Category;

use super::token as compact;
use super::undecided::Undecided;
pub(super) use crate::auth::token::quote;
use crate::auth::token::{Told, clip};

/// Why a token was refused. None of these holds the token or a part of its signature.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    #[error("the token's type is not accepted")]
    Type { found: String },
    #[error("the token's algorithm is not accepted")]
    Algorithm { expected: String, found: String },
    #[error("the token's key is not used with the token's algorithm")]
    KeyAlgorithm { found: String },
    #[error("no key is known for the token")]
    UnknownKey { found: String },
    /// It may come with the flight of this number; whoever can waits for it.
    #[error("the token's key is being fetched")]
    Fetching(u64),
    #[error("{0}")]
    Undecided(Undecided),
    #[error("the token names no key and {0} keys could have signed it")]
    AmbiguousKey(usize),
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the claim `{name}` is not acceptable")]
    Claim { name: String, expected: String, found: String },
    #[error("the claim `{name}` is not that of a client that may call")]
    Client { name: String, expected: String, found: String },
    #[error("the token is not an access token: {1}")]
    NotAccess(Kind, &'static str),
    #[error("the token is not an access token: the claim `{name}` does not mark it as one")]
    Unmarked { name: String, expected: String, found: String, kind: Kind },
    #[error("the token is bound to a key of its sender (`cnf`), which is not checked here")]
    SenderConstrained,
    #[error("the token is not valid for another {0} s")]
    NotYet(u64),
    #[error("the token expired {0} s ago")]
    Expired(u64),
    #[error("the token has been too old for {0} s")]
    TooOld(u64),
}

/// What a token is instead of an access token, as far as it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Id,
    Refresh,
    Logout,
    /// It only lacks what access tokens have.
    Unmarked,
}

impl Kind {
    /// By the words of Keycloak's `typ` and Cognito's `token_use`.
    pub(super) fn of_claim(text: &str) -> Self {
        let words = [
            ("ID", Self::Id),
            ("Refresh", Self::Refresh),
            ("Offline", Self::Refresh),
            ("Logout", Self::Logout),
        ];
        words
            .into_iter()
            .find(|(word, _)| text.eq_ignore_ascii_case(word))
            .map_or(Self::Unmarked, |(_, kind)| kind)
    }
}

/// A fault beside the setting that may be behind it: what the record holds.
#[derive(Debug, thiserror::Error)]
#[error("{fault}{}{}", if self.hint.is_some() { "; " } else { "" }, self.hint.unwrap_or_default())]
pub(super) struct Explained {
    pub(super) fault: Fault,
    pub(super) hint: Option<&'static str>,
}

impl Fault {
    pub(super) fn header_json(error: serde_json::Error) -> Self {
        Self::Malformed(match error.classify() {
            Category::Data => {
                "its header repeats a name, has `crit`, lacks `alg`, or a member has the wrong type"
            }
            _ => compact::HEADER_NOT_JSON,
        })
    }

    pub(super) fn claims_json(error: serde_json::Error) -> Self {
        Self::Malformed(match error.classify() {
            Category::Data => "its claims are not one object with unique names",
            _ => "its claims are not JSON",
        })
    }

    pub(super) fn claim(name: &str, expected: impl Into<String>, found: Option<&Value>) -> Self {
        Self::Claim { name: name.to_owned(), expected: expected.into(), found: shown(found) }
    }

    pub(super) fn client(name: String, expected: String, found: Option<&Value>) -> Self {
        Self::Client { name, expected, found: shown(found) }
    }

    pub(super) fn unmarked(
        name: String,
        expected: String,
        found: Option<&Value>,
        kind: Kind,
    ) -> Self {
        Self::Unmarked { name, expected, found: shown(found), kind }
    }

    /// What would have been accepted, for the record.
    pub(super) fn expected(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Algorithm { expected, .. }
            | Self::Claim { expected, .. }
            | Self::Client { expected, .. }
            | Self::Unmarked { expected, .. } => return Cow::Owned(expected.clone()),
            Self::Malformed(_) => "a JWT in compact form",
            Self::Type { .. } => "a `typ` that is accepted",
            Self::KeyAlgorithm { .. } => "the algorithm that the key is for",
            Self::UnknownKey { .. } => "a key of the set",
            Self::Fetching(_) | Self::Undecided(_) => "the keys of the issuer",
            Self::AmbiguousKey(_) => "a `kid`, or one key that fits",
            Self::Signature => "a signature of the key",
            Self::NotAccess(..) => "an access token",
            Self::SenderConstrained => "a token without `cnf`",
            Self::NotYet(_) => "a token that is valid by now",
            Self::Expired(_) => "a token that is still valid",
            Self::TooOld(_) => "a token that was issued more recently",
        })
    }

    /// What was there instead, for the record.
    pub(super) fn found(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Type { found }
            | Self::Algorithm { found, .. }
            | Self::KeyAlgorithm { found }
            | Self::UnknownKey { found }
            | Self::Claim { found, .. }
            | Self::Client { found, .. }
            | Self::Unmarked { found, .. } => return Cow::Owned(found.clone()),
            Self::Malformed(how) | Self::NotAccess(_, how) => how,
            Self::Fetching(_) => "keys that are still being fetched",
            Self::Undecided(undecided) => undecided.why.text(),
            Self::AmbiguousKey(_) => "no `kid`, and several keys that fit",
            Self::Signature => "another signature",
            Self::SenderConstrained => "a token with `cnf`",
            // How long is told by the cause.
            Self::NotYet(_) => "a token of the future",
            Self::Expired(_) => "a token that has expired",
            Self::TooOld(_) => "a token that was issued too long ago",
        })
    }

    /// What the caller is told.
    pub(super) fn told(&self) -> Told {
        match self {
            Self::Expired(_) | Self::TooOld(_) => Told::Expired,
            _ => Told::Invalid,
        }
    }
}

/// Names of which any would do.
pub(super) fn either(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(" or ")
}

fn shown(found: Option<&Value>) -> String {
    match found {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => quote(text),
        Some(value) => clip(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_says_is_clipped_and_escaped() {
        let fault = Fault::claim("iss", "`x`", Some(&Value::from("a\r\nb".repeat(50))));
        let found = fault.found();
        assert!(found.starts_with("`a\\r\\nba") && found.ends_with("…`"), "{found}");
        assert!(!found.contains('\n'));
    }
}
