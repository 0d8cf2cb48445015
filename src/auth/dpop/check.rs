//! The check: whoever brings a bound token has to hold its key.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HOST, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

use super::builder::DpopBuilder;
use super::demand::Demand;
use super::flaw::{Flaw, quote};
use super::nonce::{Freshness, Nonces};
use super::proof::{Claimed, Proof, sha256};
use super::refusal::{Challenges, DPOP, DPOP_NONCE};
use super::uri::{Authority, PublicUri, Uri};
use crate::answer::Answer;
use crate::auth::StoreError;
use crate::auth::jwt::Algorithm;
use crate::auth::replay::{ReplayKey, ReplayStore};
use crate::auth::token::{CheckOrder, Confirms, Presented, TokenCheck, TokenKind};
use crate::context::{Confirmation, Secure};
use crate::guard::{Exchange, Mode};
use crate::inspect::{Findings, rule};
use crate::rejection::{Reason, Rejection};

/// Proofs of possession beside access tokens (RFC 9449).
///
/// Made by [`Dpop::required`] or [`Dpop::optional`]; see the [module](super) for what it checks.
/// Clones share the proofs they remember.
#[derive(Clone)]
pub struct Dpop(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) demand: Demand,
    pub(super) challenges: Challenges,
    /// Empty: what the request itself says.
    pub(super) origins: Vec<PublicUri>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) max_age: Duration,
    pub(super) clock_skew: Duration,
    pub(super) nonces: Option<Nonces>,
    pub(super) store: Arc<dyn ReplayStore>,
}

impl Dpop {
    /// Takes tokens that are bound to a key only, each with a proof by that key.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::{dpop::Dpop, jwt::Jwt};
    ///
    /// let jwt = Jwt::builder()
    ///     .issuer("https://id.example")
    ///     .audience("orders")
    ///     .jwks(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
    ///         "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#)
    ///     .sender_constrained(Dpop::required().origin("https://api.example"))
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn required() -> DpopBuilder {
        DpopBuilder::new(Demand::Required)
    }

    /// Takes tokens that are bound to a key with a proof by that key, and others as `Bearer`: for
    /// the time until every client can.
    pub fn optional() -> DpopBuilder {
        DpopBuilder::new(Demand::Optional)
    }
}

impl Inner {
    /// The proof, where one is needed, with everything checked but whether it was used before.
    fn judge(&self, exchange: &mut Exchange, token: &Presented) -> Result<Option<Proof>, Flaw> {
        let bound = token.principal().confirmation().and_then(Confirmation::key);
        match (token.kind(), bound) {
            (TokenKind::Dpop, Some(key)) => self.prove(exchange, token, key).map(Some),
            (TokenKind::Dpop, None) => Err(Flaw::Unbound),
            (_, Some(_)) => Err(Flaw::Downgraded),
            (_, None) if self.demand == Demand::Required => Err(Flaw::NotBound),
            (_, None) => Ok(None),
        }
    }

    /// What a stranger can make is judged before the one thing that costs: whose key it is comes
    /// before the signature, and the claims after it.
    fn prove(
        &self,
        exchange: &mut Exchange,
        token: &Presented,
        key: &[u8; 32],
    ) -> Result<Proof, Flaw> {
        let now = exchange.unix();
        let claimed = Claimed::read(sole(exchange.headers())?.as_bytes(), &self.algorithms)?;
        if claimed.thumbprint() != key {
            return Err(Flaw::WrongKey);
        }
        let proof = claimed.verify()?;
        self.check_request(exchange, &proof)?;
        self.check_time(&proof, now)?;
        let hash = URL_SAFE_NO_PAD.encode(sha256(token.text()));
        let sent = proof.token_hash.as_deref().unwrap_or_default();
        verify_slices_are_equal(hash.as_bytes(), sent.as_bytes()).map_err(|_| Flaw::Token)?;
        Ok(proof)
    }

