//! What a request costs: known beforehand, or settled once the handler has said so.
//!
//! # Threat
//! One request may be as much work as a thousand others. A limit that counts them alike is too wide
//! for the dear ones, which exhaust the service below it, or too narrow for the rest.
//!
//! # Behaviour
//!
//! A request is charged before anything else is done for it, all limits together or none. What it
//! costs is the first of these that there is:
//!
//! | setter | what it costs |
//! |---|---|
//! | [`cost_on`](super::ThrottleBuilder::cost_on) | what was written for its route |
//! | [`cost_by`](super::ThrottleBuilder::cost_by) | what a closure makes of its head |
//! | [`cost`](super::ThrottleBuilder::cost) | the same for every request, 1 by default |
//!
//! With [`settle_by`](super::ThrottleBuilder::settle_by) or
//! [`settle_by_handler`](super::ThrottleBuilder::settle_by_handler) that is an estimate, and the
//! handler's answer has the last word: what was charged too much is given back, what was charged too
//! little is charged then, whatever is left, so that a key may come to owe what it has to wait off.
//!
//! | how the request ends | what it has cost |
//! |---|---|
//! | the handler answers with a figure | the figure |
//! | the answer has none | the estimate |
//! | the figure is no number, or larger than [is believed](super::ThrottleBuilder::settle_at_most), or there are two headers | the estimate, and the record notes `unsettled` |
//! | the handler answers by a rejection of its own | as for any other answer |
//! | a guard after the throttle refuses or answers | the estimate |
//! | the handler panics, fails, is too late, or the client leaves before it answers | the estimate |
//! | the answer's body fails, or the client leaves before it ends | what its head said |
//!
//! It is settled once, when the head of the answer is there: a stream says what it costs before it
//! begins. The record notes `settled` where the figure is another one than the estimate. The header
//! is taken out of the answer, unless [`show_cost`](super::ThrottleBuilder::show_cost) says
//! otherwise; it is also taken out of answers to requests that the limit does not apply to.
//!
//! A request that costs more than can ever be spent at once is refused with 422, `too-costly`, and
//! charged nothing: no waiting would help. A figure of the handler's may be larger than that.
//!
//! # Example
//! ```
//! use tower_parapet::{Exchange, throttle::{Key, Throttle}};
//!
//! // A page of a thousand items costs as much as ten of a hundred.
//! fn pages(exchange: &Exchange) -> u32 {
//!     let query = exchange.uri().query().unwrap_or_default();
//!     let limit = query.split('&').find_map(|pair| pair.strip_prefix("limit="));
//!     limit.and_then(|limit| limit.parse().ok()).unwrap_or(100_u32).div_ceil(100).max(1)
//! }
//!
//! Throttle::per_hour(10_000)
//!     .by(Key::Principal)
//!     .cost_by(pages)
//!     .cost_on("POST /reports", 25)
//!     // What the handler's `X-Cost` says, once it has answered.
//!     .settle_by("x-cost")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`cost`](super::ThrottleBuilder::cost) | 1 |
//! | [`cost_on`](super::ThrottleBuilder::cost_on), [`cost_by`](super::ThrottleBuilder::cost_by) | none |
//! | [`settle_by`](super::ThrottleBuilder::settle_by), [`settle_by_handler`](super::ThrottleBuilder::settle_by_handler) | none: what was charged stands |
//! | [`settle_at_most`](super::ThrottleBuilder::settle_at_most) | ten times what can be spent at once |
//! | [`show_cost`](super::ThrottleBuilder::show_cost) | the header is taken out of the answer |
//!
//! # What this does not do
//! - It does not look into bodies: what a closure reads is the head.
//! - It does not make a route free: that is an exemption, with a reason.
//! - It does not remember when a charge to a rate has run off. What is given back later than that is
//!   given back all the same, so that whoever holds requests open which come to cost less may spend
//!   once more, at once, what those had been charged. The handler's deadline bounds it, and windows
//!   give back to the very window that was charged.

mod handle;
mod price;
mod settle;

pub use handle::Cost;

pub(super) use price::{Price, Pricing, too_costly};
pub(super) use settle::Settle;

#[cfg(test)]
mod tests;
