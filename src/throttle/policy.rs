use crate::compose::Policy;

use super::ThrottleBuilder;

impl Policy {
    /// Adds a limit of this route's own.
    pub fn throttle(self, throttle: ThrottleBuilder) -> Self {
        self.guard(throttle)
    }
}
