use std::time::Duration;

use super::Shared;

impl Shared {
    /// Lets each process borrow up to `max_batch` of a key that is asked for often, charged to the
    /// store at once and spent without a call; up to a million. Default: nothing is borrowed, and
    /// every request is a call.
    ///
    /// A batch is what the key asks for in a quarter of [`lease_hold`](Self::lease_hold), half of
    /// what is left of the limit, or a quarter of what may be spent at once, whichever is least; a
    /// key that asks for less than four in that time borrows nothing. The next batch is borrowed
    /// before the last one is spent.
    /// [`Throttle::overshoot`](crate::throttle::Throttle::overshoot) says what may be admitted
    /// beyond the limit: `max_batch` for each process, and nothing in fixed windows.
    ///
    /// A key that was refused although it is asked for often is left alone for up to 100 ms, while
    /// which it is refused without a call, so that what comes back meanwhile is worth one.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Redis;
    /// use tower_parapet::throttle::{Key, Shared, Throttle};
    ///
    /// let redis = Redis::builder("redis://127.0.0.1").build()?;
    /// let throttle = Throttle::per_second(20_000)
    ///     .by(Key::Global)
    ///     .named("capacity")
    ///     .shared(Shared::local_share(redis, 4).leases(200))
    ///     .build()?;
    /// let overshoot = throttle.overshoot(4).ok_or("not shared")?;
    /// assert_eq!(
    ///     overshoot.to_string(),
    ///     "capacity: 800 more at 4 processes, and 20000 after a restart that forgets, \
    ///      40000 by an outage",
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn leases(mut self, max_batch: u32) -> Self {
        self.near.max_batch = Some(max_batch);
        self
    }

    /// How long what was borrowed may be spent, 10 ms to 60 s; what is left then is given back by
    /// one of the next requests, or is lost where none comes. Default 1 s.
    pub fn lease_hold(mut self, hold: Duration) -> Self {
        self.near.hold = hold;
        self
    }

    /// How long a key that the store refused is refused without a call, at most, 1 ms to 1 h: never
    /// longer than the wait the store told. What is given back or lifted by another process is seen
    /// after so long. A request that costs less than the refused one is still asked about.
    /// Default 1 s.
    pub fn deny_cache(mut self, longest: Duration) -> Self {
        self.near.longest_denial = Some(longest);
        self
    }

    /// Asks the store about every request of a key, however often it was refused.
    pub fn without_deny_cache(mut self) -> Self {
        self.near.longest_denial = None;
        self
    }

    /// How many keys leases and the deny cache know at most, up to 2²⁰; the others are asked about
    /// one by one. A key that is asked for more takes the place of one that is asked for less.
    /// Default 4096, which takes about 2 MiB once they are all hot.
    pub fn hot_keys(mut self, keys: usize) -> Self {
        self.near.keys = keys;
        self
    }
}
