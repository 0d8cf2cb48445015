//! Setters of a policy for bodies that take long: uploads, streams of events, gRPC.

use std::time::Duration;

use super::Policy;
use crate::grpc::Grpc;

impl Policy {
    /// For bodies that take long, as uploads and streams do: how long one may stand still, in place
    /// of a deadline for the whole. Default, for answers and for gRPC: the stack's 5 minutes.
    ///
    /// A request's body that does not go on for so long is refused with 408, an answer's is ended.
    /// As long as the handler waits for the client, the [`deadline`](Self::deadline) of the handler
    /// does not run; it counts from the last piece of the body. A body that is read before the
    /// handler keeps the stack's [`body_deadline`](crate::ParapetBuilder::body_deadline).
    ///
    /// # Example: large uploads
    /// ```
    /// use std::time::Duration;
    /// use tower_parapet::Policy;
    ///
    /// let uploads = Policy::authenticated().body_limit(4 << 30).idle(Duration::from_secs(20));
    /// ```
    pub fn idle(mut self, limit: Duration) -> Self {
        self.mistakes.refuse_zero("idle", limit);
        self.streams.idle = Some(limit);
        self
    }

    /// The least pace of a request's body in bytes a second, on average over the time that the
    /// handler waited for it, once that has lasted as long as [`idle`](Self::idle); what is slower
    /// is refused with 408. Default, on a route with `idle`: 240; 0 is any pace. Streams of gRPC
    /// have none unless one is set.
    ///
    /// It is what stands against a client that sends a byte from time to time, only to stay.
    pub fn pace(mut self, bytes_per_second: u64) -> Self {
        self.streams.pace = Some(bytes_per_second);
        self
    }

    /// For methods of gRPC: lets nothing else through, and holds each message, in place of the body
    /// as a whole, to the route's [`body_limit`](Self::body_limit). See [`grpc`](crate::grpc).
    pub fn grpc(self) -> Self {
        self.guard(Grpc::default())
    }
}
