//! The text form of a stored user.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::user::StoredUser;
use crate::auth::grants::GrantsRecord;

/// One user. A member that is not known may restrict the user, so it is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRecord<'a> {
    name: Cow<'a, str>,
    password: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
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
}

impl<'a> UserRecord<'a> {
    fn of(user: &'a StoredUser) -> Self {
        let StoredUser { name, phc, grants } = user;
        let GrantsRecord { issuer, subject, tenant, plan, scopes, roles, addresses, .. } =
            grants.record();
        let (name, password) = (Cow::Borrowed(&**name), phc.to_string());
        Self { name, password, issuer, subject, tenant, plan, scopes, roles, addresses }
    }

    fn into_user(self) -> Result<StoredUser, String> {
        let Self { name, password, issuer, subject, tenant, plan, scopes, roles, addresses } = self;
        let mut user = StoredUser::builder(&*name, password);
        let grants = GrantsRecord {
            issuer,
            subject,
            tenant,
            plan,
            scopes,
            roles,
            addresses,
            expires_at: None,
        };
        user.grants = grants.into();
        user.build().map_err(|error| format!("user `{name}`: {error}"))
    }
}

impl Serialize for StoredUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        UserRecord::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoredUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UserRecord::deserialize(deserializer)?.into_user().map_err(D::Error::custom)
    }
}
