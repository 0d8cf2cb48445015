//! What answers say of limits; see [`tell`](super::super::tell).

use super::super::tell::Unit;
use super::ThrottleBuilder;

impl ThrottleBuilder {
    /// Says nothing of the limits in answers: neither `RateLimit` nor `RateLimit-Policy`. A refusal
    /// has its `Retry-After` all the same. For limits that strangers need not know, and where the
    /// fields cost more than they are worth.
    ///
    /// Default: both, in every answer, so that a client can slow down before it is refused.
    pub fn quiet(mut self) -> Self {
        self.told.is_quiet = true;
        self
    }

    /// Says it in `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` too, for
    /// clients that know no other fields: of the tightest limit alone, whatever throttle has it.
    ///
    /// No standard defines them. `Limit` is what can be spent at once; `Reset` is the Unix time in
    /// seconds, as GitHub and most others have it, and not how many seconds are left.
    pub fn legacy_headers(mut self) -> Self {
        self.told.legacy = true;
        self
    }

    /// Adds the partition key `pk` to both fields, by which a client tells apart the quotas it draws
    /// on, for several tenants say. It is 64 bits of a hash under a secret of this throttle: it says
    /// nothing of the key, and is another one in every process and after each start.
    pub fn partition_key(mut self) -> Self {
        self.told.partition = true;
        self
    }

    /// What the limit the throttle began with counts, as clients are told. Default
    /// [`Unit::Requests`].
    pub fn unit(mut self, unit: Unit) -> Self {
        self.limit = self.limit.unit(unit);
        self
    }
}
