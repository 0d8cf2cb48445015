//! What is wrong with a delivery, in words for the operator.

use std::fmt;

/// Why a delivery is not taken for its sender's. Its text is for records and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookFault {
    pub(super) kind: Kind,
    text: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Absent,
    Invalid,
    Expired,
}

impl WebhookFault {
    pub(super) const fn absent(text: &'static str) -> Self {
        Self { kind: Kind::Absent, text }
    }

    pub(super) const fn invalid(text: &'static str) -> Self {
        Self { kind: Kind::Invalid, text }
    }

    pub(super) const fn expired(text: &'static str) -> Self {
        Self { kind: Kind::Expired, text }
    }

    /// Whether the sender signed it and only its time is over.
    pub fn is_expired(&self) -> bool {
        self.kind == Kind::Expired
    }
}

impl fmt::Display for WebhookFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for WebhookFault {}