    fn check_request(&self, exchange: &Exchange, proof: &Proof) -> Result<(), Flaw> {
        let method = exchange.method().as_str();
        if proof.method != method {
            return Err(Flaw::Method { expected: quote(method), found: quote(&proof.method) });
        }
        let path = exchange.path();
        let is_here = Uri::parse(&proof.uri).is_some_and(|uri| match self.origins.as_slice() {
            [] => authority(exchange).is_some_and(|host| {
                let https = exchange.secure().is_some_and(Secure::is_https);
                uri.is_of_request(https, host, path)
            }),
            origins => origins.iter().any(|origin| origin.is_of_request(&uri, path)),
        });
        if is_here {
            return Ok(());
        }
        Err(Flaw::Uri { expected: self.expected_uri(exchange), found: quote(&proof.uri) })
    }

    #[cold]
    fn expected_uri(&self, exchange: &Exchange) -> String {
        let path = quote(exchange.path());
        match self.origins.as_slice() {
            [] => {
                let host = host(exchange).unwrap_or("no host");
                format!(
                    "{path} at {}; where clients call another host, name it by `origin`",
                    quote(host)
                )
            }
            origins => {
                let origins: Vec<_> = origins.iter().map(|uri| quote(&uri.to_string())).collect();
                format!("{path} at {}", origins.join(" or "))
            }
        }
    }

    fn check_time(&self, proof: &Proof, now: Duration) -> Result<(), Flaw> {
        let begins = proof.issued_at.max(proof.not_before.unwrap_or_default());
        if begins > now.saturating_add(self.clock_skew) {
            return Err(Flaw::Future(begins.saturating_sub(now).as_secs()));
        }
        let is_over = proof.expires_at.is_some_and(|end| end <= now);
        if is_over || now > self.end(proof) {
            return Err(Flaw::Old(now.saturating_sub(proof.issued_at).as_secs()));
        }
        Ok(())
    }

    fn end(&self, proof: &Proof) -> Duration {
        proof.issued_at.saturating_add(self.max_age)
    }

    /// The nonce comes after everything that the client could have known.
    fn refresh(&self, exchange: &mut Exchange, proof: &Proof) -> Result<(), Rejection> {
        let Some(nonces) = &self.nonces else { return Ok(()) };
        let now = exchange.unix();
        match nonces.judge(proof.nonce.as_deref(), now) {
            Freshness::Current => Ok(()),
            Freshness::Previous(next) => {
                exchange.reply_header(Mode::Set, DPOP_NONCE.clone(), next);
                Ok(())
            }
            Freshness::Stale(next) => {
                let flaw = if proof.nonce.is_none() { Flaw::NoNonce } else { Flaw::Nonce };
                Err(self.refuse(exchange, flaw).header(DPOP_NONCE.clone(), next))
            }
        }
    }

    fn refuse(&self, exchange: &mut Exchange, flaw: Flaw) -> Rejection {
        exchange.note(NOTE, flaw.word());
        self.challenges.refuse(flaw)
    }
}

const RETRY: HeaderValue = HeaderValue::from_static("1");

/// Under which a record names what was wrong with a proof.
const NOTE: &str = "proof";

