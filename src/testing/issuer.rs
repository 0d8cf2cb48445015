use std::{fmt, sync::Arc};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::token::TestToken;
use crate::{
    auth::jwt::{Jwt, JwtBuilder},
    clock::{Clock, SystemClock},
};

pub(super) const NAME: &str = "https://issuer.test";

/// An issuer of tokens for tests, with an ES256 key of its own that is made anew each time.
///
/// # Example
/// ```
/// use tower_parapet::testing::TestIssuer;
///
/// let issuer = TestIssuer::default();
/// let scheme = issuer.jwt().roles_claim("/realm_access/roles").build()?;
/// let token = issuer.token().subject("alice").claim("/realm_access/roles", ["operator"]).sign();
/// let stale = issuer.token().expired().sign();
/// # let _ = (scheme, token, stale);
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct TestIssuer {
    name: String,
    audience: String,
    clock: Arc<dyn Clock>,
    own: TestKey,
    other: TestKey,
}

/// `https://issuer.test`, for the audience `test`.
impl Default for TestIssuer {
    fn default() -> Self {
        Self::new(NAME)
    }
}

impl TestIssuer {
    /// An issuer that writes this name into `iss`, that of a provider say.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            audience: "test".to_owned(),
            clock: Arc::new(SystemClock::default()),
            own: TestKey::generate(),
            other: TestKey::generate(),
        }
    }

    /// The audience of its tokens where they name no other. Default `test`.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// The clock its tokens begin and end by: the one the stack has. Default the system's.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Its name, as in `iss`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of its key, as in `kid`: the thumbprint of RFC 7638.
    pub fn key_id(&self) -> &str {
        &self.own.id
    }

    /// Its public key as the text of a JWK set.
    pub fn jwks(&self) -> String {
        let (x, y) = self.own.coordinates();
        let key = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "kid": self.own.id, "x": x, "y": y,
        });
        json!({ "keys": [key] }).to_string()
    }

    /// A verifier of its tokens, for its audience.
    pub fn jwt(&self) -> JwtBuilder {
        Jwt::builder().issuer(&self.name).audience(&self.audience).jwks(self.jwks())
    }

    /// Starts a token that is good for five minutes, of the subject `tester`, without scopes.
    pub fn token(&self) -> TestToken {
        TestToken::new(self, self.clock.unix())
    }

    pub(super) fn own_audience(&self) -> &str {
        &self.audience
    }

    pub(super) fn keys(&self) -> (TestKey, TestKey) {
        (self.own.clone(), self.other.clone())
    }
}

/// Neither key shows.
impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("name", &self.name)
            .field("audience", &self.audience)
            .field("key_id", &self.own.id)
            .finish_non_exhaustive()
    }
}

/// A key pair. Where the system has no randomness there is none: its set is then refused by the
/// builder of a verifier, which says so better than a panic here.
#[derive(Clone)]
pub(super) struct TestKey {
    pair: Option<Arc<EcdsaKeyPair>>,
    id: String,
}

impl TestKey {
    fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().map(Arc::new);
        let mut key = Self { pair, id: String::new() };
        let (x, y) = key.coordinates();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        key.id = encode(digest::digest(&digest::SHA256, members.as_bytes()));
        key
    }

    pub(super) fn sign(&self, text: &str) -> String {
        let signature = self
            .pair
            .as_ref()
            .and_then(|pair| pair.sign(&SystemRandom::new(), text.as_bytes()).ok());
        signature.map(encode).unwrap_or_default()
    }

    /// Of an uncompressed point: one byte that says so, and two halves.
    fn coordinates(&self) -> (String, String) {
        let point = self.pair.as_ref().map(|pair| pair.public_key().as_ref()).unwrap_or_default();
        let halves = point.get(1..).and_then(|halves| halves.split_at_checked(32));
        halves.map(|(x, y)| (encode(x), encode(y))).unwrap_or_default()
    }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
