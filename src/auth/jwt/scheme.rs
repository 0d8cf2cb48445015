//! The scheme: finds the bearer token, and puts a fault into words for each listener.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

use super::builder::JwtBuilder;
use super::cache::Digest;
use super::concession::Concession;
use super::fault::{Explained, Fault};
use super::hint::Hint;
use super::subprotocol::Subprotocol;
use super::verifier::Verifier;
use crate::auth::metadata::ResourceFacts;
use crate::auth::token::{Challenges, Checks, Presented, TokenKind, credentials, is_sent, named};
use crate::auth::{Attempt, Scheme, scheme_guard};
use crate::context::Principal;
use crate::guard::Exchange;
use crate::inspect::{Diagnosis, Findings, Readiness, rule};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

/// Authentication by signed bearer tokens of one issuer.
///
/// Made by [`Jwt::builder`]; see the [module](super) for what it checks. Several issuers are several
/// of these, joined by [`Issuers`](super::Issuers): keys are never shared between issuers. Clones
/// share keys and memory.
#[derive(Clone)]
pub struct Jwt {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) verifier: Verifier,
    pub(super) challenges: Challenges,
    /// Another place for a token, in the handshake of a WebSocket.
    pub(super) subprotocol: Option<Subprotocol>,
    /// Keys left out of a set, each with its reason.
    pub(super) skipped: Vec<String>,
    pub(super) concessions: Vec<Concession>,
    /// What the provider's settings have to do with a refusal.
    pub(super) hints: &'static [Hint],
}

impl Jwt {
    /// Starts a verifier. Issuer, audience and keys have no default.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::jwt::Jwt;
    ///
    /// let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    ///     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let jwt = Jwt::builder()
    ///     .issuer("https://id.example")
    ///     .audience("orders")
    ///     .jwks(keys)
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder() -> JwtBuilder {
        JwtBuilder::new()
    }

    /// Tells the operator where the issuer's clock and ours do not agree.
    fn compare_clocks(&self, exchange: &Exchange, fault: Option<&Fault>, now: Duration) {
        let verifier = &self.inner.verifier;
        let told = match fault {
            _ if exchange.is_rehearsal() => None,
            None => verifier.skew.seen_ahead(),
            Some(fault) => verifier.skew.refused(fault, now, verifier.rules.skew),
        };
        if let Some(told) = told {
            exchange.diagnose(Diagnosis::ClockSkew, |_| told.evidence(&verifier.rules.issuer));
        }
    }

    /// The subprotocols, where a handshake has a token among them.
    pub(super) fn in_subprotocol(&self, exchange: &Exchange) -> Option<&Subprotocol> {
        self.inner.subprotocol.as_ref().filter(|place| place.is_presented(exchange))
    }

    fn authenticate_by(
        &self,
        subprotocol: &Subprotocol,
        exchange: &mut Exchange,
        digest: Option<Digest>,
        now: Duration,
    ) -> Result<Attempt, Rejection> {
        let headers = exchange.headers();
        if headers.contains_key(AUTHORIZATION) {
            return Err(Rejection::new(Reason::AmbiguousCredentials)
                .detail("send one credential, in one place only")
                .expected("one credential in one place")
                .found("a token among the subprotocols, and an authorization header"));
        }
        let token = subprotocol.token(headers)?;
        let verifier = &self.inner.verifier;
        let digest = digest.or_else(|| verifier.digest(&token));
        let verified = verifier.verify_as(&token, digest, now);
        self.compare_clocks(exchange, verified.as_ref().err(), now);
        let principal = match verified {
            Err(Fault::Fetching(flight)) => return self.await_keys(flight),
            verified => verified.map_err(|fault| self.reject(TokenKind::Bearer, fault))?,
        };
        subprotocol.demand_another(headers)?;
        let place = HeaderValue::from_bytes(&token).ok().map(|token| (token, 0));
        self.admit(exchange, TokenKind::Bearer, place, principal)
    }

    pub(super) fn checks(&self) -> &Checks {
        &self.inner.verifier.rules.checks
    }