impl Dpop {
    /// The `jti` is used up last, so that a proof that is refused is not spent, and nobody can spend
    /// another's.
    fn consume(&self, exchange: &mut Exchange, proof: &Proof) -> Answer<Result<(), Rejection>> {
        // Neither an explanation nor a guard on trial spends what the request itself will need.
        if exchange.is_rehearsal() || exchange.trial.is_some() {
            return Answer::Now(Ok(()));
        }
        let now = exchange.unix();
        let key = ReplayKey::of("dpop", &[&proof.thumbprint, proof.id.as_bytes()]);
        // A proof of this very moment is good until the end of it.
        let until = self.0.end(proof).saturating_add(Duration::from_secs(1));
        match self.0.store.consume(key, until, now) {
            Answer::Now(used) => Answer::Now(match used {
                Ok(true) => Ok(()),
                Ok(false) => Err(self.0.refuse(exchange, Flaw::Replayed)),
                Err(error) => Err(unavailable(error)),
            }),
            Answer::Later(used) => {
                let (check, context) = (self.clone(), exchange.context.clone());
                Answer::later(async move {
                    match used.await {
                        Ok(true) => Ok(()),
                        Ok(false) => {
                            context.note(NOTE, Flaw::Replayed.word());
                            Err(check.0.challenges.refuse(Flaw::Replayed))
                        }
                        Err(error) => Err(unavailable(error)),
                    }
                })
            }
        }
    }
}

impl TokenCheck for Dpop {
    fn name(&self) -> &'static str {
        "dpop"
    }

    fn order(&self) -> CheckOrder {
        CheckOrder::Proof
    }

    fn confirms(&self) -> Option<Confirms> {
        Some(Confirms::Key)
    }

    fn takes(&self, kind: TokenKind) -> bool {
        kind == TokenKind::Dpop
    }

    fn check(&self, exchange: &mut Exchange, token: &Presented) -> Answer<Result<(), Rejection>> {
        match self.0.judge(exchange, token) {
            Ok(None) => Answer::Now(Ok(())),
            Ok(Some(proof)) => match self.0.refresh(exchange, &proof) {
                Ok(()) => self.consume(exchange, &proof),
                Err(refusal) => Answer::Now(Err(refusal)),
            },
            Err(flaw) => Answer::Now(Err(self.0.refuse(exchange, flaw))),
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        vec![self.0.challenges.plain.clone()]
    }

    fn invalid_token(&self, kind: TokenKind, description: &str) -> Option<HeaderValue> {
        (kind == TokenKind::Dpop).then(|| self.0.challenges.invalid_token(description))?
    }

    fn refuses_bearer(&self) -> bool {
        self.0.demand == Demand::Required
    }

    fn summary(&self) -> Cow<'static, str> {
        let nonce = if self.0.nonces.is_some() { " with nonces" } else { "" };
        Cow::Owned(format!("{}{nonce}", self.0.demand))
    }

    fn findings(&self, report: &mut Findings) {
        if let Some(origin) = self.0.origins.iter().find(|origin| origin.is_http()) {
            let evidence =
                format!("proofs are taken for {origin}, where anybody can read the token");
            report.add(&rule::PLAIN_ORIGIN, self.name(), evidence);
        }
    }
}

impl fmt::Debug for Dpop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dpop")
            .field("demand", &self.0.demand)
            .field("origins", &self.0.origins)
            .field("nonces", &self.0.nonces)
            .finish_non_exhaustive()
    }
}

/// The one proof: two would be two readings of one request.
fn sole(headers: &HeaderMap) -> Result<&HeaderValue, Flaw> {
    let mut proofs = headers.get_all(&DPOP).iter();
    match (proofs.next(), proofs.next()) {
        (None, _) => Err(Flaw::Missing),
        (Some(proof), None) => Ok(proof),
        (Some(_), Some(_)) => Err(Flaw::Repeated),
    }
}

/// The host that the request names: in its target (HTTP/2), else in the one `Host`.
fn host(exchange: &Exchange) -> Option<&str> {
    if let Some(authority) = exchange.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = exchange.headers().get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none());
    host?.to_str().ok()
}

fn authority(exchange: &Exchange) -> Option<Authority<'_>> {
    Authority::parse(host(exchange)?)
}

fn unavailable(error: StoreError) -> Rejection {
    Rejection::new(Reason::Unavailable)
        .detail("the proof cannot be checked right now")
        .expected("a store that can tell whether a proof was used")
        .found("a store that cannot")
        .cause(error)
        .header(RETRY_AFTER, RETRY)
}
