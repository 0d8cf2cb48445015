use std::sync::Arc;
use std::time::Duration;

use super::key::{Revocation, RevocationKey};
use crate::answer::Answer;
use crate::auth::StoreError;

/// A list that several processes share: a table of a database, keys in Redis.
///
/// Times are since the Unix epoch. An entry has to be kept until its [`ends`](Revocation::ends), and
/// may be forgotten afterwards; where there is no room for it, [`insert`](Self::insert) fails, and
/// nothing that is still needed is dropped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of revocations",
    note = "implement `RevocationStore` for a store that several processes share; without one the list is in memory"
)]
pub trait RevocationStore: Send + Sync + 'static {
    /// The entries that are there for any of these keys: those of one token, four at most, each with
    /// the request. One read that takes several keys serves it best.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn find(
        &self,
        keys: &[RevocationKey],
        now: Duration,
    ) -> Answer<Result<Vec<Revocation>, StoreError>>;

    /// Adds an entry. Where there is one for the key already, the later of both times holds for each:
    /// what was refused stays refused.
    ///
    /// # Errors
    /// When it was not kept.
    fn insert(&self, entry: Revocation, now: Duration) -> Answer<Result<(), StoreError>>;

    /// Takes the entry of a key out; whether there was one.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn remove(&self, key: RevocationKey) -> Answer<Result<bool, StoreError>>;
}

impl<R: RevocationStore + ?Sized> RevocationStore for Arc<R> {
    fn find(
        &self,
        keys: &[RevocationKey],
        now: Duration,
    ) -> Answer<Result<Vec<Revocation>, StoreError>> {
        (**self).find(keys, now)
    }

    fn insert(&self, entry: Revocation, now: Duration) -> Answer<Result<(), StoreError>> {
        (**self).insert(entry, now)
    }

    fn remove(&self, key: RevocationKey) -> Answer<Result<bool, StoreError>> {
        (**self).remove(key)
    }
}
