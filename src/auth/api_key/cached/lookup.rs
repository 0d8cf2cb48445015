use futures_util::future::BoxFuture;

use crate::auth::{StoreError, api_key::StoredKey};

/// Finds a stored key by its public id, after I/O: what [`CachedKeys`](super::CachedKeys) asks.
///
/// A closure from a `String` to a future is one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a look-up of API keys",
    note = "write a closure `|id: String| async move {{ … }}` that gives `Result<Option<StoredKey>, StoreError>`, or implement `KeyLookup`"
)]
pub trait KeyLookup: Send + Sync + 'static {
    /// The key of that id, or `None` when there is none (any more).
    ///
    /// # Errors
    /// When the store cannot tell.
    fn look_up(&self, id: &str) -> BoxFuture<'static, Result<Option<StoredKey>, StoreError>>;
}

impl<F, T> KeyLookup for F
where
    F: Fn(String) -> T + Send + Sync + 'static,
    T: Future<Output = Result<Option<StoredKey>, StoreError>> + Send + 'static,
{
    fn look_up(&self, id: &str) -> BoxFuture<'static, Result<Option<StoredKey>, StoreError>> {
        Box::pin(self(id.to_owned()))
    }
}
