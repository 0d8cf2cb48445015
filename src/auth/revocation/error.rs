use crate::auth::StoreError;

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// The token has no `jti` by which it could be told: revoke its session or its identity.
    #[error("the token has no `jti`; revoke its session or its identity instead")]
    NoTokenId,
    /// The token has no `sid`: revoke its identity.
    #[error("the token has no `sid`; revoke its identity instead")]
    NoSession,
    /// The list is full, and everything in it is still needed. Entries for issuers still fit.
    #[error(
        "the list is full of entries that are still needed; `revoke_issued_before` still has room"
    )]
    Full,
    /// The store did not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
