//! What is revoked, by a hash.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// What a revocation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RevocationKind {
    /// One token, by `jti`.
    Token,
    /// One session, by `sid`: whatever was issued in it.
    Session,
    /// One identity, by `sub`: what was issued up to a time.
    Identity,
    /// Everything an issuer issued up to a time.
    Issuer,
}

impl RevocationKind {
    pub(super) const ALL: [Self; 4] = [Self::Token, Self::Session, Self::Identity, Self::Issuer];

    fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Identity => "identity",
            Self::Issuer => "issuer",
        }
    }

    /// For a record: what a refused token was found to be.
    pub(super) fn found(self) -> &'static str {
        match self {
            Self::Token => "a token that was revoked by its `jti`",
            Self::Session => "a token of a session that was ended",
            Self::Identity => "a token of before its subject's were revoked",
            Self::Issuer => "a token of before its issuer's were revoked",
        }
    }
}

/// What is revoked: 16 bytes of SHA-256 over the issuer's name and the id within it, so that neither
/// is kept. The same in every process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevocationKey([u8; 16]);

impl RevocationKey {
    /// The token of an issuer with this `jti`.
    pub fn token(issuer: &str, id: &str) -> Self {
        Self::of(RevocationKind::Token, issuer, id)
    }

    /// The session of an issuer with this `sid`.
    pub fn session(issuer: &str, id: &str) -> Self {
        Self::of(RevocationKind::Session, issuer, id)
    }

    /// The subject of an issuer.
    pub fn identity(issuer: &str, subject: &str) -> Self {
        Self::of(RevocationKind::Identity, issuer, subject)
    }

    /// Everything of an issuer.
    pub fn issuer(issuer: &str) -> Self {
        Self::of(RevocationKind::Issuer, issuer, "")
    }

    fn of(kind: RevocationKind, issuer: &str, id: &str) -> Self {
        let mut context = Context::new(&SHA256);
        for part in [kind.word(), issuer, id] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        Self(context.finish().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// A key from the bytes of one.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, for a store of one's own.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for RevocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationKey({self})")
    }
}

/// As 32 hexadecimal digits.
impl fmt::Display for RevocationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One entry of the list.
///
/// It holds hashes and times only, and serialises by serde: a list can be written to a file at the end
/// of a process and be [restored](super::Revocations::restore) by the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revocation {
    /// What it is about.
    pub kind: RevocationKind,
    /// Whom it is about.
    #[serde(with = "hex")]
    pub key: RevocationKey,
    /// Tokens that were issued in this second or before are refused, in seconds since the Unix epoch;
    /// `None` where it does not matter when they were issued.
    pub issued_until: Option<u64>,
    /// When no token that it is about can be valid any longer, in seconds since the Unix epoch: it may
    /// be forgotten then.
    pub ends: u64,
}

impl Revocation {
    /// An entry; both times in seconds since the Unix epoch.
    pub fn new(
        kind: RevocationKind,
        key: RevocationKey,
        issued_until: Option<u64>,
        ends: u64,
    ) -> Self {
        Self { kind, key, issued_until, ends }
    }

    /// Whether it refuses a token that was issued then. One that does not say when was issued before.
    pub(super) fn covers(&self, issued_at: Option<u64>) -> bool {
        match (self.issued_until, issued_at) {
            (Some(last), Some(issued)) => issued <= last,
            _ => true,
        }
    }

    /// Of two about the same, what either refuses.
    pub(super) fn merged(self, other: Self) -> Self {
        let issued_until = match (self.issued_until, other.issued_until) {
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => None,
        };
        Self { issued_until, ends: self.ends.max(other.ends), ..self }
    }
}

/// Whole seconds, the next where there is a fraction: an entry never ends early.
pub(super) fn ceil(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::RevocationKey;

    pub(super) fn serialize<S: Serializer>(
        key: &RevocationKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<RevocationKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| is_hex);
        let number = number.ok_or_else(|| D::Error::custom("a key is 32 hexadecimal digits"))?;
        Ok(RevocationKey::from_bytes(number.to_be_bytes()))
    }
}
