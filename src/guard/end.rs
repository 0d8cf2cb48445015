//! What a guard has to do once a request is over.

use crate::{context::REPORTED, observe::Record};

use super::Exchange;

/// Runs once, when the request is over.
pub(crate) type EndHook = Box<dyn FnOnce(&Record) + Send + Sync>;

impl Exchange {
    /// Runs once the request is over, however it ended, with its record; after the observers. It takes
    /// no part in a request that is only played through. For a guard on trial it runs too, as an
    /// observer of its would.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Exchange, Flow, Rejection};
    ///
    /// fn check(exchange: &mut Exchange) -> Result<Flow, Rejection> {
    ///     let key = "orders";
    ///     exchange.on_end(move |record| println!("{key}: {}", record.outcome.as_str()));
    ///     Ok(Flow::Continue)
    /// }
    /// ```
    pub fn on_end(&mut self, hook: impl FnOnce(&Record) + Send + Sync + 'static) {
        if !self.is_rehearsal() {
            self.later().ends.push(Box::new(hook));
        }
    }

    /// Tells that the sender did something, by a word of one's own: a throttle may charge for it, bans
    /// may be made of it (`Signal::reported`), and the record notes it as `reported`.
    pub fn report(&mut self, word: &'static str) {
        self.note(REPORTED, word);
    }
}