    /// What remains to be asked of a verified token.
    fn admit(
        &self,
        exchange: &mut Exchange,
        kind: TokenKind,
        place: Option<(HeaderValue, usize)>,
        principal: Principal,
    ) -> Result<Attempt, Rejection> {
        match place {
            Some((value, start)) if !self.checks().is_empty() => {
                self.checks().admit(exchange, Presented::new(kind, value, start, principal))
            }
            // Nothing that was verified has such bytes; but then nobody could ask about it.
            None if !self.checks().is_empty() => {
                Err(self.reject(kind, Fault::Malformed("it has bytes that no header has")))
            }
            _ => Ok(Attempt::Verified(principal)),
        }
    }

    /// Verifies the one token of a request, which would be remembered by its digest where the caller
    /// has computed it.
    pub(super) fn authenticate_as(
        &self,
        exchange: &mut Exchange,
        digest: Option<Digest>,
    ) -> Result<Attempt, Rejection> {
        let now = exchange.unix();
        if let Some(subprotocol) = self.in_subprotocol(exchange) {
            return self.authenticate_by(subprotocol, exchange, digest, now);
        }
        let found = credentials(exchange.headers(), |kind| self.checks().takes(kind))?;
        let Some(found) = found else { return Ok(Attempt::Absent) };
        let verifier = &self.inner.verifier;
        let digest = digest.or_else(|| verifier.digest(found.token));
        let verified = verifier.verify_as(found.token, digest, now);
        let (kind, place) = (found.kind, (!self.checks().is_empty()).then(|| found.place()));
        self.compare_clocks(exchange, verified.as_ref().err(), now);
        let principal = match verified {
            Err(Fault::Fetching(flight)) => return self.await_keys(flight),
            verified => verified.map_err(|fault| self.reject(kind, fault))?,
        };
        self.admit(exchange, kind, place, principal)
    }

    pub(super) fn reject(&self, kind: TokenKind, fault: Fault) -> Rejection {
        if let Fault::Undecided(undecided) = fault {
            return undecided.reject();
        }
        let rejection = self.inner.challenges.refuse(fault.told(), kind, self.checks());
        let hint = Hint::of(&fault, self.inner.hints);
        rejection.expected(fault.expected()).found(fault.found()).cause(Explained { fault, hint })
    }
}

impl Scheme for Jwt {
    fn name(&self) -> &'static str {
        super::SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&AUTHORIZATION)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        is_sent(exchange.headers(), |kind| self.checks().takes(kind))
            || self.in_subprotocol(exchange).is_some()
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        self.authenticate_as(exchange, None)
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        self.inner.challenges.offered(self.checks())
    }

    fn hide(&self, exchange: &mut Exchange) {
        if let Some(subprotocol) = &self.inner.subprotocol {
            subprotocol.hide(exchange);
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        let rules = &self.inner.verifier.rules;
        let keys = self.inner.verifier.keys.health(&rules.issuer).words();
        let checks = self.checks().summary();
        Cow::Owned(format!(
            "bearer tokens of {}{}{}, {keys} ({}){checks}",
            rules.issuer,
            named("for", &rules.audiences),
            named("to", &rules.clients),
            self.inner.verifier.algorithms.names(),
        ))
    }

    fn describe(&self, facts: &mut ResourceFacts) {
        facts.issuer(&self.inner.verifier.rules.issuer);
        self.checks().describe(facts);
    }

    fn findings(&self, report: &mut Findings) {
        for (rule, choice) in &self.inner.concessions {
            report.add(rule, super::SCHEME, *choice);
        }
        let health = self.inner.verifier.keys.health(&self.inner.verifier.rules.issuer);
        for key in self.inner.skipped.iter().chain(health.skipped()) {
            report.add(&rule::KEY_SKIPPED, super::SCHEME, key.clone());
        }
        if let Some(error) = health.error() {
            report.add(&rule::KEYS_NOT_RENEWED, super::SCHEME, error.to_owned());
        }
        self.checks().findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.keys_ready(readiness);
        self.checks().ready(readiness);
    }
}

scheme_guard!(Jwt);
guard_layer!(Jwt);

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("issuer", &self.inner.verifier.rules.issuer)
            .field("audiences", &self.inner.verifier.rules.audiences)
            .field("keys", &self.inner.verifier.keys.set().keys())
            .finish_non_exhaustive()
    }
}
