//! A user as a store keeps them.

use std::{net::IpAddr, sync::Arc};

use super::{SCHEME, credentials::check_name, phc::Phc};
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
    subject: "subject",
    note: "basic-user",
    is_key: false,
    shown: |name| format!("user `{name}`"),
};

/// What a store keeps of a user: a name, the hash of the password, and what the user may do.
///
/// It serialises, for a file or a database: `{"name":"alice","password":"$argon2id$…","scopes":["orders:read"]}`,
/// with `issuer`, `subject`, `tenant`, `plan`, `roles` and `addresses` where there are such. A member that is not known is
/// refused, since it may restrict the user.
///
/// # Example
/// ```
/// use tower_parapet::auth::basic::{Basic, StoredUser};
///
/// let hash = Basic::hash("correct horse battery staple")?;
/// let alice = StoredUser::builder("alice", hash).scope("orders:read").build()?;
/// assert_eq!(alice.principal().subject(), "alice");
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct StoredUser {
    pub(super) name: Box<str>,
    pub(super) phc: Arc<Phc>,
    pub(super) grants: Grants,
}

impl StoredUser {
    /// Begins a user by name and the hash of the password, in the form `$argon2id$v=19$m=…,t=…,p=…$salt$hash`
    /// that [`Basic::hash`](super::Basic::hash) and most tools write.
    ///
    /// At most 64 MiB, ten passes and 16 lanes are taken, so that no hash can exhaust the service.
    pub fn builder(name: impl Into<String>, hash: impl Into<String>) -> StoredUserBuilder {
        StoredUserBuilder { name: name.into(), hash: hash.into(), grants: GrantsBuilder::default() }
    }

    /// The name that the user sends.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who the user is, with scopes and roles.
    pub fn principal(&self) -> &Principal {
        self.grants.principal()
    }

    /// Whether the user may call from certain networks only.
    pub fn is_bound_to_addresses(&self) -> bool {
        self.grants.is_bound_to_addresses()
    }

    /// Whether the user may call from an address.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.grants.admits(address)
    }

    pub(super) fn admit(&self, exchange: &mut Exchange) -> Result<Principal, Rejection> {
        self.grants.admit(&KIND, &self.name, exchange)
    }

    /// Whether the password was hashed with less work than OWASP recommends.
    pub fn is_weakly_hashed(&self) -> bool {
        self.phc.work().is_weak()
    }
}

impl Stored for StoredUser {
    const WHAT: &'static str = "user";

    fn name(&self) -> &str {
        self.name()
    }

    fn grants(&self) -> &Grants {
        &self.grants
    }
}

/// Builds a [`StoredUser`]; see [`StoredUser::builder`].
#[derive(Clone)]
pub struct StoredUserBuilder {
    name: String,
    hash: String,
    pub(super) grants: GrantsBuilder,
}

impl StoredUserBuilder {
    grant_setters! {
        /// The subject of the user's principal. Default the name.
        subject,
        /// Who vouches for the user. Name the `iss` of an identity provider to make the user the same
        /// caller as with a token of that provider. Default `basic`.
        issuer,
        /// The tenant that the user belongs to. Default none.
        tenant,
        /// Adds a network that the user may call from, a CIDR or one address; with the first one all
        /// others are refused with 403. Default: from anywhere.
        address,
    }

    /// The user as a store keeps them.
    ///
    /// # Errors
    /// When nobody can send the name (empty, longer than 255 bytes, with a colon or control characters), the
    /// hash is not one of Argon2id within the bounds, subject, issuer or tenant is empty, a scope is not one
    /// `scope-token` of RFC 6749, a role has no name, or an address is not a network.
    pub fn build(self) -> Result<StoredUser, ConfigError> {
        let mut mistakes = Mistakes::default();
        if check_name(&self.name).is_err() || self.name.contains(':') {
            let remedy = "write 1 to 255 bytes without colons and control characters";
            mistakes.push("name", &*self.name, "is not a user name", remedy);
        }
        let phc = Phc::parse(&self.hash).map_err(|problem| {
            let remedy = "write what `Basic::hash` gives, or another hash of Argon2id";
            mistakes.push("hash", "", problem, remedy);
        });
        let grants = self.grants.build(&KIND, &self.name, &mut mistakes);
        let phc = mistakes.finish_with(phc.ok())?;
        Ok(StoredUser { name: self.name.into_boxed_str(), phc: Arc::new(phc), grants })
    }
}

impl std::fmt::Debug for StoredUserBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredUserBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}
