//! One judgement of several schemes over one request.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use super::refusal::{ambiguous, foreign, graver, listing};
use super::scheme::Pending;
use super::{Attempt, Scheme};
use crate::{
    context::{Access, Plain, Principal, Route},
    guard::{Exchange, Flow},
    rejection::{Reason, Rejection},
};

/// Schemes side by side, and what is said where credentials of none of them came.
#[derive(Clone)]
pub(super) struct Lineup {
    pub(super) schemes: Arc<[Arc<dyn Scheme>]>,
    pub(super) missing: Rejection,
    pub(super) optional: bool,
}

impl Lineup {
    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn Scheme> + Clone {
        self.schemes.iter().map(AsRef::as_ref)
    }

    pub(super) fn admit(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let missing = || self.missing.clone();
        match settle(self.iter(), exchange, self.optional, missing)? {
            None => Ok(Flow::Continue),
            Some(waiting) => Ok(self.clone().later(waiting)),
        }
    }

    /// Goes on where a scheme had to wait.
    pub(super) fn later(self, Waiting { at, pending, refusal }: Waiting) -> Flow {
        Flow::suspend(move |exchange| {
            Box::pin(async move {
                let attempt = pending.wait(exchange).await;
                let missing = || self.missing.clone();
                let mut refusal = refusal;
                let asked = match self.schemes.get(at) {
                    Some(scheme) => match heard(attempt, &**scheme, &mut refusal) {
                        Ok(Some(principal)) => Ok(Asked::Done(Some(principal))),
                        Ok(None) => ask(self.iter(), (at, &**scheme), at + 1, refusal, exchange),
                        Err(refusal) => Err(refusal),
                    }
                    .map_err(|refusal| listing(refusal, &self.missing))?,
                    None => Asked::Done(None),
                };
                match asked {
                    Asked::Waits(waiting) => Ok(self.later(waiting)),
                    Asked::Done(principal) => {
                        conclude(self.iter(), exchange, principal, self.optional, missing)
                            .map(|()| Flow::Continue)
                    }
                }
            })
        })
    }
}

/// A scheme that has to wait before it can tell.
pub(super) struct Waiting {
    at: usize,
    pending: Pending,
    /// What the schemes before it said.
    refusal: Option<Rejection>,
}

enum Asked {
    Done(Option<Principal>),
    Waits(Waiting),
}

/// Settles the principal, unless a scheme has to wait.
pub(super) fn settle<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme> + Clone,
    exchange: &mut Exchange,
    optional: bool,
    missing: impl Fn() -> Rejection,
) -> Result<Option<Waiting>, Rejection> {
    conceal(&mut exchange.head.headers, &AUTHORIZATION);
    for header in schemes.clone().filter_map(Scheme::header).filter(|own| *own != AUTHORIZATION) {
        conceal(&mut exchange.head.headers, header);
    }
    if let Some(plain) = exchange.context.refuses_credentials {
        refuse_leaked(schemes.clone(), exchange, plain)?;
    }
    let is_left_alone = |route: &Route| {
        route.own_authentication || matches!(route.access(), Access::Public { .. } | Access::Probe)
    };
    if exchange.own_route().is_some_and(is_left_alone) {
        exchange.context.unauthenticated = Some(missing());
        schemes.for_each(|scheme| scheme.hide(exchange));
        return Ok(None);
    }
    let asked =
        authenticate(schemes.clone(), exchange).map_err(|refusal| listing(refusal, &missing()))?;
    match asked {
        Asked::Waits(waiting) => Ok(Some(waiting)),
        Asked::Done(principal) => {
            conclude(schemes, exchange, principal, optional, missing).map(|()| None)
        }
    }
}

fn conclude<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme>,
    exchange: &mut Exchange,
    principal: Option<Principal>,
    optional: bool,
    missing: impl Fn() -> Rejection,
) -> Result<(), Rejection> {
    // What an outer stack left open, an inner one may close.
    let optional = match exchange.own_route().map(|route| route.access()) {
        Some(access) => *access == Access::Optional,
        None => optional,
    };
    match principal {
        Some(principal) => {
            if exchange.context.is_provisional {
                // Who does not bear it out is told every way in.
                exchange.context.unauthenticated = Some(missing());
            }
            exchange.set_principal(principal);
        }
        None if exchange.headers().contains_key(AUTHORIZATION) => return Err(foreign(&missing())),
        None if optional => exchange.context.unauthenticated = Some(missing()),
        None => return Err(missing()),
    }
    schemes.for_each(|scheme| scheme.hide(exchange));
    Ok(())
}

