//! Text that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

/// The text of a key, kept out of logs and wiped from memory when dropped.
///
/// `Debug` prints `SecretText(…)`, there is no `Display` and no `Clone`; [`expose`](Self::expose) is the one way to
/// the characters.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The capacity must be final: a string that grows leaves its old characters behind.
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The characters themselves, to be shown to their owner once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}
