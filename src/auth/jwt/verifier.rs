//! One token, from bytes to principal.

use std::sync::Arc;
use std::time::Duration;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::cache::{Digest, Verified};
use super::claims::{Accepted, Rules};
use super::fault::{Fault, quote};
use super::keyring::{Keyring, Mark, Signed};
use super::skew::Skew;
use super::token::{Compact, Header, MAX_BYTES, is_type};
use crate::context::Principal;
use crate::json;

/// No token is shorter: a header of 20 characters, a signature of 43, and four required claims.
const SHORTEST: usize = 100;

/// Everything that judges a token. Immutable but for what it remembers.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) keys: Arc<Keyring>,
    pub(super) algorithms: AlgorithmSet,
    /// Accepted types, lower-case and without `application/`; `None`: absent, `jwt` or `at+jwt`.
    pub(super) types: Option<Vec<String>>,
    pub(super) rules: Rules,
    pub(super) verified: Option<Verified>,
    pub(super) skew: Skew,
}

/// What the issuer signed.
pub(super) struct Authentic {
    pub(super) payload: Vec<u8>,
    /// Whether the header itself says that this is an access token (RFC 9068).
    explicit: bool,
    mark: Mark,
}

impl Verifier {
    /// By what a token would be remembered; `None` where it would not be.
    pub(super) fn digest(&self, token: &[u8]) -> Option<Digest> {
        // What is too short to be a token is not worth a hash.
        let is_kept = self.verified.is_some() && (SHORTEST..=MAX_BYTES).contains(&token.len());
        is_kept.then(|| Digest::of(token)).flatten()
    }

    /// How many tokens are remembered at most.
    pub(super) fn remembered(&self) -> usize {
        self.verified.as_ref().map_or(0, Verified::capacity)
    }

    /// Whether a token was verified before.
    pub(super) fn remembers(&self, digest: &Digest) -> bool {
        self.verified.as_ref().is_some_and(|verified| verified.holds(digest))
    }

    /// Judges a token at a time since the epoch.
    #[cfg(test)]
    pub(super) fn verify(&self, token: &[u8], now: Duration) -> Result<Principal, Fault> {
        self.verify_as(token, self.digest(token), now)
    }

    /// Judges a token that would be remembered by its [`digest`](Self::digest).
    pub(super) fn verify_as(
        &self,
        token: &[u8],
        digest: Option<Digest>,
        now: Duration,
    ) -> Result<Principal, Fault> {
        if token.len() > MAX_BYTES {
            return Err(Fault::Malformed("it is longer than 8 KiB"));
        }
        let known = self.verified.as_ref().zip(digest);
        let Some((verified, digest)) = known else {
            return self.judge(token, now).map(|accepted| accepted.principal);
        };
        if let Some(known) = verified.find(&digest) {
            if self.keys.vouches(known.mark, now) {
                // Kept when it has expired: whoever repeats it must not buy a verification each time.
                known.window.check(now, self.rules.skew)?;
                return Ok(known.principal);
            }
            verified.remove(&digest);
        }
        let accepted = self.judge(token, now)?;
        let principal = accepted.principal.clone();
        verified.insert(digest, accepted);
        Ok(principal)
    }

    /// Signature first, claims second: nothing of an unsigned payload is looked at.
    fn judge(&self, token: &[u8], now: Duration) -> Result<Accepted, Fault> {
        let authentic = self.authentic(token, now)?;
        let claims = json::object(&authentic.payload).map_err(Fault::claims_json)?;
        let (principal, window) = self.rules.check(&claims, authentic.explicit, now)?;
        self.skew.taken(window.from, now, self.rules.skew);
        let principal = principal.claims_text(authentic.payload).build();
        Ok(Accepted { principal, window, mark: authentic.mark })
    }

    /// The payload, if a key of ours signed it.
    pub(super) fn authentic(&self, token: &[u8], now: Duration) -> Result<Authentic, Fault> {
        let (payload, explicit, mark) = self.signed(token, now, |typ| self.explicit_type(typ))?;
        Ok(Authentic { payload, explicit, mark })
    }

    /// The payload of a token of any type that is taken, what its taking says, and who signed it.
    pub(super) fn signed<T>(
        &self,
        token: &[u8],
        now: Duration,
        take: impl FnOnce(Option<&str>) -> Result<T, Fault>,
    ) -> Result<(Vec<u8>, T, Mark), Fault> {
        let token = Compact::split(token)?;
        let header = token.header()?;
        let header = Header::parse(&header)?;
        let taken = take(header.typ.as_deref())?;
        let algorithm = self.algorithm(&header.alg)?;
        let signature = token.signature()?;
        let kid = header.kid.as_deref();
        let signed = Signed { kid, algorithm, text: token.signed, signature: &signature };
        let claimed = || self.rules.claimed(&token.payload().ok()?, now);
        let mark = self.keys.verify(signed, now, claimed)?;
        Ok((token.payload()?, taken, mark))
    }

    fn algorithm(&self, name: &str) -> Result<Algorithm, Fault> {
        Algorithm::from_name(name)
            .filter(|algorithm| self.algorithms.contains(*algorithm))
            .ok_or_else(|| Fault::Algorithm {
                expected: self.algorithms.names(),
                found: quote(name),
            })
    }

    fn explicit_type(&self, typ: Option<&str>) -> Result<bool, Fault> {
        let explicit = typ.is_some_and(|typ| is_type(typ, "at+jwt"));
        let accepted = match (&self.types, typ) {
            (None, None) => true,
            (None, Some(typ)) => explicit || is_type(typ, "jwt"),
            (Some(_), None) => false,
            (Some(types), Some(typ)) => types.iter().any(|name| is_type(typ, name)),
        };
        if accepted {
            Ok(explicit)
        } else {
            Err(Fault::Type { found: typ.map_or_else(|| "no `typ`".to_owned(), quote) })
        }
    }
}
