//! What a request costs once it is known how it ended.
//!
//! # Threat
//! Scans, guesses and floods of nonsense stay below a limit that is wide enough for honest use. And
//! where faults of the service are charged to its callers, who tries again is shut out for them.
//!
//! # Behaviour
//!
//! A request is charged before it is let through, and once it is over, the first
//! [`on`](super::ThrottleBuilder::on) whose signal it shows changes that, once:
//!
//! | effect | what the request has cost |
//! |---|---|
//! | [`Effect::Cost`] | so much in all |
//! | [`Effect::Refund`] | nothing: a 304, or a fault of the service's own |
//! | [`Effect::Penalty`] | so much beside what it was charged |
//! | none | what it was charged |
//!
//! What is charged more is charged whatever is left, so that a key may come to owe what it has to
//! wait off. A request that the throttle itself refused costs nothing more. Requests under way at the
//! same time are not charged yet, so that many may still pass.
//!
//! With [`Count::Outcomes`](super::Count::Outcomes) requests themselves cost nothing: they are refused
//! while the limit is used up, and only penalties use it up. How much is left is then told nobody.
//!
//! # Example
//! ```
//! use tower_parapet::{observe::Signal, throttle::{Count, Effect, Throttle}};
//!
//! // What we break, and what has not changed, is free; scans are dear.
//! Throttle::per_minute(600)
//!     .on(Signal::Fault, Effect::Refund)
//!     .on(Signal::status(304), Effect::Refund)
//!     .on(Signal::NotFound, Effect::Penalty(20))
//!     .build()?;
//! // Nothing but failures counts.
//! Throttle::per_hour(100)
//!     .counting(Count::Outcomes)
//!     .on(Signal::FailedLogin, Effect::Penalty(10))
//!     .on(Signal::Invalid, Effect::Penalty(1))
//!     .named("failures")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//! Nothing: without [`on`](super::ThrottleBuilder::on) a request has cost what it was charged.
//!
//! # What this does not do
//! It does not ban: see [`Bans`](crate::bans::Bans) for whoever goes on. A refund to a rate counts in
//! full however long the request took, as for a [cost](super::cost) that is settled.

use std::sync::Arc;

use crate::guard::Exchange;
use crate::observe::{Record, Signal};

use super::guard::Inner;
use super::order::Receipt;

#[cfg(test)]
mod tests;

/// What the end of a request does to what it has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// It has cost so much in all.
    Cost(u32),
    /// It has cost nothing.
    Refund,
    /// It has cost so much more.
    Penalty(u32),
}

/// The effects of how requests end, in the order they were written.
#[derive(Debug)]
pub(super) struct Outcomes(Box<[(Signal, Effect)]>);

impl Outcomes {
    /// None where nothing was said.
    pub(super) fn new(effects: &[(Signal, Effect)]) -> Option<Self> {
        (!effects.is_empty()).then(|| Self(effects.into()))
    }

    /// What a request is charged beside what it was, or given back where it is negative.
    fn more(&self, record: &Record, charged: u64) -> i64 {
        let effect = self.0.iter().find(|(signal, _)| signal.is_shown_by(record));
        match effect.map(|(_, effect)| *effect) {
            None => 0,
            Some(Effect::Cost(cost)) => i64::from(cost) - charged.cast_signed(),
            Some(Effect::Refund) => -charged.cast_signed(),
            Some(Effect::Penalty(cost)) => i64::from(cost),
        }
    }

    /// Whether guesses at credentials cost more.
    pub(super) fn counts_guesses(&self) -> bool {
        let is_of_guesses =
            |signal: &Signal| matches!(signal, Signal::FailedLogin | Signal::ForgedCredentials);
        self.0.iter().any(|(signal, effect)| {
            is_of_guesses(signal) && matches!(effect, Effect::Penalty(_) | Effect::Cost(_))
        })
    }

    /// Has the end of the request settle what it has cost.
    pub(super) fn later(
        throttle: &Arc<Inner>,
        exchange: &mut Exchange,
        receipt: Receipt,
        charged: u64,
    ) {
        let throttle = throttle.clone();
        exchange.on_end(move |record| {
            let Some(outcomes) = &throttle.outcomes else { return };
            let more = outcomes.more(record, charged);
            if more != 0 {
                throttle.settle(&receipt, more);
            }
        });
    }
}
