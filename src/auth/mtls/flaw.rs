//! What was wrong with a certificate: told to the record, not to the caller.

use std::borrow::Cow;

use crate::auth::token::words::clip_to;

/// Why a certificate was refused, or a token that is bound to one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("the certificate cannot be used: {0}")]
    Malformed(&'static str),
    #[error("the certificate {0}")]
    Purpose(&'static str),
    #[error("the certificate has no name of the kind that is asked for, or several")]
    Name { expected: Cow<'static, str>, found: String },
    #[error("the certificate is of another trust domain")]
    TrustDomain { expected: String, found: String },
    #[error("the certificate is of another issuer")]
    Issuer { expected: String, found: String },
    #[error("the certificate is not valid for another {0} s")]
    NotYet(u64),
    #[error("the certificate expired {0} s ago")]
    Expired(u64),
}

impl Flaw {
    /// What would have been taken, for the record.
    pub(super) fn expected(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Name { expected, .. } => return expected.clone(),
            Self::TrustDomain { expected, .. } | Self::Issuer { expected, .. } => {
                return Cow::Owned(expected.clone());
            }
            Self::Malformed(_) => "an X.509 certificate in DER",
            Self::Purpose(_) => "a certificate for clients",
            Self::NotYet(_) => "a certificate that is valid by now",
            Self::Expired(_) => "a certificate that is still valid",
        })
    }

    /// What was there instead, for the record.
    pub(super) fn found(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Name { found, .. }
            | Self::TrustDomain { found, .. }
            | Self::Issuer { found, .. } => return Cow::Owned(found.clone()),
            Self::Malformed(how) => how,
            Self::Purpose(how) => return Cow::Owned(format!("one that {how}")),
            Self::NotYet(_) => "one of the future",
            Self::Expired(_) => "one that has expired",
        })
    }
}

/// A text of the certificate's, in backticks, short and without control characters.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", clip_to(text, 128))
}
