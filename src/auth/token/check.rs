//! What else is asked of a token that was verified.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::{Presented, TokenKind};
use crate::answer::Answer;
use crate::auth::Attempt;
use crate::auth::metadata::ResourceFacts;
use crate::context::Confirmation;
use crate::error::{ConfigError, Mistakes};
use crate::guard::Exchange;
use crate::inspect::{Findings, Readiness};
use crate::rejection::Rejection;

/// When a check runs: what costs its sender something comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CheckOrder {
    /// Whether the token still counts.
    Revocation,
    /// Whether it is bound to the certificate of the connection.
    Certificate,
    /// Whether its sender proves to hold a key; a proof is used up by that.
    Proof,
}

/// A way to confirm that a token's sender may use it: a member of its claim `cnf` (RFC 7800).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirms {
    /// `jkt`: the thumbprint of a key (RFC 9449).
    Key,
    /// `x5t#S256`: the thumbprint of a certificate (RFC 8705).
    Certificate,
}

/// Judges a token after its verification, with every request that brings it.
///
/// A scheme runs its checks in [`order`](Self::order). A token whose `cnf` asks for a confirmation
/// that none of them [gives](Self::confirms) is refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a check of verified tokens",
    note = "a builder is a check once it is built; a check of one's own implements `TokenCheck`"
)]
pub trait TokenCheck: Send + Sync + 'static {
    /// A short, stable word for records.
    fn name(&self) -> &'static str;

    /// When it runs among others.
    fn order(&self) -> CheckOrder;

    /// What it confirms. Default nothing.
    fn confirms(&self) -> Option<Confirms> {
        None
    }

    /// Whether tokens may come under that authentication scheme because of this check; `Bearer` is
    /// taken in any case. Default no.
    fn takes(&self, kind: TokenKind) -> bool {
        let _ = kind;
        false
    }

    /// The one decision.
    fn check(&self, exchange: &mut Exchange, token: &Presented) -> Answer<Result<(), Rejection>>;

    /// Challenges that the scheme offers because of this check, beside its own. Default none.
    fn challenges(&self) -> Vec<HeaderValue> {
        Vec::new()
    }

    /// The challenge for a token that came under a kind of its own and is not good by itself, with
    /// `error="invalid_token"` and this description. Default none: the scheme's own.
    fn invalid_token(&self, kind: TokenKind, description: &str) -> Option<HeaderValue> {
        let _ = (kind, description);
        None
    }

    /// Whether no token passes that came as `Bearer`, so that it is not offered either. Default no.
    fn refuses_bearer(&self) -> bool {
        false
    }

    /// A few words for the manifest.
    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.name())
    }

    /// What the self-audit has to say about its settings. Default nothing.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }

    /// What it still waits for. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }
}

/// A check, or a builder that becomes one.
pub trait IntoTokenCheck {
    /// The check.
    ///
    /// # Errors
    /// Every mistake in the builder's settings.
    fn into_token_check(self) -> Result<Arc<dyn TokenCheck>, ConfigError>;
}

impl<C: TokenCheck> IntoTokenCheck for C {
    fn into_token_check(self) -> Result<Arc<dyn TokenCheck>, ConfigError> {
        Ok(Arc::new(self))
    }
}

impl IntoTokenCheck for Arc<dyn TokenCheck> {
    fn into_token_check(self) -> Result<Arc<dyn TokenCheck>, ConfigError> {
        Ok(self)
    }
}

