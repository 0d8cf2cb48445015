//! What a token can be revoked by, hashed once and kept with its principal.

use std::sync::atomic::AtomicU64;

use serde::Deserialize;
use serde_json::Value;

use super::key::RevocationKey;
use crate::auth::token::numeric_date;
use crate::context::Principal;

/// The hashes of one token. It stays with the principal in the cache of verified tokens, so that a
/// request with a token that was seen before hashes nothing.
#[derive(Debug)]
pub(super) struct Marks {
    pub(super) token: Option<RevocationKey>,
    pub(super) session: Option<RevocationKey>,
    pub(super) identity: RevocationKey,
    pub(super) issuer: RevocationKey,
    /// In whole seconds since the epoch.
    pub(super) issued_at: Option<u64>,
    /// The state of a list under which the token was found to be good.
    pub(super) good_at: AtomicU64,
    /// The list whose store said so, and when.
    pub(super) told_at: AtomicU64,
}

/// Of another shape than expected they are not there: the token is good without them.
#[derive(Default, Deserialize)]
struct Ids {
    #[serde(default)]
    jti: Value,
    #[serde(default)]
    sid: Value,
    #[serde(default)]
    iat: Value,
}

impl Marks {
    pub(super) fn of(principal: &Principal) -> Option<&Self> {
        principal.mark(|| {
            let ids = principal.claims_as::<Ids>().and_then(Result::ok).unwrap_or_default();
            let (issuer, subject) = (principal.issuer(), principal.subject());
            Self {
                token: ids.jti.as_str().map(|id| RevocationKey::token(issuer, id)),
                session: ids.sid.as_str().map(|id| RevocationKey::session(issuer, id)),
                identity: RevocationKey::identity(issuer, subject),
                issuer: RevocationKey::issuer(issuer),
                issued_at: numeric_date(&ids.iat).map(|time| time.as_secs()),
                good_at: AtomicU64::new(0),
                told_at: AtomicU64::new(0),
            }
        })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = RevocationKey> {
        [self.token, self.session, Some(self.identity), Some(self.issuer)].into_iter().flatten()
    }
}
