//! The text form of a stored key, and of a file of them.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{hash::KeyHash, stored::StoredKey};
use crate::auth::grants::GrantsRecord;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<Cow<'a, str>>,
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
        let StoredKey { id, hash, previous, grants, .. } = key;
        let GrantsRecord { issuer, subject, tenant, plan, scopes, roles, addresses, expires_at } =
            grants.record();
        Self {
            id: Cow::Borrowed(id),
            hash: hash.to_string(),
            previous: previous.as_ref().map(|previous| previous.hash.to_string()),
            // A part of a second less is on the safe side.
            previous_until: previous.as_ref().map(|previous| previous.until.as_secs()),
            issuer,
            owner: subject,
            tenant,
            plan,
            scopes,
            roles,
            addresses,
            expires_at,
        }
    }

    fn into_key(self) -> Result<StoredKey, String> {
        let Self { id, hash, previous, previous_until, issuer, owner, tenant, .. } = self;
        let Self { plan, scopes, roles, addresses, expires_at, .. } = self;
        let about = |error: String| format!("key `{id}`: {error}");
        let parse = |text: &str| text.parse::<KeyHash>().map_err(|error| about(error.to_string()));
        let mut key = StoredKey::builder(&*id, parse(&hash)?);
        match (previous, previous_until) {
            (Some(previous), Some(until)) => {
                key = key.previous(parse(&previous)?, Duration::from_secs(until));
            }
            (None, None) => {}
            _ => return Err(about("`previous` and `previous_until` belong together".to_owned())),
        }
        let subject = owner;
        let grants =
            GrantsRecord { issuer, subject, tenant, plan, scopes, roles, addresses, expires_at };
        key.grants = grants.into();
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
