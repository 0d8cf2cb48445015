//! The list as its operator has it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::builder::{OnFailure, RevocationsBuilder};
use super::key::{Revocation, RevocationKey, RevocationKind, ceil};
use super::marks::Marks;
use super::memory::{Full, Memory};
use super::{RevocationStore, RevokeError};
use crate::auth::StoreError;
use crate::clock::{Clock, within};
use crate::context::Principal;

/// A list of tokens that count no longer, before their time is over. Clones share it: one goes into
/// the schemes as a check, another stays with whoever revokes.
///
/// See the [module](super) for what it does.
#[derive(Clone)]
pub struct Revocations(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) backing: Backing,
    pub(super) lifetime: Duration,
    pub(super) skew: Duration,
    pub(super) outliving: bool,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) enum Backing {
    Memory(Memory),
    Store(Shared),
}

/// A store, and how it is dealt with.
pub(super) struct Shared {
    pub(super) store: Arc<dyn RevocationStore>,
    pub(super) on_failure: OnFailure,
    pub(super) deadline: Duration,
    /// In milliseconds.
    remember: u64,
    /// Told apart from other lists by this; 0 remembers nothing.
    number: u64,
    /// When this list last gained an entry, in milliseconds: what was told before does not hold.
    changed_at: AtomicU64,
}

/// Lists with stores are numbered, up to what fits beside a time.
static LISTS: AtomicU64 = AtomicU64::new(1);
const MOST_LISTS: u64 = u16::MAX as u64;

impl Shared {
    pub(super) fn new(
        store: Arc<dyn RevocationStore>,
        on_failure: OnFailure,
        deadline: Duration,
        remember: Duration,
    ) -> Self {
        let number = LISTS.fetch_add(1, Ordering::Relaxed);
        Self {
            store,
            on_failure,
            deadline,
            remember: u64::try_from(remember.as_millis()).unwrap_or_default(),
            number: if number > MOST_LISTS { 0 } else { number },
            changed_at: AtomicU64::new(0),
        }
    }

    /// Whether the store was asked so recently that its word still holds.
    pub(super) fn is_remembered(&self, marks: &Marks, now: Duration) -> bool {
        if self.remember == 0 || self.number == 0 {
            return false;
        }
        let told = marks.told_at.load(Ordering::Relaxed);
        let (list, at) = (told >> 48, told & TIME);
        let is_before_change = at <= self.changed_at.load(Ordering::Acquire);
        // A clock that was set back makes nothing younger.
        let is_young = || millis(now).checked_sub(at).is_some_and(|age| age < self.remember);
        list == self.number && !is_before_change && is_young()
    }

    pub(super) fn remember(&self, marks: &Marks, now: Duration) {
        if self.remember > 0 && self.number > 0 {
            marks.told_at.store((self.number << 48) | (millis(now) & TIME), Ordering::Relaxed);
        }
    }
}

const TIME: u64 = (1 << 48) - 1;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A store that took too long.
#[derive(Debug, thiserror::Error)]
#[error("the store of revocations did not answer within {0:?}")]
pub(super) struct Late(pub(super) Duration);

