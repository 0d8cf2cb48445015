//! The scheme: finds the token, answers from memory where it can, and puts faults into words.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue};

use super::builder::IntrospectionBuilder;
use super::fault::{Fault, Trouble};
use super::memory::Digest;
use super::provider::{Provider, Verdict};
use crate::auth::metadata::ResourceFacts;
use crate::auth::token::{Challenges, Checks, Presented, TokenKind, credentials, is_sent, named};
use crate::auth::{Attempt, Scheme, scheme_guard};
use crate::context::Principal;
use crate::guard::Exchange;
use crate::inspect::{Findings, Readiness, rule};
use crate::oauth::is_token;
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

/// How long a caller is told to wait when nobody knows better.
const RETRY: Duration = Duration::from_secs(5);

/// Authentication by opaque tokens, about which their issuer is asked (RFC 7662).
///
/// Made by [`Introspection::builder`]; see the [module](super). Clones share memory, and what is known
/// of the provider.
#[derive(Clone)]
pub struct Introspection {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) provider: Arc<Provider>,
    pub(super) challenges: Challenges,
    /// The refusal of a JWT, made once: beside a scheme for those it is no more than a step.
    pub(super) not_opaque: Option<Rejection>,
}

impl Introspection {
    /// Begins with nothing: issuer, client and audience have no default.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Introspection;
    ///
    /// let tokens = Introspection::builder()
    ///     .issuer("https://id.example")
    ///     .client_id("orders")
    ///     .client_secret("from the environment")
    ///     .audience("orders")
    ///     .build()?;
    /// # let _ = tokens;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder() -> IntrospectionBuilder {
        IntrospectionBuilder::new()
    }

    fn checks(&self) -> &Checks {
        &self.inner.provider.rules.checks
    }
}

impl Inner {
    /// Whom a token speaks for, and what remains to be asked of it.
    fn settle(
        &self,
        verdict: Verdict,
        exchange: &mut Exchange,
        kind: TokenKind,
        (value, start): (HeaderValue, usize),
    ) -> Result<Attempt, Rejection> {
        let principal = self.principal(kind, verdict)?;
        let checks = &self.provider.rules.checks;
        checks.admit(exchange, Presented::new(kind, value, start, principal))
    }

    /// Asks the provider, which takes a while.
    fn ask(
        self: Arc<Self>,
        digest: Digest,
        kind: TokenKind,
        place: (HeaderValue, usize),
    ) -> Attempt {
        Attempt::suspend(move |exchange| {
            Box::pin(async move {
                let clock = exchange.env.clock.clone();
                let verdict = self.provider.ask(digest, place.clone(), clock).await;
                self.settle(verdict, exchange, kind, place)
            })
        })
    }

    fn principal(&self, kind: TokenKind, verdict: Verdict) -> Result<Principal, Rejection> {
        let checks = &self.provider.rules.checks;
        let refuse = |fault| refuse(&self.challenges, kind, checks, fault);
        Ok(verdict.map_err(unavailable)?.map_err(refuse)?.principal)
    }
}

impl Scheme for Introspection {
    fn name(&self) -> &'static str {
        super::SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&AUTHORIZATION)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        is_sent(exchange.headers(), |kind| self.checks().takes(kind))
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let (now, unix) = (exchange.now(), exchange.unix());
        let found = credentials(exchange.headers(), |kind| self.checks().takes(kind))?;
        let Some(found) = found else { return Ok(Attempt::Absent) };
        let inner = &self.inner;
        if let Some(refusal) = inner.not_opaque.as_ref().filter(|_| is_jwt(found.token)) {
            return Err(refusal.clone());
        }
        let digest = Some(found.token).filter(|token| is_token(token)).and_then(Digest::of);
        let Some(digest) = digest else {
            let fault = Fault::Malformed("it is too long, or has characters that no token has");
            return Err(refuse(&inner.challenges, found.kind, self.checks(), fault));
        };
        let kind = found.kind;
        match inner.provider.recall(&digest, now, unix) {
            // Nothing is copied where nothing else is asked.
            Some(verdict) if self.checks().is_empty() => {
                inner.principal(kind, verdict).map(Attempt::Verified)
            }
            Some(verdict) => {
                let place = found.place();
                inner.settle(verdict, exchange, kind, place)
            }
            None => Ok(inner.clone().ask(digest, kind, found.place())),
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        self.inner.challenges.offered(self.checks())
    }

    fn summary(&self) -> Cow<'static, str> {
        let provider = &self.inner.provider;
        let (rules, memory) = (&provider.rules, &provider.memory);
        let checks = self.checks().summary();
        Cow::Owned(format!(
            "{} of {}{}{}, asked about at {} ({}), kept {:?}{checks}",
            if self.inner.not_opaque.is_some() { "opaque tokens" } else { "tokens" },
            rules.issuer,
            named("for", &rules.audiences),
            named("to", &rules.clients),
            provider.endpoint,
            provider.client.method(),
            memory.good_for,
        ))
    }

    fn describe(&self, facts: &mut ResourceFacts) {
        facts.issuer(&self.inner.provider.rules.issuer);
        self.checks().describe(facts);
    }

    fn findings(&self, report: &mut Findings) {
        if self.inner.provider.rules.audiences.is_empty() {
            let evidence = "a token is taken whichever service of the issuer it was made for";
            report.add(&rule::NO_AUDIENCE, super::SCHEME, evidence);
        }
        self.checks().findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.checks().ready(readiness);
    }
}

scheme_guard!(Introspection);
guard_layer!(Introspection);

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = &self.inner.provider;
        f.debug_struct("Introspection")
            .field("issuer", &provider.rules.issuer)
            .field("audiences", &provider.rules.audiences)
            .field("endpoint", &provider.endpoint.to_string())
            .finish_non_exhaustive()
    }
}

/// Three parts, of which the first is a JSON object in base64url: its two first letters say so.
fn is_jwt(token: &[u8]) -> bool {
    let begins_like_an_object = match token {
        [b'e', second, ..] => {
            matches!(second, b'w'..=b'z' | b'0'..=b'9' | b'-' | b'_')
        }
        _ => false,
    };
    begins_like_an_object && token.iter().filter(|byte| **byte == b'.').count() == 2
}

#[cold]
pub(super) fn refuse(
    challenges: &Challenges,
    kind: TokenKind,
    checks: &Checks,
    fault: Fault,
) -> Rejection {
    let rejection = challenges.refuse(fault.told(), kind, checks);
    rejection.expected(fault.expected()).found(fault.found()).cause(fault)
}

/// What nobody can decide is not the caller's fault.
#[cold]
fn unavailable(trouble: Arc<Trouble>) -> Rejection {
    let pause = trouble.pause().unwrap_or(RETRY);
    let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
    Rejection::new(Reason::Unavailable)
        .expected("a provider that tells whether the token counts")
        .found(trouble.to_string())
        .cause(trouble)
        .header(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_known_by_its_first_letters_and_its_three_parts() {
        for jwt in ["eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "ewogICJhIjoxfQ.e30.x", "e30.e30.x"] {
            assert!(is_jwt(jwt.as_bytes()), "{jwt}");
        }
        for other in [
            "",
            "e",
            "eyJhbGciOiJkaXIifQ.a.b.c.d",
            "eyJhbGciOiJkaXIifQ.a",
            "v4.public.abc",
            "ory_at_x.y.z",
            "ea.b.c",
            "2YotnFZFEjr1zCsicMWpAA",
        ] {
            assert!(!is_jwt(other.as_bytes()), "{other}");
        }
    }
}
