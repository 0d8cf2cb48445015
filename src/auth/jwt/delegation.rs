//! Who acts for the subject: the claim `act` (RFC 8693, section 4.1).

use serde_json::{Map, Value};

use super::fault::Fault;
use crate::context::Actor;

/// The longest chain of actors: each is a service that was called by the one before.
const LONGEST: usize = 8;

const EXPECTED: &str = "an object with `sub`, and up to 8 actors in all";

/// The actor, with those before it. `may_act` says who could become one, and is not looked at.
///
/// The claim is what tells a delegation from its user, so one that cannot be read is refused.
pub(super) fn actor(claims: &Map<String, Value>, issuer: &str) -> Result<Option<Actor>, Fault> {
    let fault = || Fault::claim("act", EXPECTED, claims.get("act"));
    let mut chain = Vec::new();
    let mut next = claims.get("act");
    while let Some(act) = next {
        let act = act.as_object().filter(|_| chain.len() < LONGEST).ok_or_else(fault)?;
        chain.push(one(act, issuer).ok_or_else(fault)?);
        next = act.get("act");
    }
    let after = |earlier: Option<Actor>, actor: Actor| match earlier {
        Some(earlier) => Some(actor.after(earlier)),
        None => Some(actor),
    };
    Ok(chain.into_iter().rev().fold(None, after))
}

fn one(act: &Map<String, Value>, issuer: &str) -> Option<Actor> {
    let issuer = match act.get("iss") {
        None => issuer,
        Some(issuer) => issuer.as_str().filter(|issuer| !issuer.is_empty())?,
    };
    let subject = act.get("sub")?.as_str().filter(|subject| !subject.is_empty())?;
    Some(Actor::new(issuer, subject))
}
