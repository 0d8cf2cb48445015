//! The text form of a stored key, and of a file of them.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{hash::KeyHash, stored::StoredKey};

/// One key. A member that is not known may restrict it, so it is refused.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRecord<'a> {
    id: Cow<'a, str>,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
}

impl<'a> KeyRecord<'a> {
    pub(super) fn of(key: &'a StoredKey) -> Self {
        let StoredKey { id, hash, previous, networks, principal, .. } = key;
        Self {
            id: Cow::Borrowed(id),
            hash: hash.to_string(),
            previous: previous.as_ref().map(|previous| previous.hash.to_string()),
            // A part of a second less is on the safe side.
            previous_until: previous.as_ref().map(|previous| previous.until.as_secs()),
            issuer: Some(Cow::Borrowed(principal.issuer())),
            owner: Some(Cow::Borrowed(principal.subject())),
            tenant: principal.tenant().map(Cow::Borrowed),
            scopes: principal.scopes().map(Cow::Borrowed).collect(),
            roles: principal.roles().map(Cow::Borrowed).collect(),
            addresses: networks.texts().collect(),
            expires_at: principal.expires_at().map(|end| end.as_secs()),
        }
    }

    fn into_key(self) -> Result<StoredKey, String> {
        let id = self.id.into_owned();
        let about = |error: String| format!("key `{id}`: {error}");
        let hash = |text: &str| text.parse::<KeyHash>().map_err(|error| about(error.to_string()));
        let mut key = StoredKey::builder(&id, hash(&self.hash)?)
            .scopes(self.scopes)
            .roles(self.roles)
            .addresses(self.addresses);
        match (&self.previous, self.previous_until) {
            (Some(previous), Some(until)) => {
                key = key.previous(hash(previous)?, Duration::from_secs(until));
            }
            (None, None) => {}
            _ => return Err(about("`previous` and `previous_until` belong together".to_owned())),
        }
        if let Some(issuer) = self.issuer {
            key = key.issuer(issuer);
        }
        if let Some(owner) = self.owner {
            key = key.owner(owner);
        }
        if let Some(tenant) = self.tenant {
            key = key.tenant(tenant);
        }
        if let Some(end) = self.expires_at {
            key = key.expires_at(Duration::from_secs(end));
        }
        key.build().map_err(|error| about(error.to_string()))
    }
}

impl Serialize for StoredKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        KeyRecord::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeyRecord::deserialize(deserializer)?.into_key().map_err(D::Error::custom)
    }
}