/// Credentials that came in the clear are not looked at, on a public route neither. What a stack knows
/// of was refused before; this is for schemes of guards, and for credentials in places of their own.
#[cold]
fn refuse_leaked<'a>(
    mut schemes: impl Iterator<Item = &'a dyn Scheme>,
    exchange: &mut Exchange,
    plain: Plain,
) -> Result<(), Rejection> {
    let sent = schemes.find_map(|scheme| {
        let is_sent =
            |header| scheme.is_presented(exchange) || exchange.headers().contains_key(header);
        scheme.header().filter(|header| is_sent(*header))
    });
    sent.map_or(Ok(()), |header| Err(exchange.leaked(plain, header)))
}

/// In place, since a sensitive value stays what it was; only its printed form goes.
fn conceal(headers: &mut HeaderMap, name: &HeaderName) {
    if is_repeated(headers, name) {
        let all = headers.iter_mut().filter(|(other, _)| *other == name);
        all.for_each(|(_, value)| value.set_sensitive(true));
    } else if let Some(value) = headers.get_mut(name) {
        value.set_sensitive(true);
    }
}

fn authenticate<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme> + Clone,
    exchange: &mut Exchange,
) -> Result<Asked, Rejection> {
    let mut presented = None;
    for (at, scheme) in schemes.clone().enumerate() {
        if !scheme.is_presented(exchange) {
            continue;
        }
        match presented {
            None => presented = Some((at, scheme)),
            Some((_, first)) if share_a_place(first, scheme) => {}
            // A certificate comes with every request of its connection: what the request itself
            // brings, a token that is bound to it say, is what it wants to be judged by.
            Some(_) if scheme.header().is_none() => {}
            Some((_, first)) if first.header().is_none() => presented = Some((at, scheme)),
            Some((_, first)) => return Err(ambiguous(first.name(), scheme.name())),
        }
    }
    let Some((at, scheme)) = presented else {
        return Ok(Asked::Done(None));
    };
    let header = scheme.header();
    if header != Some(&AUTHORIZATION) && exchange.headers().contains_key(AUTHORIZATION) {
        return Err(ambiguous(scheme.name(), "an authorization header that no scheme reads"));
    }
    let is_twice = |header| is_repeated(exchange.headers(), header);
    if header.is_some_and(is_twice) && !scheme.joins_lines() {
        return Err(ambiguous(scheme.name(), "another value of the same header"));
    }
    ask(schemes, (at, scheme), at, None, exchange)
}

fn is_repeated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some()
}

fn share_a_place(one: &dyn Scheme, other: &dyn Scheme) -> bool {
    one.header() == other.header()
}

/// Asks the schemes that read the header of the presented one, in turn, from a place on. Credentials that
/// are invalid to one, or that it cannot judge right now, may be another's; those that it knows as its
/// own and refuses are nobody else's. What is elsewhere makes nothing good.
fn ask<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme>,
    (presented, first): (usize, &dyn Scheme),
    from: usize,
    mut refusal: Option<Rejection>,
    exchange: &mut Exchange,
) -> Result<Asked, Rejection> {
    for (at, scheme) in schemes.enumerate().skip(from) {
        let is_presented = || share_a_place(first, scheme) && scheme.is_presented(exchange);
        if at != presented && !is_presented() {
            continue;
        }
        match scheme.authenticate(exchange) {
            Ok(Attempt::Pending(pending)) => {
                return Ok(Asked::Waits(Waiting { at, pending, refusal }));
            }
            attempt => {
                if let Some(principal) = heard(attempt, scheme, &mut refusal)? {
                    return Ok(Asked::Done(Some(principal)));
                }
            }
        }
    }
    refusal.map_or(Ok(Asked::Done(None)), Err)
}

/// Whether a scheme refuses what it knows to be genuine. Another one that takes the same credentials,
/// and does not know of the revocation or has not seen the proof before, must not make up for that.
fn is_last_word(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ExpiredCredentials
            | Reason::RevokedCredentials
            | Reason::InvalidProof
            | Reason::NonceRequired
            | Reason::InsufficientAuthentication
            | Reason::AddressDenied
    )
}

/// The principal, where there is one; a refusal that is not the last word joins those of the schemes
/// before.
fn heard(
    attempt: Result<Attempt, Rejection>,
    scheme: &dyn Scheme,
    refusal: &mut Option<Rejection>,
) -> Result<Option<Principal>, Rejection> {
    match attempt {
        Ok(Attempt::Verified(principal)) => return Ok(Some(principal)),
        Ok(Attempt::Absent | Attempt::Pending(_)) => {}
        Err(next) => {
            let next = next.by(scheme.name());
            if is_last_word(next.reason()) {
                return Err(next);
            }
            *refusal = Some(match refusal.take() {
                Some(last) => graver(last, next),
                None => next,
            });
        }
    }
    Ok(None)
}
