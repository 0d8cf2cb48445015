//! Several issuers as one scheme.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header::AUTHORIZATION};

use super::cache::Digest;
use super::fault::{Fault, either};
use super::health::KeyHealth;
use super::hint::Hint;
use super::issuers_builder::IssuersBuilder;
use super::routing::{Trail, audiences, issuer};
use super::scheme::Jwt;
use super::{JwtBuilder, SCHEME};
use crate::auth::metadata::ResourceFacts;
use crate::auth::token::{TokenKind, Told, credentials, is_sent};
use crate::auth::{Attempt, Scheme, scheme_guard};
use crate::guard::Exchange;
use crate::inspect::{Findings, Readiness};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

/// Tokens of several issuers, as one scheme: each issuer with keys, audiences, algorithms, claims
/// and token types of its own.
///
/// One issuer's keys never verify another's tokens. The `iss` that a token claims chooses whose
/// [`Jwt`] judges it, and no more: that one checks everything, `iss` included. A token of an issuer
/// that is not among them is refused without a verification. One that was seen before is found by
/// one hash, however many issuers there are.
///
/// One issuer may stand here several times, for audiences that are not shared: then `aud` chooses
/// too, and of several audiences that a token names the first in this list. That is how one service
/// asks different things of tokens for different audiences.
///
/// # Example
/// ```
/// use tower_parapet::auth::jwt::{Algorithm, Issuers, Jwt};
///
/// # let staff_keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"2026",
/// #     "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
/// # let partner_keys = staff_keys;
/// let staff = Jwt::keycloak("https://id.example/realms/staff").audience("orders").jwks(staff_keys);
/// let partners = Jwt::builder()
///     .issuer("https://partner.example")
///     .audience("https://orders.example")
///     .algorithms([Algorithm::EdDsa])
///     .jwks(partner_keys);
/// let tokens = Issuers::of([staff, partners]).build()?;
/// # let _ = tokens;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Issuers {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    /// Never empty.
    pub(super) members: Vec<Jwt>,
    trail: Trail,
}

impl Issuers {
    /// Starts a scheme that takes the tokens of each of these.
    pub fn of(issuers: impl IntoIterator<Item = JwtBuilder>) -> IssuersBuilder {
        IssuersBuilder::new(issuers.into_iter().collect())
    }

    pub(super) fn new(members: Vec<Jwt>) -> Self {
        let kept = members.iter().map(|jwt| jwt.inner.verifier.remembered()).sum();
        Self { inner: Arc::new(Inner { members, trail: Trail::new(kept) }) }
    }

