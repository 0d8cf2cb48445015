//! Why there is no token.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::remote::{MetadataError, RemoteError};

/// Why a call could not be made: there is no token for it.
///
/// A service under [`ClientCredentials`](super::ClientCredentials) fails with this in a box, beside
/// the errors of the client itself; `error.downcast_ref::<TokenError>()` tells them apart. It names
/// the issuer's error code, and never a secret or a token. Cheap to clone.
#[derive(Clone)]
pub struct TokenError(Arc<Fault>);

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the token endpoint cannot be asked")]
    Remote(#[source] RemoteError),
    #[error("the token endpoint is not known")]
    Discovery(#[source] Arc<MetadataError>),
    #[error("the token endpoint answered with status {0}")]
    Status(u16, Option<Duration>),
    #[error("the token endpoint refuses a token: `{1}` (status {0})")]
    Refused(u16, String),
    #[error("the answer of the token endpoint is not as RFC 6749 has it: {0}")]
    Malformed(&'static str),
    #[error("the token endpoint did not answer several times and is not asked for now")]
    Open(Duration),
    #[error("a proof or an assertion could not be signed")]
    Sign,
    #[error("a token is not sent to `{0}`, which is not among the origins it is for")]
    Origin(String),
}

impl TokenError {
    /// Whether the issuer answered, and refused: the client's credentials, a scope. It will say the
    /// same again.
    pub fn is_refused(&self) -> bool {
        matches!(*self.0, Fault::Refused(..))
    }

    /// Whether the issuer could not be reached, or could not answer: later it may.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            *self.0,
            Fault::Remote(_) | Fault::Discovery(_) | Fault::Status(..) | Fault::Open(_)
        )
    }

    /// The issuer's error code, `invalid_client` say (RFC 6749, section 5.2).
    pub fn code(&self) -> Option<&str> {
        match &*self.0 {
            Fault::Refused(_, code) => Some(code),
            _ => None,
        }
    }

    /// How long there is no use in asking again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match &*self.0 {
            Fault::Open(pause) => Some(*pause),
            Fault::Status(_, pause) => *pause,
            _ => None,
        }
    }

    /// The whole chain of causes, in one line for a log.
    pub(super) fn told(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |told, cause| format!("{told}: {cause}"))
    }

    pub(super) fn is_nonce_wanted(&self) -> bool {
        self.code() == Some("use_dpop_nonce")
    }
}

impl From<Fault> for TokenError {
    fn from(fault: Fault) -> Self {
        Self(Arc::new(fault))
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for TokenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}
