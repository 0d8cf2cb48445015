//! Setters of what may be in flight.

use crate::guard::IntoGuard;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// A cap on how many requests are in flight at once; several add up, and each asks for its place
    /// in the order they were added: those by key belong before the one for all. For a cap on one
    /// route, see [`Policy::concurrency`](crate::Policy::concurrency).
    pub fn concurrency(self, concurrency: impl IntoGuard) -> Self {
        self.part("concurrency", concurrency)
    }
}
