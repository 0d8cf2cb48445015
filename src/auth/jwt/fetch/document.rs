//! One fetch: from the place that was named to the keys in the set.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL};

use crate::auth::jwt::algorithm::AlgorithmSet;
use crate::auth::jwt::fault::quote;
use crate::auth::jwt::jwk;
use crate::auth::jwt::key::Key;
use crate::clock::within;
use crate::remote::{Discovery, MetadataError, Remote, RemoteError, RemoteUrl};

/// So many reasons are told why a set has no key; it chooses how many there are.
const MOST_REASONS: usize = 8;
/// Where the set is, is asked again after so many fetches, since it hardly ever moves.
const KEPT: u32 = 6;

/// Where the keys are.
#[derive(Debug)]
pub(super) enum Location {
    Set(RemoteUrl),
    Issuer(Discovery),
}

/// A document that is fetched again and again.
#[derive(Debug)]
pub(super) struct Document {
    remote: Remote,
    location: Location,
    /// What discovery has found, and for how many fetches that still counts.
    found: Mutex<Option<(RemoteUrl, u32)>>,
}

/// A set that can be used.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) keys: Vec<Arc<Key>>,
    pub(super) skipped: Vec<String>,
    /// How long the issuer says it is good.
    pub(super) max_age: Option<Duration>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    #[error("the key set of `{0}` {1}; the last good one is kept")]
    Set(Box<str>, Box<str>),
    #[error("document and key set did not come within {0:?}; see how the provider does")]
    Slow(Duration),
}

impl Document {
    pub(super) fn new(remote: Remote, location: Location) -> Self {
        Self { remote, location, found: Mutex::new(None) }
    }

    /// For people: from where.
    pub(super) fn name(&self) -> String {
        match &self.location {
            Location::Set(url) => url.to_string(),
            Location::Issuer(discovery) => format!("discovery at {}", discovery.issuer()),
        }
    }

    /// Fetches in twice the time of a request, however many it takes.
    pub(super) async fn fetch(&self, allowed: AlgorithmSet) -> Result<Fetched, FetchError> {
        let limit = self.remote.timeout() * 2;
        within(limit, self.follow(allowed)).await.unwrap_or(Err(FetchError::Slow(limit)))
    }

    async fn follow(&self, allowed: AlgorithmSet) -> Result<Fetched, FetchError> {
        let url = self.place().await?;
        let fetched = self.keys(&url, allowed).await;
        let left = match (&fetched, self.remembered()) {
            (Ok(_), Some((_, left))) => left.checked_sub(1),
            // It may have moved.
            (Err(_), _) => None,
            (Ok(_), None) => Some(KEPT),
        };
        self.remember(left.map(|left| (url, left)));
        fetched
    }

    async fn place(&self) -> Result<RemoteUrl, FetchError> {
        match (&self.location, self.remembered()) {
            (Location::Set(url), _) => Ok(url.clone()),
            (Location::Issuer(_), Some((url, _))) => Ok(url),
            (Location::Issuer(discovery), None) => {
                Ok(discovery.find(&self.remote, |metadata| metadata.address("jwks_uri")).await?)
            }
        }
    }

    async fn keys(&self, url: &RemoteUrl, allowed: AlgorithmSet) -> Result<Fetched, FetchError> {
        let answered = self.remote.get(url, "application/jwk-set+json, application/json").await?;
        let answered = answered.ok(url)?;
        let wrong = |why: &str| FetchError::Set(url.host().into(), why.into());
        let text = std::str::from_utf8(&answered.body).map_err(|_| wrong("is not UTF-8"))?;
        let parsed = jwk::parse_fetched(text).map_err(wrong)?;
        let mut skipped = parsed.skipped;
        let mut keys = Vec::with_capacity(parsed.keys.len());
        for key in parsed.keys {
            let name =
                key.id().map_or_else(|| "a key".to_owned(), |id| format!("key {}", quote(id)));
            match key.restrict(allowed) {
                Some(key) => keys.push(Arc::new(key)),
                None => skipped.push(format!("{name} is for algorithms that are not allowed")),
            }
        }
        if keys.is_empty() {
            return Err(wrong(&format!("has no usable key ({})", some(&skipped))));
        }
        Ok(Fetched { keys, skipped, max_age: max_age(&answered.headers) })
    }

    fn remembered(&self) -> Option<(RemoteUrl, u32)> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, found: Option<(RemoteUrl, u32)>) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

/// The first of many reasons.
fn some(reasons: &[String]) -> String {
    let told: Vec<&str> = reasons.iter().take(MOST_REASONS).map(String::as_str).collect();
    match reasons.len().saturating_sub(MOST_REASONS) {
        0 => told.join(", "),
        more => format!("{}, and {more} more", told.join(", ")),
    }
}

/// How long an answer is fresh (RFC 9111, section 4.2), less the time it lay in a cache.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut age = None;
    for directive in directives.flat_map(|value| value.split(',')) {
        let (name, value) = directive.trim().split_once('=').unwrap_or((directive.trim(), ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") {
            age = value.trim_matches('"').parse().ok().or(age);
        }
    }
    let lain = headers.get(AGE).and_then(|age| age.to_str().ok()?.parse().ok()).unwrap_or(0);
    age.map(|seconds: u64| Duration::from_secs(seconds.saturating_sub(lain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_says_how_long_a_set_is_good() {
        let of = |control: &'static str, age: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CACHE_CONTROL, control.parse().unwrap());
            headers.insert(AGE, age.parse().unwrap());
            max_age(&headers).map(|age| age.as_secs())
        };
        assert_eq!(of("public, max-age=300", "0"), Some(300));
        assert_eq!(of("max-age=300, must-revalidate", "100"), Some(200));
        assert_eq!(of("MAX-AGE=\"5\"", "9"), Some(0));
        assert_eq!(of("no-store, max-age=300", "0"), Some(0));
        assert_eq!(of("public", "0"), None);
        assert_eq!(of("max-age=soon", "x"), None);
        assert_eq!(max_age(&HeaderMap::new()), None);
    }
}
