//! Setters of throttling.

use crate::guard::IntoGuard;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// A limit on how often callers may call; several add up. Its phase follows from its key. For a
    /// limit on one route, see [`Policy::throttle`](crate::Policy::throttle).
    pub fn throttle(self, throttle: impl IntoGuard) -> Self {
        self.part("throttle", throttle)
    }
}
