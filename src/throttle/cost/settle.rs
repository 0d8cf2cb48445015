use std::sync::Arc;

use http::{HeaderName, HeaderValue, response};

use crate::error::Mistakes;
use crate::guard::Exchange;

use super::super::guard::Inner;
use super::super::order::Receipt;
use super::{Cost, price::Pricing};

/// How it is said what a request has really cost.
#[derive(Clone, Debug)]
pub(in crate::throttle) struct Settle {
    header: Option<HeaderName>,
    shows_header: bool,
    by_handler: bool,
    at_most: Option<u32>,
}

/// What a figure may be, where nothing else is said: so many times what can be spent at once.
const BELIEVED: u64 = 10;

/// Why an estimate stands although something was said.
const UNREADABLE: &str = "no number of 0 to 4294967295";
const TOO_MUCH: &str = "more than is believed";
const SEVERAL: &str = "said more than once";

impl Settle {
    pub(super) fn new(pricing: &Pricing, mistakes: &mut Mistakes) -> Option<Self> {
        let header = pricing.settle_by.as_ref().and_then(|text| {
            let name = text.parse().ok();
            if name.is_none() {
                let remedy = "write letters, digits and `-`, as in `x-cost`";
                mistakes.push("settle_by", text, "is not a header name", remedy);
            }
            name
        });
        if pricing.shows_header && pricing.settle_by.is_none() {
            let remedy = "name the header by `settle_by`";
            mistakes.push("show_cost", "", "has no header to show", remedy);
        }
        let settles = pricing.settle_by.is_some() || pricing.by_handler;
        let Pricing { shows_header, by_handler, settle_at_most: at_most, .. } = *pricing;
        if let Some(most) = at_most.filter(|most| !settles || *most == 0) {
            let (problem, remedy) = match settles {
                true => ("believes no figure", "write at least 1"),
                false => ("has no figure to hold", "name what tells it by `settle_by`"),
            };
            mistakes.push("settle_at_most", most.to_string(), problem, remedy);
        }
        settles.then_some(Self { header, shows_header, by_handler, at_most })
    }

    /// Takes the header out of the answer, whether or not the request turns out to be charged.
    pub(in crate::throttle) fn hide(&self, exchange: &mut Exchange) {
        let hidden = self.header.as_ref().filter(|_| !self.shows_header);
        if let Some(name) = hidden.filter(|_| !exchange.is_on_trial()).cloned() {
            exchange.on_reply_too(|parts| strip(parts, name));
        }
    }

    /// Settles a charge once the handler has answered.
    pub(in crate::throttle) fn later(
        &self,
        throttle: &Arc<Inner>,
        exchange: &mut Exchange,
        receipt: Receipt,
        charged: u64,
    ) {
        let header = self.header.clone();
        let handle = self.by_handler.then(|| handle(exchange));
        let most = receipt.limits.capacity().saturating_mul(BELIEVED);
        let most = self.at_most.map_or(most, u64::from);
        let notes = exchange.context.notes();
        let throttle = throttle.clone();
        exchange.on_reply_too(move |parts| {
            let told = handle.and_then(|handle| handle.told()).map(Ok);
            let told = told.or_else(|| read(parts, header.as_ref()?));
            match told.map(|told| told.and_then(|cost| believed(cost, most))) {
                None => {}
                Some(Ok(cost)) => {
                    let more = i64::from(cost) - charged.cast_signed();
                    if more != 0 {
                        throttle.settle(&receipt, more);
                        notes.add("settled", format!("{}: {cost}", throttle.name()));
                    }
                }
                Some(Err(why)) => {
                    notes.add("unsettled", format!("{}: {why}", throttle.name()));
                }
            }
        });
    }
}

/// The handle of the request, which all its throttles share.
fn handle(exchange: &mut Exchange) -> Cost {
    if let Some(known) = exchange.head().extensions.get::<Cost>() {
        return known.clone();
    }
    let handle = Cost::default();
    // On trial too: a handler that says what it costs does nothing else for it.
    exchange.head.extensions.insert(handle.clone());
    handle
}

/// What throttles took out of an answer, so that others can still settle by it.
#[derive(Clone, Default)]
struct Taken(Vec<(HeaderName, Vec<HeaderValue>)>);

fn strip(parts: &mut response::Parts, name: HeaderName) {
    let values: Vec<_> = parts.headers.get_all(&name).iter().cloned().collect();
    if !values.is_empty() {
        parts.headers.remove(&name);
        parts.extensions.get_or_insert_default::<Taken>().0.push((name, values));
    }
}

fn read(parts: &response::Parts, name: &HeaderName) -> Option<Result<u32, &'static str>> {
    let taken = parts.extensions.get::<Taken>().into_iter().flat_map(|taken| &taken.0);
    let taken = taken.filter(|(of, _)| of == name).flat_map(|(_, values)| values);
    let mut values = parts.headers.get_all(name).iter().chain(taken);
    let value = values.next()?;
    Some(match values.next() {
        Some(_) => Err(SEVERAL),
        None => number(value.as_bytes()).ok_or(UNREADABLE),
    })
}

fn believed(cost: u32, most: u64) -> Result<u32, &'static str> {
    if u64::from(cost) <= most { Ok(cost) } else { Err(TOO_MUCH) }
}

/// Ten digits at most, and nothing else.
fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 10 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text.iter().fold(0, |n: u64, digit| n * 10 + u64::from(digit - b'0'));
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_figure_is_what_the_standard_library_reads_without_a_sign(text in "[-+ 0-9a.]{0,12}", n: u64) {
            let expected = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 10;
            let expected = text.parse::<u32>().ok().filter(|_| expected);
            prop_assert_eq!(number(text.as_bytes()), expected);
            prop_assert_eq!(number(n.to_string().as_bytes()), u32::try_from(n).ok());
        }
    }
}