impl Revocations {
    /// Starts a list, in memory unless a store is given.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use tower_parapet::auth::revocation::Revocations;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let revocations = Revocations::builder()
    ///     .longest_lifetime(Duration::from_secs(3600))
    ///     .build()?;
    /// revocations.revoke_session("https://id.example", "08a5019c-17e1-4977-8f42").await?;
    /// assert_eq!(revocations.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> RevocationsBuilder {
        RevocationsBuilder::new()
    }

    /// Revokes one token, by its `jti`: that of the caller, say, who logs out.
    ///
    /// # Errors
    /// When the token has no `jti`, the list is full, or the store did not keep it. Nothing is
    /// revoked then.
    pub async fn revoke_token(&self, principal: &Principal) -> Result<(), RevokeError> {
        let key = Marks::of(principal).and_then(|marks| marks.token);
        let key = key.ok_or(RevokeError::NoTokenId)?;
        let ends = principal.expires_at().map_or_else(|| self.last_end(), |end| self.after(end));
        self.add(RevocationKind::Token, key, None, ends).await
    }

    /// Revokes one token that is not at hand, by its issuer, its `jti` and its `exp` since the Unix
    /// epoch; without it the entry is kept for as long as the longest token.
    ///
    /// # Errors
    /// When the list is full, or the store did not keep it.
    pub async fn revoke_token_id(
        &self,
        issuer: &str,
        id: &str,
        expires_at: Option<Duration>,
    ) -> Result<(), RevokeError> {
        let ends = expires_at.map_or_else(|| self.last_end(), |end| self.after(end));
        self.add(RevocationKind::Token, RevocationKey::token(issuer, id), None, ends).await
    }

    /// Ends a session of an issuer by its `sid`: all tokens that were and will be issued in it.
    ///
    /// # Errors
    /// When the list is full, or the store did not keep it.
    pub async fn revoke_session(&self, issuer: &str, sid: &str) -> Result<(), RevokeError> {
        let key = RevocationKey::session(issuer, sid);
        self.add(RevocationKind::Session, key, None, self.last_end()).await
    }

    /// Ends the session of a token.
    ///
    /// # Errors
    /// When the token has no `sid`, the list is full, or the store did not keep it.
    pub async fn revoke_session_of(&self, principal: &Principal) -> Result<(), RevokeError> {
        let key = Marks::of(principal).and_then(|marks| marks.session);
        let key = key.ok_or(RevokeError::NoSession)?;
        self.add(RevocationKind::Session, key, None, self.last_end()).await
    }

    /// Revokes whatever an issuer issued for a subject until now, this second included.
    ///
    /// Both clocks matter: where the issuer's is ahead, a token of just now counts as one of later.
    /// [`revoke_identity_before`](Self::revoke_identity_before) takes a time.
    ///
    /// # Errors
    /// When the list is full, or the store did not keep it.
    pub async fn revoke_identity(&self, issuer: &str, subject: &str) -> Result<(), RevokeError> {
        let key = RevocationKey::identity(issuer, subject);
        let last = self.0.clock.unix().as_secs();
        self.add(RevocationKind::Identity, key, Some(last), self.last_end()).await
    }

    /// Revokes whatever an issuer issued for a subject before a time since the Unix epoch, by the
    /// issuer's clock.
    ///
    /// # Errors
    /// When the list is full, or the store did not keep it.
    pub async fn revoke_identity_before(
        &self,
        issuer: &str,
        subject: &str,
        unix: Duration,
    ) -> Result<(), RevokeError> {
        let key = RevocationKey::identity(issuer, subject);
        self.add_before(RevocationKind::Identity, key, unix).await
    }

    /// Revokes everything an issuer issued before a time since the Unix epoch, by its clock: after a
    /// theft of many tokens. There is room for it when the list is full.
    ///
    /// # Errors
    /// When the store did not keep it, or there are entries for 1,000 issuers.
    pub async fn revoke_issued_before(
        &self,
        issuer: &str,
        unix: Duration,
    ) -> Result<(), RevokeError> {
        self.add_before(RevocationKind::Issuer, RevocationKey::issuer(issuer), unix).await
    }

    /// Adds entries that were [listed](Self::entries) before, by another process say. Those that are
    /// over are left out.
    ///
    /// # Errors
    /// When the list is full, or the store did not keep one; those before it were kept.
    pub async fn restore(
        &self,
        entries: impl IntoIterator<Item = Revocation>,
    ) -> Result<(), RevokeError> {
        let now = self.0.clock.unix().as_secs();
        for entry in entries.into_iter().filter(|entry| now < entry.ends) {
            self.insert(entry).await?;
        }
        Ok(())
    }

    /// Takes an entry out again; whether there was one. Tokens that it refused count again.
    ///
    /// # Errors
    /// When the store cannot tell.
    pub async fn lift(&self, key: RevocationKey) -> Result<bool, RevokeError> {
        match &self.0.backing {
            Backing::Memory(memory) => Ok(memory.remove(key).is_some()),
            Backing::Store(shared) => {
                let removed = within(shared.deadline, shared.store.remove(key).wait()).await;
                Ok(removed.ok_or_else(|| StoreError::new(Late(shared.deadline)))??)
            }
        }
    }

    /// How many entries the list in memory holds; 0 with a store.
    pub fn len(&self) -> usize {
        match &self.0.backing {
            Backing::Memory(memory) => memory.len(),
            Backing::Store(_) => 0,
        }
    }

    /// Whether the list in memory holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of the list in memory that still count; none with a store. They hold hashes and
    /// times only.
    pub fn entries(&self) -> Vec<Revocation> {
        match &self.0.backing {
            Backing::Memory(memory) => memory.entries(self.0.clock.unix().as_secs()),
            Backing::Store(_) => Vec::new(),
        }
    }

    async fn add_before(
        &self,
        kind: RevocationKind,
        key: RevocationKey,
        unix: Duration,
    ) -> Result<(), RevokeError> {
        // The last whole second before.
        let last = ceil(unix).saturating_sub(1);
        let ends = self.last_end().max(self.after(unix.saturating_add(self.0.lifetime)));
        self.add(kind, key, Some(last), ends).await
    }

    async fn add(
        &self,
        kind: RevocationKind,
        key: RevocationKey,
        issued_until: Option<u64>,
        ends: u64,
    ) -> Result<(), RevokeError> {
        self.insert(Revocation::new(kind, key, issued_until, ends)).await
    }

    async fn insert(&self, entry: Revocation) -> Result<(), RevokeError> {
        let now = self.0.clock.unix();
        match &self.0.backing {
            Backing::Memory(memory) => {
                memory.insert(entry, now.as_secs()).map_err(|Full| RevokeError::Full)
            }
            Backing::Store(shared) => {
                let kept = within(shared.deadline, shared.store.insert(entry, now).wait()).await;
                // Also where it is not known whether it was kept, and as late as it may have been.
                let changed = millis(self.0.clock.unix());
                shared.changed_at.fetch_max(changed, Ordering::AcqRel);
                Ok(kept.ok_or_else(|| StoreError::new(Late(shared.deadline)))??)
            }
        }
    }

    /// When the last token that could have been issued by now is over.
    fn last_end(&self) -> u64 {
        self.after(self.0.clock.unix().saturating_add(self.0.lifetime))
    }

    /// When a token is over that ends then: clocks may differ on both sides.
    fn after(&self, end: Duration) -> u64 {
        ceil(end.saturating_add(self.0.skew.saturating_mul(2)))
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("len", &self.len()).finish_non_exhaustive()
    }
}
