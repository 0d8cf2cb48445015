//! A key, as it is issued and as it is kept.

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::{
    SCHEME,
    hash::KeyHash,
    secret::SecretText,
    text::{ID_LEN, SECRET_LEN, is_id, is_prefix, push_base62},
};
use crate::{
    context::Principal,
    error::{ConfigError, Mistakes},
};

/// The issuer of a key's owner, unless another is named.
const ISSUER: &str = "api-key";

/// A key just generated: its text, to be shown to its owner once, and what a store keeps instead.
///
/// # Example
/// ```
/// use tower_parapet::auth::api_key::{ApiKey, MemoryKeys};
///
/// let store = MemoryKeys::new();
/// let issued = ApiKey::generate("orders")?;
/// store.insert(issued.stored().owner("acme").scope("orders:read").build()?);
/// println!("shown once: {}", issued.text().expose());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ApiKey {
    text: SecretText,
    id: String,
    hash: KeyHash,
}

impl ApiKey {
    /// Draws a key with that public prefix, such as `orders` or `acme_live`, from the system's random source.
    ///
    /// The text is `prefix_id_secret`: the id 16 characters of base62, the secret 43 of them, which are 256 bits.
    ///
    /// # Errors
    /// When the prefix is not 1 to 32 lower-case letters, digits and single `_` between them, beginning with a
    /// letter, or when the system has no randomness to give.
    pub fn generate(prefix: &str) -> Result<Self, ConfigError> {
        Self::draw(prefix, getrandom::fill)
    }

    fn draw<E: fmt::Display>(
        prefix: &str,
        mut random: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        if !is_prefix(prefix) {
            mistakes.push(
                "generate",
                prefix,
                "is not a key prefix",
                "write 1 to 32 lower-case letters, digits and single `_`, as in `acme_live`",
            );
        }
        let mut id = String::with_capacity(ID_LEN);
        let length = prefix.len() + ID_LEN + SECRET_LEN + 2;
        let mut text = Zeroizing::new(String::with_capacity(length));
        let drawn = push_base62(&mut id, ID_LEN, &mut random).and_then(|()| {
            text.push_str(prefix);
            text.push('_');
            text.push_str(&id);
            text.push('_');
            push_base62(&mut text, SECRET_LEN, &mut random)
        });
        if let Err(error) = drawn {
            mistakes.push(
                "generate",
                prefix,
                format!("cannot be completed: {error}"),
                "give the process access to the system's random source",
            );
        }
        mistakes.finish()?;
        let hash = KeyHash::of(text.as_bytes());
        Ok(Self { text: SecretText::new(text), id, hash })
    }

    /// The text to show to the key's owner; nobody can show it again.
    pub fn text(&self) -> &SecretText {
        &self.text
    }

    /// The public id, by which a store finds the key and a person names it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Begins what a store keeps of this key.
    pub fn stored(&self) -> StoredKeyBuilder {
        StoredKey::builder(&self.id, self.hash.clone())
    }
}

/// What a store keeps of a key: never its text, but its hash, whom it speaks for and until when.
#[derive(Debug, Clone)]
pub struct StoredKey {
    id: Box<str>,
    hash: KeyHash,
    principal: Principal,
}

impl StoredKey {
    /// Begins a key that was generated earlier, as it comes back from a database.
    ///
    /// The id is 1 to 32 letters and digits; [`ApiKey`] draws it.
    pub fn builder(id: impl Into<String>, hash: KeyHash) -> StoredKeyBuilder {
        StoredKeyBuilder {
            id: id.into(),
            hash,
            issuer: ISSUER.to_owned(),
            owner: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            expires_at: None,
        }
    }

    /// The public id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of the key's text.
    pub fn hash(&self) -> &KeyHash {
        &self.hash
    }

    /// Whom the key speaks for, with its scopes and roles.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// From when on it is refused, since the Unix epoch; `None` where it has no end.
    pub fn expires_at(&self) -> Option<Duration> {
        self.principal.expires_at()
    }
}

/// Builds a [`StoredKey`]; see [`ApiKey::stored`] and [`StoredKey::builder`].
#[derive(Debug, Clone)]
pub struct StoredKeyBuilder {
    id: String,
    hash: KeyHash,
    issuer: String,
    owner: Option<String>,
    scopes: Vec<String>,
    roles: Vec<String>,
    expires_at: Option<Duration>,
}

impl StoredKeyBuilder {
    /// Whom the key speaks for: the subject of its principal. Default: the key itself, by its id.
    pub fn owner(mut self, subject: impl Into<String>) -> Self {
        self.owner = Some(subject.into());
        self
    }

    /// Who vouches for the owner. Name the `iss` of an identity provider to make the owner the same
    /// caller as with a token of that provider. Default `api-key`.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// Grants one scope.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Grants several scopes.
    pub fn scopes<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.scopes.extend(scopes.into_iter().map(Into::into));
        self
    }

    /// Grants one role.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Grants several roles.
    pub fn roles<T: Into<String>>(mut self, roles: impl IntoIterator<Item = T>) -> Self {
        self.roles.extend(roles.into_iter().map(Into::into));
        self
    }

    /// From when on the key is refused, since the Unix epoch. Default: it has no end.
    pub fn expires_at(mut self, unix: Duration) -> Self {
        self.expires_at = Some(unix);
        self
    }

    /// The key as a store keeps it.
    ///
    /// # Errors
    /// When the id is not 1 to 32 letters and digits, the owner or its issuer is empty, a scope is
    /// not one `scope-token` of RFC 6749, or a role has no name.
    pub fn build(self) -> Result<StoredKey, ConfigError> {
        self.mistakes().finish()?;
        let owner = self.owner.unwrap_or_else(|| self.id.clone());
        let mut principal = Principal::builder(self.issuer, owner)
            .scheme(SCHEME)
            .scopes(self.scopes)
            .roles(self.roles);
        if let Some(end) = self.expires_at {
            principal = principal.expires_at(end);
        }
        Ok(StoredKey {
            id: self.id.into_boxed_str(),
            hash: self.hash,
            principal: principal.build(),
        })
    }

    fn mistakes(&self) -> Mistakes {
        let mut mistakes = Mistakes::default();
        if !is_id(&self.id) {
            let remedy = "keep the id that `ApiKey::generate` drew, 1 to 32 letters and digits";
            mistakes.push("builder", &*self.id, "is not a key id", remedy);
        }
        if self.owner.as_deref() == Some("") {
            mistakes.push("owner", "", "the owner has no name", "name it, or leave the setter out");
        }
        if self.issuer.is_empty() {
            mistakes.push(
                "issuer",
                "",
                "the issuer has no name",
                "name it, or leave the setter out",
            );
        }
        for scope in self.scopes.iter().filter(|scope| !is_scope(scope)) {
            let remedy = "grant one scope a call, without spaces, quotes or backslashes";
            mistakes.push("scope", &**scope, "is not a scope", remedy);
        }
        if self.roles.iter().any(String::is_empty) {
            mistakes.push("role", "", "a role has no name", "name it, or leave the setter out");
        }
        mistakes
    }
}

/// RFC 6749, section 3.3: `scope-token`.
fn is_scope(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
