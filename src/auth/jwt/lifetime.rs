//! How long tokens may live, whatever their issuer says.

use std::time::Duration;

use serde_json::{Map, Value};

use super::builder::JwtBuilder;
use super::claims::time;
use super::fault::Fault;
use crate::error::Mistakes;

impl JwtBuilder {
    /// The longest life a token may have been given, from `iat` to `exp`; it must have `iat` then.
    /// Default: as long as the issuer says.
    ///
    /// A token that lives for weeks is as good as a password, whoever leaked it.
    pub fn max_lifetime(mut self, longest: Duration) -> Self {
        self.lifetime.longest = Some(longest);
        self
    }

    /// How long after `iat` a token is taken, even where `exp` is later; it must have `iat` then.
    /// An older one counts as expired. Default: until `exp`.
    ///
    /// How long ago the *user* authenticated is another question, which
    /// [`max_age`](crate::authorize::max_age) asks.
    pub fn max_token_age(mut self, oldest: Duration) -> Self {
        self.lifetime.oldest = Some(oldest);
        self
    }
}

/// What is asked of `iat`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lifetime {
    pub(super) longest: Option<Duration>,
    pub(super) oldest: Option<Duration>,
}

/// When a token counts, clock skew not yet allowed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Duration,
    pub(super) until: Duration,
    /// Whether its age ends it, before `exp` does.
    by_age: bool,
}

impl Lifetime {
    pub(super) fn check(&self, mistakes: &mut Mistakes) {
        let limits = [("max_lifetime", self.longest), ("max_token_age", self.oldest)];
        for (setter, limit) in limits {
            if limit.is_some_and(|limit| limit.is_zero()) {
                let remedy = "write how long a token may live, such as one hour";
                mistakes.push(setter, "0s", "takes no token at all", remedy);
            }
        }
    }

    pub(super) fn window(&self, claims: &Map<String, Value>) -> Result<Window, Fault> {
        let seconds = "seconds since 1970";
        let expiry = time(claims, "exp")?.ok_or_else(|| Fault::claim("exp", seconds, None))?;
        let not_before = time(claims, "nbf")?.unwrap_or_default();
        let issued_at = time(claims, "iat")?;
        if issued_at.is_none() && (self.longest.is_some() || self.oldest.is_some()) {
            return Err(Fault::claim("iat", seconds, None));
        }
        let issued_at = issued_at.unwrap_or_default();
        if let Some(longest) = self.longest
            && expiry.saturating_sub(issued_at) > longest
        {
            let expected = format!("at most {} s after `iat`", longest.as_secs());
            return Err(Fault::claim("exp", expected, claims.get("exp")));
        }
        let aged = self.oldest.map(|oldest| issued_at.saturating_add(oldest));
        let by_age = aged.is_some_and(|aged| aged < expiry);
        let until = aged.filter(|_| by_age).unwrap_or(expiry);
        Ok(Window { from: not_before.max(issued_at), until, by_age })
    }
}

impl Window {
    /// Whether the time is within, give or take the skew.
    pub(super) fn check(self, now: Duration, skew: Duration) -> Result<(), Fault> {
        if now >= self.until.saturating_add(skew) {
            let ago = now.saturating_sub(self.until).as_secs();
            return Err(if self.by_age { Fault::TooOld(ago) } else { Fault::Expired(ago) });
        }
        if now.saturating_add(skew) < self.from {
            return Err(Fault::NotYet(self.from.saturating_sub(now).as_secs()));
        }
        Ok(())
    }
}
