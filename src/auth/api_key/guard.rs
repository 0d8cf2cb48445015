//! The scheme itself: from a header to a principal.

use std::{borrow::Cow, fmt, sync::Arc};

use http::{
    HeaderName, HeaderValue,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{ApiKeysBuilder, KeyHash, KeyStore, SCHEME, StoreError, StoredKey, text::KeyText};
use crate::{
    auth::{Attempt, Scheme, scheme_guard},
    guard::Exchange,
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// How long a caller is told to wait when the store cannot tell.
const RETRY: HeaderValue = HeaderValue::from_static("5");

/// Authenticates callers by an API key in a header.
///
/// It is a [`Scheme`], to stand beside others in an [`Authenticate`](crate::auth::Authenticate), and
/// a [`Guard`](crate::Guard) by itself. See the [module](super) for what it does.
#[derive(Clone)]
pub struct ApiKeys {
    pub(super) store: Arc<dyn KeyStore>,
    pub(super) header: HeaderName,
    pub(super) challenge: HeaderValue,
}

impl ApiKeys {
    /// Begins a scheme over a store of keys.
    pub fn builder(store: impl KeyStore) -> ApiKeysBuilder {
        ApiKeysBuilder::new(Arc::new(store))
    }

    /// Finds the stored key that a text belongs to. The same work is done whether the id is known
    /// or not, so that the time taken tells nobody which ids exist.
    fn verify(&self, text: &[u8]) -> Result<Arc<StoredKey>, Rejection> {
        let Some(key) = KeyText::parse(text) else {
            return Err(self.refuse(Reason::InvalidCredentials, "text that is not a key"));
        };
        let stored = self.store.find(key.id()).map_err(unavailable)?;
        let expected = stored.as_ref().map_or(&KeyHash::NONE, |stored| stored.hash());
        let is_same = KeyHash::of(key.whole()).is_same(expected);
        match stored {
            Some(stored) if is_same => Ok(stored),
            Some(_) => Err(self.forged("a wrong secret for key", key.id())),
            None => Err(self.forged("an unknown key", key.id())),
        }
    }

    #[cold]
    fn forged(&self, what: &str, id: &str) -> Rejection {
        self.refuse(Reason::InvalidCredentials, format!("{what} {id}"))
    }

    #[cold]
    fn refuse(&self, reason: Reason, found: impl Into<Cow<'static, str>>) -> Rejection {
        let expected = match reason {
            Reason::ExpiredCredentials => "a key that has not ended",
            _ => "a known key with its secret",
        };
        Rejection::new(reason)
            .expected(expected)
            .found(found)
            .header(WWW_AUTHENTICATE, self.challenge.clone())
    }
}

#[cold]
fn unavailable(error: StoreError) -> Rejection {
    Rejection::new(Reason::Unavailable)
        .expected("a store of keys that answers")
        .found("one that does not")
        .cause(error)
        .header(RETRY_AFTER, RETRY)
}

impl Scheme for ApiKeys {
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&self.header)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(&self.header)
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let Some(value) = exchange.headers().get(&self.header) else {
            return Ok(Attempt::Absent);
        };
        let stored = self.verify(value.as_bytes())?;
        if stored.expires_at().is_some_and(|end| exchange.unix() >= end) {
            let found = format!("key {}, past its end", stored.id());
            return Err(self.refuse(Reason::ExpiredCredentials, found));
        }
        Ok(Attempt::Verified(stored.principal().clone()))
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![self.challenge.clone()]
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("key in header {}", self.header))
    }
}

scheme_guard!(ApiKeys);
guard_layer!(ApiKeys);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("header", &self.header).finish_non_exhaustive()
    }
}
