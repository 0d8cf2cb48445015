//! What issuers sign besides access tokens, for those who know what to do with it.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fault::{Fault, either, quote};
use super::routing::issuer;
use super::settings::bare;
use super::token::MAX_BYTES;
use super::undecided::Undecided;
use super::{Issuers, Jwt};
use crate::clock::Clock;
use crate::json;
use crate::rejection::{Reason, Rejection};

/// How many fetches of keys one token waits for: one that began before it came, and one for it.
const FLIGHTS: usize = 3;

/// Those whose signatures are known: a [`Jwt`], or [`Issuers`].
#[derive(Clone)]
pub struct Signers(Vec<Jwt>);

impl From<&Jwt> for Signers {
    fn from(jwt: &Jwt) -> Self {
        Self(vec![jwt.clone()])
    }
}

impl From<&Issuers> for Signers {
    fn from(issuers: &Issuers) -> Self {
        Self(issuers.iter().cloned().collect())
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// The claims of a token that an issuer signed. Nothing but the signature, the header and `iss` was
/// looked at.
pub(in crate::auth) struct Signed {
    pub(in crate::auth) issuer: String,
    pub(in crate::auth) claims: Map<String, Value>,
    /// How far the clocks may differ.
    pub(in crate::auth) skew: Duration,
}

impl Signers {
    /// The claims of a logout token, once its key is there. The type is told in lower case and
    /// without `application/`.
    pub(in crate::auth) async fn signed(
        &self,
        token: &[u8],
        clock: &dyn Clock,
        takes: impl Fn(Option<&str>) -> bool,
    ) -> Result<Signed, Rejection> {
        let jwt = self.choose(token).map_err(refuse)?;
        for _ in 0..FLIGHTS {
            let flight = match jwt.read(token, clock.unix(), &takes) {
                Err(Fault::Fetching(flight)) => flight,
                read => return read.map_err(refuse),
            };
            match jwt.inner.verifier.keys.landed(flight) {
                Some(landed) => landed.await,
                None => break,
            }
        }
        Err(Undecided::crowded().reject())
    }

    /// By `iss`, which nobody has vouched for yet.
    fn choose(&self, token: &[u8]) -> Result<&Jwt, Fault> {
        if token.len() > MAX_BYTES {
            return Err(Fault::Malformed("it is longer than 8 KiB"));
        }
        let issuer = issuer(token)?;
        let own = |jwt: &&Jwt| jwt.inner.verifier.rules.issuer == *issuer;
        self.0.iter().find(own).ok_or_else(|| {
            let known: Vec<_> =
                self.0.iter().map(|jwt| jwt.inner.verifier.rules.issuer.clone()).collect();
            Fault::claim("iss", either(&known), Some(&issuer.into()))
        })
    }
}

impl Jwt {
    fn read(
        &self,
        token: &[u8],
        now: Duration,
        takes: impl Fn(Option<&str>) -> bool,
    ) -> Result<Signed, Fault> {
        let verifier = &self.inner.verifier;
        let take = |typ: Option<&str>| match takes(typ.map(bare).as_deref()) {
            true => Ok(()),
            false => Err(Fault::Type { found: typ.map_or_else(|| "no `typ`".to_owned(), quote) }),
        };
        let (payload, (), _) = verifier.signed(token, now, take)?;
        let claims = json::object(&payload).map_err(Fault::claims_json)?;
        verifier.rules.issuer(&claims)?;
        let issuer = verifier.rules.issuer.clone();
        Ok(Signed { issuer, claims, skew: verifier.rules.skew })
    }
}

#[cold]
fn refuse(fault: Fault) -> Rejection {
    if let Fault::Undecided(undecided) = fault {
        return undecided.reject();
    }
    Rejection::new(Reason::BadLogoutToken)
        .expected(fault.expected())
        .found(fault.found())
        .cause(fault)
}
