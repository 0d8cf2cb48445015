//! Tokens that only their holder may use.

use super::builder::JwtBuilder;
use crate::auth::token::IntoTokenCheck;

impl JwtBuilder {
    /// Whoever brings a token has to prove that it is theirs: by a key, or by the certificate of the
    /// connection. Calls add up, and a token that is bound to both needs both.
    ///
    /// Without it a token that is bound (`cnf`) is refused, since nobody would check the bond.
    pub fn sender_constrained(mut self, by: impl IntoTokenCheck) -> Self {
        self.checks.push(("sender_constrained", by.into_token_check()));
        self
    }
}
