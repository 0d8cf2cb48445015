//! Why a token was not taken: told to the record, and a word of it to the caller.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::jwt::Unacceptable;
use crate::auth::token::Told;
use crate::remote::{MetadataError, RemoteError};

/// Why a token is refused. None of these holds the token.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    #[error("the token is a JWT, and those are not asked about here")]
    Jwt,
    #[error("the provider says that the token does not count")]
    Inactive,
    #[error("what the provider says of the token is not acceptable")]
    Claim {
        expected: Cow<'static, str>,
        found: Cow<'static, str>,
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
    #[error("the token is bound to a key of its sender (`cnf`), which is not checked here")]
    SenderConstrained,
    #[error("the token is not valid yet")]
    NotYet,
    #[error("the token has expired")]
    Expired,
}

impl From<Unacceptable> for Fault {
    fn from(Unacceptable { expected, found, cause }: Unacceptable) -> Self {
        Self::Claim { expected, found, cause: cause.into() }
    }
}

impl Fault {
    /// What would have been accepted, for the record.
    pub(super) fn expected(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Malformed(_) => "a token of the characters that tokens have, up to 8 KiB",
            Self::Jwt => "an opaque token",
            Self::Inactive => "a token that the provider says is active",
            Self::Claim { expected, .. } => return expected.clone(),
            Self::SenderConstrained => "a token without `cnf`, or one that a check confirms",
            Self::NotYet => "a token that is valid by now",
            Self::Expired => "a token that is still valid",
        })
    }

    /// What was there instead, for the record.
    pub(super) fn found(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Malformed(how) => how,
            Self::Jwt => "a JWT",
            Self::Inactive => "one that it says is not",
            Self::Claim { found, .. } => return found.clone(),
            Self::SenderConstrained => "a token that is bound to its sender",
            Self::NotYet => "a token of the future",
            Self::Expired => "a token that has expired",
        })
    }

    /// What the caller is told.
    pub(super) fn told(&self) -> Told {
        match self {
            Self::Expired => Told::Expired,
            _ => Told::Invalid,
        }
    }
}

/// Why nobody can tell whether a token counts. The caller is not to blame.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the provider cannot be asked")]
    Remote(#[source] RemoteError),
    #[error("the introspection endpoint is not known")]
    Endpoint(#[source] Arc<MetadataError>),
    #[error("the provider refuses this service's own credentials (status {0})")]
    Credentials(u16),
    #[error("the provider answered with status {0}")]
    Status(u16, Option<Duration>),
    #[error("the provider's answer is not as RFC 7662 has it: {0}")]
    Malformed(&'static str),
    #[error("the provider failed several times and is not asked for now")]
    Open(Duration),
    #[error("more tokens wait to be asked about than are let")]
    Busy,
    #[error("the assertion for the provider could not be signed")]
    Sign,
}

impl Trouble {
    /// Whether another token would fare the same, so that there is no use in asking.
    pub(super) fn is_general(&self) -> bool {
        match self {
            Self::Status(status, _) => {
                !matches!(status, 400..=499) || matches!(status, 404 | 408 | 429)
            }
            Self::Remote(_) | Self::Endpoint(_) | Self::Credentials(_) | Self::Malformed(_) => true,
            Self::Open(_) | Self::Busy | Self::Sign => false,
        }
    }

    /// How long to wait, where that is known.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Open(pause) => Some(*pause),
            Self::Status(_, pause) => *pause,
            Self::Busy => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}
