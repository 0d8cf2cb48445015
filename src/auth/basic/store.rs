//! Where users are looked up.

use std::{fmt, sync::Arc};

use super::{SCHEME, user::StoredUser};
use crate::{
    answer::Answer,
    auth::{StoreError, stored::MemoryStore},
    guard::Needs,
    inspect::{Findings, Readiness, rule},
};

/// A look-up of users by name.
///
/// It is asked once per request that presents a readable name and password: it answers at once from memory, or later
/// after I/O.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of users",
    note = "use `MemoryUsers` or `FileUsers`, or implement `UserStore::find` for a store of your own"
)]
pub trait UserStore: Send + Sync + 'static {
    /// The user of that very name, or `None` when there is none (any more).
    ///
    /// # Errors
    /// When the store cannot tell. The request is then refused with 503, never with 401: the caller is not to blame.
    fn find(&self, name: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>>;

    /// What must be known of a request before its users can be judged: [`Needs::CLIENT`] where some may call from
    /// certain networks only, so that a stack without a source of addresses does not build. Default nothing; such
    /// a user is then refused with 503 wherever the client is not known.
    fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// What the self-audit has to say about it. Default nothing.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }

    /// What it still waits for before it can tell. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }
}

impl<U: UserStore + ?Sized> UserStore for Arc<U> {
    fn find(&self, name: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>> {
        (**self).find(name)
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }

    fn findings(&self, report: &mut Findings) {
        (**self).findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        (**self).ready(readiness);
    }
}

/// What there is to say about how passwords were hashed.
pub(super) fn report_weak<'a>(
    users: impl Iterator<Item = &'a Arc<StoredUser>>,
    report: &mut Findings,
) {
    let weak = users.filter(|user| user.is_weakly_hashed()).count();
    if weak > 0 {
        let evidence = format!("{weak} passwords are hashed with less work than OWASP recommends");
        report.add(&rule::WEAK_PASSWORD_HASH, SCHEME, evidence);
    }
}

/// Users held in memory; clones share them. An insertion or removal is seen by the next request.
#[derive(Clone, Default)]
pub struct MemoryUsers(MemoryStore<StoredUser>);

impl MemoryUsers {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a user, and gives back the one of the same name that it replaces.
    pub fn insert(&self, user: StoredUser) -> Option<Arc<StoredUser>> {
        self.0.insert(user)
    }

    /// Removes a user, and gives them back if there were one.
    pub fn remove(&self, name: &str) -> Option<Arc<StoredUser>> {
        self.0.remove(name)
    }

    /// The user of that name, to be looked at or changed.
    pub fn get(&self, name: &str) -> Option<Arc<StoredUser>> {
        self.0.get(name)
    }

    /// All users, in no order.
    pub fn users(&self) -> Vec<Arc<StoredUser>> {
        self.0.all()
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no user.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl UserStore for MemoryUsers {
    fn find(&self, name: &str) -> Answer<Result<Option<Arc<StoredUser>>, StoreError>> {
        Answer::Now(Ok(self.get(name)))
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn findings(&self, report: &mut Findings) {
        report_weak(self.users().iter(), report);
    }
}

impl Extend<StoredUser> for MemoryUsers {
    fn extend<I: IntoIterator<Item = StoredUser>>(&mut self, users: I) {
        self.0.extend(users);
    }
}

impl FromIterator<StoredUser> for MemoryUsers {
    fn from_iter<I: IntoIterator<Item = StoredUser>>(users: I) -> Self {
        let mut store = Self::new();
        store.extend(users);
        store
    }
}

impl fmt::Debug for MemoryUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show("MemoryUsers", f)
    }
}
