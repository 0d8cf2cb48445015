//! What guards that let requests in one after the other need of an exchange.

#[cfg(feature = "throttle")]
use std::any::Any;

#[cfg(feature = "throttle")]
use crate::clock::SharedClock;
use crate::context::Priority;

use super::Exchange;

impl Exchange {
    /// How much the request matters where not all can be served. Default [`Priority::Normal`].
    pub fn priority(&self) -> Priority {
        self.context.priority
    }

    /// Settles how much the request matters; the last to say so is right.
    ///
    /// It is for what is known of the caller, or what a gateway says that is the only one to call.
    /// A header that clients write would make all of them critical.
    pub fn set_priority(&mut self, priority: Priority) {
        self.context.priority = priority;
    }

    /// As [`hold`](Self::hold), for a guard that counts what is in flight on trial too.
    #[cfg(feature = "throttle")]
    pub(crate) fn keep(&mut self, permit: impl Any + Send + Sync) {
        self.later().permits.push(Box::new(permit));
    }

    /// The clock, for what is timed after guards have been asked.
    #[cfg(feature = "throttle")]
    pub(crate) fn clock(&self) -> SharedClock {
        SharedClock(self.env.clock.clone())
    }
}