/// A check as a builder keeps it: under the setter that got it.
pub(in crate::auth) type Asked = (&'static str, Result<Arc<dyn TokenCheck>, ConfigError>);

/// The checks of one scheme, in the order they run.
#[derive(Clone, Default)]
pub(in crate::auth) struct Checks(Arc<[Arc<dyn TokenCheck>]>);

impl Checks {
    /// Those that were built; the mistakes of the others go to the builder's own.
    pub(in crate::auth) fn gather(checks: Vec<Asked>, mistakes: &mut Mistakes) -> Self {
        let built = checks.into_iter();
        let mut built: Vec<_> =
            built.filter_map(|(setter, check)| mistakes.absorb(setter, check)).collect();
        built.sort_by_key(|check| check.order());
        Self(built.into())
    }

    pub(in crate::auth) fn iter(&self) -> impl Iterator<Item = &dyn TokenCheck> {
        self.0.iter().map(AsRef::as_ref)
    }

    pub(in crate::auth) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(in crate::auth) fn takes(&self, kind: TokenKind) -> bool {
        kind == TokenKind::Bearer || self.iter().any(|check| check.takes(kind))
    }

    /// The challenge of a check for a token that is not good, where it came under a kind of its own.
    pub(in crate::auth) fn invalid_token(&self, kind: TokenKind, why: &str) -> Option<HeaderValue> {
        self.iter().find_map(|check| check.invalid_token(kind, why))
    }

    /// What a scheme offers: its own challenge, where tokens may come as `Bearer`, and the checks'.
    pub(in crate::auth) fn offered(&self, own: &HeaderValue) -> Vec<HeaderValue> {
        let own = (!self.refuse_bearer()).then(|| own.clone());
        own.into_iter().chain(self.iter().flat_map(TokenCheck::challenges)).collect()
    }

    fn refuse_bearer(&self) -> bool {
        self.iter().any(TokenCheck::refuses_bearer)
    }

    /// Whether some check looks after everything that a token's `cnf` asks for.
    pub(in crate::auth) fn confirm(&self, confirmation: &Confirmation) -> bool {
        let given = |way| self.iter().any(|check| check.confirms() == Some(way));
        (confirmation.key().is_none() || given(Confirms::Key))
            && (confirmation.certificate().is_none() || given(Confirms::Certificate))
    }

    /// A few words of each, for the end of a scheme's summary.
    pub(in crate::auth) fn summary(&self) -> String {
        self.iter().map(|check| format!(", {}", check.summary())).collect()
    }

    pub(in crate::auth) fn findings(&self, report: &mut Findings) {
        self.iter().for_each(|check| check.findings(report));
    }

    pub(in crate::auth) fn ready(&self, readiness: &mut Readiness) {
        self.iter().for_each(|check| check.ready(readiness));
    }

    /// What they say to clients of the tokens that are taken.
    pub(in crate::auth) fn describe(&self, facts: &mut ResourceFacts) {
        if self.iter().any(|check| check.confirms() == Some(Confirms::Certificate)) {
            facts.bind_to_certificates();
        }
        if self.refuse_bearer() {
            facts.require_dpop();
        }
        for challenge in self.iter().flat_map(TokenCheck::challenges) {
            facts.read_challenge(&challenge);
        }
    }

    /// Asks them all about a verified token.
    pub(in crate::auth) fn admit(
        &self,
        exchange: &mut Exchange,
        token: Presented,
    ) -> Result<Attempt, Rejection> {
        self.admit_from(0, exchange, token)
    }

    fn admit_from(
        &self,
        from: usize,
        exchange: &mut Exchange,
        token: Presented,
    ) -> Result<Attempt, Rejection> {
        for (at, check) in self.0.iter().enumerate().skip(from) {
            match check.check(exchange, &token) {
                Answer::Now(judged) => judged.map_err(|refusal| refusal.by(check.name()))?,
                Answer::Later(judged) => {
                    let (checks, name) = (self.clone(), check.name());
                    return Ok(Attempt::suspend(move |exchange| {
                        Box::pin(async move {
                            judged.await.map_err(|refusal| refusal.by(name))?;
                            checks.admit_from(at + 1, exchange, token)
                        })
                    }));
                }
            }
        }
        Ok(Attempt::Verified(token.into_principal()))
    }
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(TokenCheck::name)).finish()
    }
}
