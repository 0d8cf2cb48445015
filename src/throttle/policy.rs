use crate::compose::Policy;

use crate::guard::IntoGuard;

impl Policy {
    /// Adds a limit of this route's own.
    pub fn throttle(self, throttle: impl IntoGuard) -> Self {
        self.guard(throttle)
    }
}
