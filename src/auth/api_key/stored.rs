//! A key as a store keeps it.

use std::{net::IpAddr, time::Duration};

use super::{
    SCHEME, familiar::Familiar, hash::KeyHash, key::ApiKey, record::KeyRecord, text::is_id,
};
use crate::{
    auth::{
        grants::{Grants, GrantsBuilder, Kind, grant_setters},
        stored::Stored,
    },
    context::Principal,
    error::{ConfigError, Mistakes},
    guard::Exchange,
    rejection::Rejection,
};

const KIND: Kind = Kind {
    scheme: SCHEME,
    subject: "owner",
    note: "api-key",
    is_key: true,
    shown: |id| format!("key {id}"),
};

/// What a store keeps of a key: never its text, but its hash, whom it speaks for, from where and until when.
///
/// It serialises, for a file or a database:
/// `{"id":"…","hash":"v1:sha256:…","owner":"acme","scopes":["orders:read"],"expires_at":1800000000}`, with
/// `previous` and `previous_until`, `issuer`, `tenant`, `plan`, `roles` and `addresses` where there are such. A member that
/// is not known is refused, since it may restrict the key.
#[derive(Debug, Clone)]
pub struct StoredKey {
    pub(super) id: Box<str>,
    pub(super) hash: KeyHash,
    pub(super) previous: Option<Previous>,
    pub(super) grants: Grants,
    pub(super) familiar: Familiar,
}

/// The secret before the last rotation, which is good for a while yet.
#[derive(Debug, Clone)]
pub(super) struct Previous {
    pub(super) hash: KeyHash,
    pub(super) until: Duration,
}

impl StoredKey {
    /// Begins a key that was generated earlier, as it comes back from a database.
    ///
    /// The id is 1 to 32 letters and digits; [`ApiKey`] draws it.
    pub fn builder(id: impl Into<String>, hash: KeyHash) -> StoredKeyBuilder {
        StoredKeyBuilder { id: id.into(), hash, previous: None, grants: GrantsBuilder::default() }
    }

    /// The same key with another secret; the one it has now is good until a time since the Unix epoch. A
    /// secret that was being replaced already is good no longer: two live ones are enough.
    ///
    /// # Errors
    /// When `next` was not drawn for this key, by [`ApiKey::rotate`].
    pub fn rotated(&self, next: &ApiKey, until: Duration) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        if next.id() != &*self.id {
            let problem = format!("was not drawn for key `{}`", self.id);
            mistakes.push("rotated", next.id(), problem, "draw it with `ApiKey::rotate`");
        }
        mistakes.finish()?;
        let previous = Some(Previous { hash: self.hash.clone(), until });
        Ok(Self { hash: next.hash().clone(), previous, ..self.clone() })
    }

    /// The public id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of the key's text.
    pub fn hash(&self) -> &KeyHash {
        &self.hash
    }

    /// The hash of the text before the last rotation, and until when that is good, since the Unix epoch.
    pub fn previous(&self) -> Option<(&KeyHash, Duration)> {
        self.previous.as_ref().map(|previous| (&previous.hash, previous.until))
    }

    /// Whom the key speaks for, with its scopes and roles.
    pub fn principal(&self) -> &Principal {
        self.grants.principal()
    }

    /// From when on it is refused, since the Unix epoch; `None` where it has no end.
    pub fn expires_at(&self) -> Option<Duration> {
        self.principal().expires_at()
    }

    /// Whether it may be used from certain networks only.
    pub fn is_bound_to_addresses(&self) -> bool {
        self.grants.is_bound_to_addresses()
    }

    /// Whether it may be used from an address.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.grants.admits(address)
    }

    pub(super) fn admit(&self, exchange: &mut Exchange) -> Result<Principal, Rejection> {
        self.grants.admit(&KIND, &self.id, exchange)
    }
}

impl Stored for StoredKey {
    const WHAT: &'static str = "key";

    fn name(&self) -> &str {
        self.id()
    }

    fn grants(&self) -> &Grants {
        &self.grants
    }

    fn is_unchanged(&self, again: &Self) -> bool {
        KeyRecord::of(self) == KeyRecord::of(again)
    }
}

/// Builds a [`StoredKey`]; see [`ApiKey::stored`] and [`StoredKey::builder`].
#[derive(Debug, Clone)]
pub struct StoredKeyBuilder {
    id: String,
    hash: KeyHash,
    previous: Option<Previous>,
    pub(super) grants: GrantsBuilder,
}

impl StoredKeyBuilder {
    grant_setters! {
        /// Whom the key speaks for: the subject of its principal. Default: the key itself, by its id.
        owner,
        /// Who vouches for the owner. Name the `iss` of an identity provider to make the owner the same
        /// caller as with a token of that provider. Default `api-key`.
        issuer,
        /// The tenant that the owner belongs to. Default none.
        tenant,
        /// Adds a network that the key may be used from, a CIDR or one address; with the first one all
        /// others are refused with 403. It is compared with the client that stands behind trusted proxies.
        /// Default: it may be used from anywhere.
        address,
    }

    /// From when on the key is refused, since the Unix epoch. Default: it has no end.
    pub fn expires_at(mut self, unix: Duration) -> Self {
        self.grants.expires_at = Some(unix);
        self
    }

    /// Another secret of the same key, and until when that is good, since the Unix epoch. Default none;
    /// [`StoredKey::rotated`] sets it.
    pub fn previous(mut self, hash: KeyHash, until: Duration) -> Self {
        self.previous = Some(Previous { hash, until });
        self
    }

    /// The key as a store keeps it.
    ///
    /// # Errors
    /// When the id is not 1 to 32 letters and digits, the owner, its issuer or its tenant is empty, a scope
    /// is not one `scope-token` of RFC 6749, a role has no name, or an address is not a network.
    pub fn build(self) -> Result<StoredKey, ConfigError> {
        let mut mistakes = Mistakes::default();
        if !is_id(&self.id) {
            let remedy = "keep the id that `ApiKey::generate` drew, 1 to 32 letters and digits";
            mistakes.push("builder", &*self.id, "is not a key id", remedy);
        }
        let grants = self.grants.build(&KIND, &self.id, &mut mistakes);
        mistakes.finish()?;
        Ok(StoredKey {
            id: self.id.into_boxed_str(),
            hash: self.hash,
            previous: self.previous,
            grants,
            familiar: Familiar::default(),
        })
    }
}
