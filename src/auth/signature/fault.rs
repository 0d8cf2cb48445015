//! What is wrong with a signature, in words for the operator.

use std::{borrow::Cow, fmt};

/// Why a signature does not hold. Its text is for records and logs: it may repeat names that were sent.
///
/// It is told apart only as far as a caller acts on it: [`is_expired`](Self::is_expired).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFault {
    text: Cow<'static, str>,
    expired: bool,
}

impl SignatureFault {
    pub(super) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), expired: false }
    }

    pub(super) fn expired(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), expired: true }
    }

    /// Whether the signature is good and only its time is over.
    pub fn is_expired(&self) -> bool {
        self.expired
    }
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SignatureFault {}

/// What was sent, short and printable, between backticks.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 64;
    let short = text.chars().take(LONGEST).flat_map(char::escape_default).collect::<String>();
    let more = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{short}{more}`")
}
