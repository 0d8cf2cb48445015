//! The scheme itself: from a header to a principal.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use http::{
    HeaderName, HeaderValue,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{
    ApiKeysBuilder, KeyStore, SCHEME, StoreError, StoredKey,
    text::KeyText,
    verdict::{Peppers, Verdict},
};
use crate::{
    answer::Answer,
    auth::{Attempt, Scheme, guessing::Guessing, scheme_guard},
    guard::{Exchange, Needs},
    inspect::{Findings, Readiness, rule},
    outage::RETRY,
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// Authenticates callers by an API key in a header.
///
/// It is a [`Scheme`], to stand beside others in an [`Authenticate`](crate::auth::Authenticate), and
/// a [`Guard`](crate::Guard) by itself. See the [module](super) for what it does. Clones share the store and the
/// count of wrong secrets.
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Arc<dyn KeyStore>,
    pub(super) header: HeaderName,
    pub(super) challenge: HeaderValue,
    pub(super) peppers: Peppers,
    pub(super) guessing: Guessing,
}

type Found = Result<Option<Arc<StoredKey>>, StoreError>;

impl ApiKeys {
    /// Begins a scheme over a store of keys.
    pub fn builder(store: impl KeyStore) -> ApiKeysBuilder {
        ApiKeysBuilder::new(Arc::new(store))
    }

    pub(super) fn of(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// What a look-up after I/O found, for the same request.
    fn resume(&self, exchange: &mut Exchange, found: Found) -> Result<Attempt, Rejection> {
        let now = self.time_if_guessed_at(exchange);
        let verdict = match self.presented(exchange) {
            None => return Ok(Attempt::Absent),
            Some(text) => self.weigh(self.read(text)?, found, now)?,
        };
        self.conclude(exchange, verdict)
    }

    fn presented<'e>(&self, exchange: &'e Exchange) -> Option<&'e [u8]> {
        exchange.headers().get(&self.0.header).map(HeaderValue::as_bytes)
    }

    fn read<'t>(&self, text: &'t [u8]) -> Result<KeyText<'t>, Rejection> {
        KeyText::parse(text).map_err(|not| self.refuse(Reason::InvalidCredentials, not.found()))
    }

    fn time_if_guessed_at(&self, exchange: &mut Exchange) -> Option<Duration> {
        (!self.0.guessing.is_quiet()).then(|| exchange.now())
    }

    fn weigh(
        &self,
        key: KeyText<'_>,
        found: Found,
        now: Option<Duration>,
    ) -> Result<Verdict, Rejection> {
        let stored = found.map_err(|error| error.refusal("a store of keys that answers"))?;
        let wait = now.and_then(|now| self.0.guessing.wait(key.id().as_bytes(), now));
        if let Some(wait) = wait
            && !stored.as_ref().is_some_and(|stored| stored.familiar.knows(key.whole()))
        {
            return Ok(Verdict::Untried(key.id().to_owned(), wait));
        }
        Ok(self.0.peppers.compare(key, stored))
    }

    fn conclude(&self, exchange: &mut Exchange, verdict: Verdict) -> Result<Attempt, Rejection> {
        let stored = match verdict {
            Verdict::Present(stored) => stored,
            Verdict::Former(stored, until) => {
                if exchange.unix() >= until {
                    let found = format!("the former secret of key {}, past its end", stored.id());
                    return Err(self.refuse(Reason::ExpiredCredentials, found));
                }
                exchange.note("api-key-secret", "the former one");
                stored
            }
            Verdict::Wrong(id) => {
                return Err(self.guessed(exchange, "a wrong secret for key", &id));
            }
            Verdict::Unknown(id) => return Err(self.guessed(exchange, "an unknown key", &id)),
            Verdict::Untried(id, wait) => {
                return Err(self.0.guessing.refuse(wait, format!("key {id}")));
            }
            Verdict::Plain(id) => {
                let found = format!("a key whose stored hash has none, {id}");
                let refusal = self.refuse(Reason::InvalidCredentials, found);
                return Err(refusal.expected("a key whose stored hash has a pepper"));
            }
            Verdict::NoPepper(id) => return Err(without_pepper(&id)),
        };
        if stored.expires_at().is_some_and(|end| exchange.unix() >= end) {
            let found = format!("key {}, past its end", stored.id());
            return Err(self.refuse(Reason::ExpiredCredentials, found));
        }
        stored.admit(exchange).map(Attempt::Verified)
    }

    #[cold]
    fn guessed(&self, exchange: &mut Exchange, what: &str, id: &str) -> Rejection {
        if !exchange.is_rehearsal() {
            self.0.guessing.charge(id.as_bytes(), exchange.now());
        }
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
            .header(WWW_AUTHENTICATE, self.0.challenge.clone())
    }
}

#[cold]
fn without_pepper(id: &str) -> Rejection {
    Rejection::new(Reason::Unavailable)
        .expected("the pepper that the stored hash names: add it with `pepper`")
        .found(format!("key {id}, whose hash names one that is not here"))
        .header(RETRY_AFTER, RETRY)
}

impl Scheme for ApiKeys {
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&self.0.header)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        exchange.headers().contains_key(&self.0.header)
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let now = self.time_if_guessed_at(exchange);
        let Some(text) = self.presented(exchange) else {
            return Ok(Attempt::Absent);
        };
        let key = self.read(text)?;
        match self.0.store.find(key.id()) {
            Answer::Now(found) => {
                let verdict = self.weigh(key, found, now)?;
                self.conclude(exchange, verdict)
            }
            Answer::Later(found) => {
                let scheme = self.clone();
                Ok(Attempt::suspend(move |exchange| {
                    Box::pin(async move {
                        let found = found.await;
                        scheme.resume(exchange, found)
                    })
                }))
            }
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![self.0.challenge.clone()]
    }

    fn needs(&self) -> Needs {
        self.0.store.needs()
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("key in header {}", self.0.header))
    }

    fn findings(&self, report: &mut Findings) {
        let Peppers { list, takes_plain } = &self.0.peppers;
        if *takes_plain && !list.is_empty() {
            let evidence = "keys are taken whose hash has no pepper";
            report.add(&rule::PLAIN_KEY_HASHES, SCHEME, evidence);
        }
        self.0.store.findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.0.store.ready(readiness);
    }
}

scheme_guard!(ApiKeys);
guard_layer!(ApiKeys);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys").field("header", &self.0.header).finish_non_exhaustive()
    }
}