    /// How the keys of each issuer are now, in the order of the list.
    pub fn keys(&self) -> Vec<KeyHealth> {
        self.iter().flat_map(Jwt::keys).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Jwt> {
        self.inner.members.iter()
    }

    fn takes(&self, kind: TokenKind) -> bool {
        self.iter().any(|jwt| jwt.checks().takes(kind))
    }

    /// The one token of a request, wherever one of the issuers looks for it.
    fn token<'a>(&self, exchange: &'a Exchange) -> Result<Option<Sent<'a>>, Rejection> {
        if let Some(place) = self.iter().find_map(|jwt| jwt.in_subprotocol(exchange)) {
            return place.token(exchange.headers()).map(|token| Some((TokenKind::Bearer, token)));
        }
        let found = credentials(exchange.headers(), |kind| self.takes(kind))?;
        Ok(found.map(|found| (found.kind, Cow::Borrowed(found.token))))
    }

    /// Who is to judge a token, and by what it would be remembered.
    fn choose(&self, token: &[u8]) -> Result<(usize, Option<Digest>), Fault> {
        let digest = self.iter().find_map(|jwt| jwt.inner.verifier.digest(token));
        if let Some(digest) = &digest
            && let Some(at) = self.inner.trail.follow(digest)
            && self.inner.members.get(at).is_some_and(|jwt| jwt.inner.verifier.remembers(digest))
        {
            return Ok((at, Some(*digest)));
        }
        Ok((self.route(token)?, digest))
    }

    /// By `iss`, which nobody has vouched for yet; and by `aud` where that does not decide.
    fn route(&self, token: &[u8]) -> Result<usize, Fault> {
        let issuer = issuer(token)?;
        let of_issuer = || {
            let members = self.iter().enumerate();
            members.filter(|(_, jwt)| jwt.inner.verifier.rules.issuer == *issuer)
        };
        let mut candidates = of_issuer().map(|(at, _)| at);
        let Some(first) = candidates.next() else {
            let known: Vec<_> =
                self.iter().map(|jwt| jwt.inner.verifier.rules.issuer.clone()).collect();
            return Err(Fault::claim("iss", either(&known), Some(&issuer.into())));
        };
        if candidates.next().is_none() {
            return Ok(first);
        }
        let named = audiences(token)?;
        let chosen = of_issuer().find(|(_, jwt)| {
            let ours = &jwt.inner.verifier.rules.audiences;
            if named.is_empty() {
                ours.is_empty()
            } else {
                ours.iter().any(|our| named.contains(our))
            }
        });
        Ok(chosen.map_or(first, |(at, _)| at))
    }

    /// In the words of the issuer whose settings may be behind it.
    fn refuse(&self, kind: TokenKind, fault: Fault) -> Rejection {
        let has_hint = |jwt: &&Jwt| Hint::of(&fault, jwt.inner.hints).is_some();
        match self.iter().find(has_hint).or(self.iter().next()) {
            Some(jwt) => jwt.reject(kind, fault),
            None => Rejection::new(Reason::InvalidCredentials),
        }
    }
}

impl Scheme for Issuers {
    fn name(&self) -> &'static str {
        SCHEME
    }

    fn header(&self) -> Option<&HeaderName> {
        Some(&AUTHORIZATION)
    }

    fn is_presented(&self, exchange: &Exchange) -> bool {
        is_sent(exchange.headers(), |kind| self.takes(kind))
            || self.iter().any(|jwt| jwt.in_subprotocol(exchange).is_some())
    }

    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let Some((kind, token)) = self.token(exchange)? else { return Ok(Attempt::Absent) };
        let (at, digest) = self.choose(&token).map_err(|fault| self.refuse(kind, fault))?;
        let Some(jwt) = self.inner.members.get(at) else { return Ok(Attempt::Absent) };
        match jwt.authenticate_as(exchange, digest)? {
            Attempt::Absent => Err(misplaced()),
            attempt => {
                if let (Attempt::Verified(_), Some(digest)) = (&attempt, &digest) {
                    self.inner.trail.mark(digest, at);
                }
                Ok(attempt)
            }
        }
    }

    fn challenges(&self) -> Vec<HeaderValue> {
        let mut all: Vec<HeaderValue> = Vec::new();
        for challenge in self.iter().flat_map(Scheme::challenges) {
            if !all.contains(&challenge) {
                all.push(challenge);
            }
        }
        all
    }

    fn hide(&self, exchange: &mut Exchange) {
        self.iter().for_each(|jwt| jwt.hide(exchange));
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.iter().map(Scheme::summary).collect::<Vec<_>>().join("; "))
    }

    fn describe(&self, facts: &mut ResourceFacts) {
        self.iter().for_each(|jwt| jwt.describe(facts));
    }

    fn findings(&self, report: &mut Findings) {
        self.iter().for_each(|jwt| Scheme::findings(jwt, report));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.iter().for_each(|jwt| Scheme::ready(jwt, readiness));
    }
}

scheme_guard!(Issuers);
guard_layer!(Issuers);

/// A token as it was sent.
type Sent<'a> = (TokenKind, Cow<'a, [u8]>);

/// A token in a place where another issuer's would be looked for: sent, so not absent.
fn misplaced() -> Rejection {
    Rejection::new(Reason::InvalidCredentials)
        .detail(Told::Invalid.text())
        .expected("a token where its issuer's are looked for")
        .found("a token where another issuer's are")
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
