//! Setters for bodies that take long.

use std::time::Duration;

use super::ParapetBuilder;

/// How long a stream may stand still where nothing else is said: Envoy's `stream_idle_timeout`.
pub(super) const IDLE_DEADLINE: Duration = Duration::from_secs(300);

impl ParapetBuilder {
    /// How long an answer without a known size, or a stream of gRPC, may stand still in both
    /// directions before it is ended. Default 5 minutes; by route with
    /// [`Policy::idle`](crate::Policy::idle). Streams of events send a comment from time to time, as
    /// axum's `KeepAlive` does, to be kept.
    ///
    /// What counts is what the handler and the client send. A client that does not read is the
    /// server's to notice, by keep-alives of TCP or HTTP/2: nothing is asked of the stack then.
    pub fn idle_deadline(mut self, limit: Duration) -> Self {
        self.mistakes.refuse_zero("idle_deadline", limit);
        self.idle_deadline = limit;
        self
    }
}
