//! What requests cost; see [`cost`](super::super::cost).

use std::sync::Arc;

use crate::guard::Exchange;

use super::ThrottleBuilder;

impl ThrottleBuilder {
    /// What one request spends, where some are dearer than others. Default 1.
    pub fn cost(mut self, cost: u32) -> Self {
        self.pricing.fixed = cost;
        self
    }

    /// What requests to a route spend: `POST /reports`, `/reports/{id}` for any method, or
    /// `/admin/{*rest}`, which also covers `/admin`. `HEAD` costs what `GET` does. It comes before
    /// [`cost_by`](Self::cost_by).
    pub fn cost_on(mut self, route: impl Into<String>, cost: u32) -> Self {
        self.pricing.routes.push((route.into(), cost));
        self
    }

    /// What a request spends, made of its head: the size of a page it asks for, say. One that is
    /// dearer than can ever be spent at once is refused with 422; 0 spends nothing, and is refused
    /// only while the key owes something.
    pub fn cost_by(mut self, estimate: impl Fn(&Exchange) -> u32 + Send + Sync + 'static) -> Self {
        self.pricing.by = Some(Arc::new(estimate));
        self
    }

    /// The header of the handler's answer that says what a request has really cost, a number of 0 to
    /// 4294967295. Until then it has cost the estimate.
    ///
    /// The header is taken out of the answer. See [`cost`](super::super::cost) for what counts
    /// however the request ends.
    pub fn settle_by(mut self, header: impl Into<String>) -> Self {
        self.pricing.settle_by = Some(header.into());
        self
    }

    /// Lets the handler say what its request has really cost, by the extractor
    /// [`Cost`](super::super::Cost). It comes before a [header](Self::settle_by).
    pub fn settle_by_handler(mut self) -> Self {
        self.pricing.by_handler = true;
        self
    }

    /// The largest figure of a handler's that is believed; beyond it the estimate stands, so that a
    /// mistake there does not shut a caller out for years. Default: ten times what can be spent at
    /// once.
    pub fn settle_at_most(mut self, cost: u32) -> Self {
        self.pricing.settle_at_most = Some(cost);
        self
    }

    /// Leaves the header of [`settle_by`](Self::settle_by) in the answer, for the client to read.
    pub fn show_cost(mut self) -> Self {
        self.pricing.shows_header = true;
        self
    }
}
