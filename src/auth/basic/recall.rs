//! Passwords that were found good before: the expensive hash is not computed for every request.

use std::{fmt, time::Duration};

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use quick_cache::sync::Cache;

use super::user::StoredUser;

/// How long a password is known to be the user's own while others guess.
const FAMILIAR: Duration = Duration::from_secs(24 * 3600);

/// HMAC-SHA-256 over a user's name, the hash that is stored, and the password that was sent, under a key that is
/// drawn at the start and never leaves the process. Where the stored hash changes nothing is remembered any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag([u8; 32]);

/// What is remembered of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recalled {
    /// It was found good a moment ago, which will do.
    Fresh,
    /// It was found good some time ago, and has to be hashed again.
    Familiar,
    Unknown,
}

/// A bounded memory of good passwords, by their tags and when each was last hashed.
pub(super) struct Recall {
    key: Key,
    met: Cache<Tag, Duration>,
    fresh: Duration,
}

impl Recall {
    /// Remembers so many for so long; an error of the random source.
    pub(super) fn new(capacity: usize, fresh: Duration) -> Result<Self, String> {
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|error| error.to_string())?;
        let key = Key::new(HMAC_SHA256, secret.as_slice());
        Ok(Self { key, met: Cache::new(capacity.max(1)), fresh })
    }

    pub(super) fn tag(&self, name: &str, user: Option<&StoredUser>, password: &str) -> Tag {
        let mut context = Context::with_key(&self.key);
        let stored = user.map(|user| user.phc.identity()).unwrap_or_default();
        for part in [name.as_bytes(), stored, password.as_bytes()] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        Tag(context.sign().as_ref().first_chunk().copied().unwrap_or_default())
    }

    pub(super) fn recall(&self, tag: &Tag, now: Duration) -> Recalled {
        match self.met.get(tag).map(|met| now.saturating_sub(met)) {
            Some(age) if age < self.fresh => Recalled::Fresh,
            Some(age) if age < FAMILIAR && !self.fresh.is_zero() => Recalled::Familiar,
            _ => Recalled::Unknown,
        }
    }

    pub(super) fn meet(&self, tag: Tag, now: Duration) {
        if !self.fresh.is_zero() {
            self.met.insert(tag, now);
        }
    }
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").field("len", &self.met.len()).finish_non_exhaustive()
    }
}
