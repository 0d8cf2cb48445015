//! What is charged once a request was let through, or is over.

use std::sync::Arc;

use crate::guard::Exchange;
use crate::observe::{Observer, Record};

use super::guard::{Due, Inner, nanos};
use super::key::Facts;
use super::limits::Limits;
use super::order::{Mode, Order, Receipt};
use super::outcome::Outcomes;
use super::rule::Moment;
use super::verdict::Verdict;

impl Inner {
    /// Whether what a request has cost is known only later.
    pub(super) fn settles(&self) -> bool {
        self.price.settle.is_some() || self.outcomes.is_some()
    }

    pub(super) fn settle_later(
        self: &Arc<Self>,
        exchange: &mut Exchange,
        limits: &Arc<Limits>,
        due: Due,
        verdict: &Verdict,
    ) {
        let Due { tag, digest, cost, mode, at } = due;
        let charged = if mode == Mode::Spend { cost } else { 0 };
        let receipt = Receipt { tag, digest, limits: limits.clone(), at, verdict: *verdict };
        if self.outcomes.is_some() {
            Outcomes::later(self, exchange, receipt.clone(), charged);
        }
        if let (Some(settle), Mode::Spend) = (&self.price.settle, mode) {
            settle.later(self, exchange, receipt, cost);
        }
    }

    pub(super) fn settle(&self, receipt: &Receipt, more: i64) {
        self.backend.settle(receipt, more);
    }
}

impl Observer for Inner {
    fn completed(&self, record: &Record) {
        let forged =
            record.rejection.as_ref().is_some_and(|rejection| rejection.reason().is_forgery());
        if !forged {
            return;
        }
        let facts = Facts::Over(record);
        if let Some(limits) = self.limits_late(facts)
            && let Ok(Some(tag)) = self.tagger.tag(facts, limits)
        {
            self.backend.charge_late(&Order {
                tag,
                digest: &|| self.tagger.digest(facts, limits),
                limits,
                cost: self.price.fixed,
                mode: Mode::Spend,
                at: Moment { now: 0, unix: nanos(record.started) },
            });
        }
    }
}
