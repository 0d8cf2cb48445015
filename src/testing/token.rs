use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};

use super::issuer::{TestIssuer, TestKey, encode};

const HOUR: u64 = 3600;
const GOOD_FOR: u64 = 300;

/// A token under construction; see [`TestIssuer::token`].
///
/// It becomes text by [`sign`](Self::sign), and is one wherever a `String` is wanted.
#[derive(Clone)]
#[must_use = "a token is text once it is signed"]
pub struct TestToken {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    now: u64,
    own: TestKey,
    other: TestKey,
    hand: Hand,
}

/// Whose hand the signature is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    Own,
    Foreign,
    Nobody,
}

impl TestToken {
    pub(super) fn new(issuer: &TestIssuer, now: Duration) -> Self {
        let (own, other) = issuer.keys();
        let now = now.as_secs();
        let header = [("alg", "ES256"), ("typ", "at+jwt"), ("kid", issuer.key_id())];
        let names = [("iss", issuer.name()), ("sub", "tester"), ("aud", issuer.own_audience())];
        let times = [("iat", now), ("exp", now.saturating_add(GOOD_FOR))];
        let member = |(name, value): (&str, &str)| (name.to_owned(), Value::from(value));
        let time = |(name, value): (&str, u64)| (name.to_owned(), Value::from(value));
        Self {
            header: header.into_iter().map(member).collect(),
            claims: names.into_iter().map(member).chain(times.into_iter().map(time)).collect(),
            now,
            own,
            other,
            hand: Hand::Own,
        }
    }

    /// Whose token it is. Default `tester`.
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject.into())
    }

    /// Whom it is for, in place of the issuer's audience.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", audience.into())
    }

    /// One more scope in `scope`.
    pub fn scope(mut self, scope: impl AsRef<str>) -> Self {
        let before = self.claims.get("scope").and_then(Value::as_str);
        let scopes = match before {
            Some(before) => format!("{before} {}", scope.as_ref()),
            None => scope.as_ref().to_owned(),
        };
        self.claims.insert("scope".to_owned(), scopes.into());
        self
    }

    /// One more role in `roles`.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        let roles = self.claims.entry("roles").or_insert_with(|| json!([]));
        if let Value::Array(roles) = roles {
            roles.push(role.into().into());
        }
        self
    }

    /// Any claim, in place of the one of that name. A name that begins with `/` is a JSON pointer,
    /// and what is missing on the way is made: `/realm_access/roles`.
    pub fn claim(mut self, name: impl AsRef<str>, value: impl Into<Value>) -> Self {
        let name = name.as_ref();
        let Some(pointer) = name.strip_prefix('/') else {
            self.claims.insert(name.to_owned(), value.into());
            return self;
        };
        let mut names: Vec<_> =
            pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        let last = names.pop().unwrap_or_default();
        let mut place = &mut self.claims;
        for name in names {
            let next = place.entry(name).or_insert_with(|| json!({}));
            if !next.is_object() {
                *next = json!({});
            }
            let Value::Object(next) = next else { return self };
            place = next;
        }
        place.insert(last, value.into());
        self
    }

    /// Takes out a claim by its name, `exp` say.
    pub fn without(mut self, claim: impl AsRef<str>) -> Self {
        self.claims.remove(claim.as_ref());
        self
    }

    /// Any member of the header, in place of the one of that name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// The `kid` in its header, in place of the issuer's key.
    pub fn key_id(self, id: impl Into<String>) -> Self {
        self.header("kid", id.into())
    }

    /// Names no key, as the tokens of a provider that has one key may.
    pub fn without_key_id(mut self) -> Self {
        self.header.remove("kid");
        self
    }

    /// Ends after so long, from now by the issuer's clock. Default five minutes.
    pub fn expires_in(self, time: Duration) -> Self {
        let end = self.now.saturating_add(time.as_secs());
        self.claim("exp", end)
    }

    /// Ended an hour ago, genuine otherwise.
    pub fn expired(self) -> Self {
        let now = self.now;
        self.claim("iat", now.saturating_sub(2 * HOUR)).claim("exp", now.saturating_sub(HOUR))
    }

    /// Begins in an hour.
    pub fn not_yet(self) -> Self {
        let now = self.now;
        self.claim("nbf", now.saturating_add(HOUR)).claim("exp", now.saturating_add(2 * HOUR))
    }

    /// Says what the issuer's tokens say, `kid` included, and is signed by another key.
    pub fn foreign(mut self) -> Self {
        self.hand = Hand::Foreign;
        self
    }

    /// Is not signed: `alg` is `none`, and there is nothing after the last dot.
    pub fn unsigned(mut self) -> Self {
        self.hand = Hand::Nobody;
        self.header("alg", "none")
    }

    /// The token in its compact form (RFC 7515, section 7.1).
    pub fn sign(&self) -> String {
        let part = |members: &Map<String, Value>| encode(Value::from(members.clone()).to_string());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = match self.hand {
            Hand::Own => self.own.sign(&signed),
            Hand::Foreign => self.other.sign(&signed),
            Hand::Nobody => String::new(),
        };
        format!("{signed}.{signature}")
    }
}

impl From<TestToken> for String {
    fn from(token: TestToken) -> Self {
        token.sign()
    }
}

impl fmt::Debug for TestToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestToken")
            .field("header", &self.header)
            .field("claims", &self.claims)
            .field("hand", &self.hand)
            .finish_non_exhaustive()
    }
}
