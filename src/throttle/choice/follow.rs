//! What a throttle makes of its choice.

use std::sync::Arc;
use std::time::Duration;

use crate::guard::{Exchange, Flow};
use crate::rejection::Rejection;

use super::super::guard::{Inner, skip};
use super::super::key::Facts;
use super::super::limits::Limits;
use super::{Choice, Chosen, Outcome};

impl Inner {
    /// Finds out which limits hold, from one of the selectors on.
    #[inline(never)]
    pub(in crate::throttle) fn choose(
        self: &Arc<Self>,
        choice: &Choice,
        from: usize,
        exchange: &mut Exchange,
    ) -> Result<Flow, Rejection> {
        let now = exchange.now();
        let facts = Facts::Asked(exchange);
        if !self.tagger.applies(facts) {
            return Ok(skip(exchange));
        }
        match choice.choose(from, facts, now)? {
            Chosen::Base => self.decide(exchange, &self.limits),
            Chosen::Outcome(outcome) => self.follow(outcome, exchange),
            Chosen::Ask(at, asked) => {
                let this = self.clone();
                Ok(Flow::suspend(move |exchange| {
                    Box::pin(async move {
                        let place = asked.await?;
                        let Some(choice) = &this.choice else { return Ok(Flow::Continue) };
                        match choice.outcome(place) {
                            Some(outcome) => this.follow(outcome, exchange),
                            None => this.choose(choice, at + 1, exchange),
                        }
                    })
                }))
            }
        }
    }

    fn follow(
        self: &Arc<Self>,
        outcome: &Outcome,
        exchange: &mut Exchange,
    ) -> Result<Flow, Rejection> {
        if let Some((key, text)) = &outcome.note {
            exchange.note(key, text.clone());
            exchange.remark(|| text.clone());
        }
        match &outcome.limits {
            Some(limits) => self.decide(exchange, limits),
            None => Ok(Flow::Continue),
        }
    }

    /// Which limits a request is charged to that is over; none where it was exempt.
    pub(in crate::throttle) fn limits_late(&self, facts: Facts<'_>) -> Option<&Arc<Limits>> {
        let Some(choice) = &self.choice else { return Some(&self.limits) };
        match choice.choose(0, facts, Duration::ZERO) {
            Ok(Chosen::Base) => Some(&self.limits),
            Ok(Chosen::Outcome(outcome)) => outcome.limits.as_ref(),
            Ok(Chosen::Ask(..)) | Err(_) => None,
        }
    }
}
