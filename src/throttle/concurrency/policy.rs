use std::borrow::Cow;

use crate::compose::Policy;
use crate::context::Priority;
use crate::guard::{Exchange, Flow, Guard, Phase};
use crate::rejection::Rejection;

use crate::guard::IntoGuard;

impl Policy {
    /// How much the route's requests matter where not all can be served: what
    /// [`Concurrency`](crate::throttle::Concurrency) sheds first. Default [`Priority::Normal`].
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Policy, context::Priority};
    ///
    /// let checkout = Policy::authenticated().priority(Priority::Critical);
    /// let export = Policy::authenticated().priority(Priority::Low);
    /// ```
    pub fn priority(self, priority: Priority) -> Self {
        self.guard(Ranked(priority))
    }

    /// Adds a cap of this route's own on what is in flight at once.
    pub fn concurrency(self, concurrency: impl IntoGuard) -> Self {
        self.guard(concurrency)
    }
}

/// Classes the requests of a route; guards that know more of them may class them anew.
struct Ranked(Priority);

impl Guard for Ranked {
    fn name(&self) -> &'static str {
        "priority"
    }

    fn phase(&self) -> Phase {
        Phase::Address
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        exchange.set_priority(self.0);
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.0.word())
    }
}
