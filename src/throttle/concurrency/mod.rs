//! How many requests may be under way at once: caps, a short queue, and load shedding.
//!
//! A [`Concurrency`] is one cap: on what is in flight [in all](Concurrency::at_most), [by
//! key](ConcurrencyBuilder::by), or in all and [as much as the handlers can
//! take](Concurrency::adaptive). Several stand in a stack one behind the other. A request holds its
//! place until the body of its answer has ended or was dropped, and past an upgrade until the
//! handler's [`Lease`](crate::Lease) is; it gives it back once, however it ends.
//!
//! # Threat
//! A rate says nothing of how long requests take: a client whose requests are slow, or who reads its
//! answers slowly, holds memory, connections and locks far below any rate. A service that takes more
//! than it can do does less than it could, since it works for clients who have given up; they come
//! again, so that it does not recover by itself. And the remedies have holes of their own: permits
//! given back before a stream has ended, or never where a client leaves while it waits; tables that
//! keep every key; queues in which all are late; a limit that an attacker talks down with requests
//! that look slow, or others look slow beside; a priority that is whatever a header says.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | there is room | – | let in |
//! | no room, and a place in the [queue](ConcurrencyBuilder::queue) | – | waits; let in as another one is done, noted as `waited` |
//! | no room and no place, or waited as long as it may | 503 | `overloaded`, with `Retry-After` |
//! | the same, by a key of the caller's own | 429 | `too-many-concurrent`, with `Retry-After` |
//! | by principal, on a public route | – | skipped |
//! | by client network, and no client address is known | 503 | `address-unknown` |
//! | by principal, anonymous where credentials are required | 401 | `missing-credentials` |
//! | a health probe | – | never asked |
//! | on trial ([`Shadow`](crate::compose::Shadow)) | – | counted, noted as `would-reject` or `would-wait`, and not kept waiting |
//!
//! Whether it is 429 or 503 is whose doing it is. What a caller's own requests use up is answered
//! with 429 (RFC 6585, section 4), and no balancer tries it elsewhere. What others use up is a
//! server that is "currently unable to handle the request due to a temporary overload" (RFC 9110,
//! section 15.6.4), where another replica may do better. A key of nothing but routes is no caller's
//! own. `Retry-After` is 1 to 5 seconds, spread at random, so that those who were shed together come
//! back apart. The record notes as `shed` which cap it was, why, and the class.
//!
//! It runs in [`Phase::Quota`](crate::Phase), after authentication: strangers take no place from
//! callers. Put caps by key before those in all, and throttles before both.
//!
//! # Who waits for whom
//! Without a queue a request that finds no room is refused at once. With one, it is let in by
//! whoever is done: the place goes from one to the other, and nobody else is woken. Higher classes
//! come first. Within a class callers, by principal or else by client network, take turns (start-time
//! fair queueing), and the requests of one come in order. A newcomer to a full queue takes the place
//! of the last one in a lower class, or of the last one of the caller that has the most waiting, if
//! that is more than it would have itself. Under a cap by key, one key has as many places as it
//! leaves free for others.
//!
//! A queue is for bursts. Once it has not been empty for as long as one may wait, the load is too
//! high, and waiting only makes everybody late. From then on newcomers wait for a twentieth of that,
//! and low ones not at all, until it has been empty for a moment: CoDel as Facebook's servers have it
//! (Maurer, "Fail at Scale", ACM Queue 13/8). Those servers also turn the queue round, last in first
//! out; beside deadlines that short it changes little, and it takes the order from callers who did
//! nothing wrong, so this one stays first in first out.
//!
//! # Shedding by class
//! A request's [`Priority`](crate::context::Priority) is that of its route
//! ([`Policy::priority`](crate::Policy::priority)), unless a guard settled another one
//! ([`Exchange::set_priority`](crate::Exchange::set_priority)) or
//! [`priority_of`](ConcurrencyBuilder::priority_of) knows better, by scope or plan say. Nothing is
//! read from headers: whoever writes it would be critical. A gateway's word can be taken where
//! only the gateway can call, in such a closure.
//!
//! Each class may use a [share](ConcurrencyBuilder::share) of the limit, so that lower ones are shed
//! first and there is room left for critical ones. No class is shut out: the fiftieth request of a
//! class that is refused in a row is treated as critical.
//!
//! # The adaptive limit
//! The idea is that of Netflix's gradient and Envoy's adaptive concurrency. Up to 64 requests a
//! window are timed, from being let in to the head of their answer. Where the middle one takes longer
//! than [tolerated](ConcurrencyBuilder::tolerance), the limit goes down in proportion, at most by
//! half a window; it goes up by its square root, where it is used. "Longer" is in comparison with
//! what is typical of the same route without load, so that it makes no difference which routes are
//! asked for: neither a flood of cheap requests nor one of dear ones looks like a change of load. What
//! is typical is seen whenever less than half of the limit is in use; under load, half of the limit
//! is used for a moment once a [minute](ConcurrencyBuilder::remeasure), and less again while that
//! makes answers faster.
//!
//! Only answers below 400 count, since what fails is fast. The time that a handler waits for its
//! client does not: for a request with a body the time begins with its last piece. A handler that was
//! given up on counts where it had taken twice the typical time.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use tower_parapet::{Key, Policy, context::Priority, throttle::Concurrency};
//!
//! // No caller has more than ten under way.
//! let each = Concurrency::at_most(10).by(Key::Principal).build()?;
//! // All together have what the handlers can take; a hundred may wait for a quarter of a second.
//! let all = Concurrency::adaptive()
//!     .between(10, 500)
//!     .queue(100, Duration::from_millis(250))
//!     .build()?;
//! let checkout = Policy::authenticated().priority(Priority::Critical);
//! let export = Policy::authenticated().priority(Priority::Low);
//! # let _ = (each, all, checkout, export);
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`by`](ConcurrencyBuilder::by) | one cap for all |
//! | [`queue`](ConcurrencyBuilder::queue) | none waits |
//! | [`max_keys`](ConcurrencyBuilder::max_keys) | 100 000 |
//! | [`share`](ConcurrencyBuilder::share) | 100 %; adaptive: normal 90 %, low 60 % |
//! | [`between`](ConcurrencyBuilder::between) | 8 and 1000, beginning with 50 |
//! | [`window`](ConcurrencyBuilder::window) | 250 ms, and at least ten answers |
//! | [`tolerance`](ConcurrencyBuilder::tolerance) | 50 % longer than typical |
//! | [`remeasure`](ConcurrencyBuilder::remeasure) | a minute, within a tenth |
//!
//! # Bounds
//! A key takes room while it has something in flight, and none after. There are never more than
//! `max_keys` in the table, in up to 64 shards; new keys in a full shard share one cap, at the very
//! limit, until there is room. The queue is at most 4096 long, the typical times are those of 512
//! routes. The way in and out takes one lock, for some tens of nanoseconds, and nobody waits under it.
//!
//! # What this does not do
//! - It does not share its counts between processes: each replica has its own.
//! - It does not stop a handler that runs: that is the handler's deadline.
//! - A smaller limit of its own does not end what is in flight; it lets nobody in until that has.
//! - It knows no costs: a dear request takes one place, as a cheap one does. Give dear routes a cap
//!   of their own, [`Policy::concurrency`](crate::Policy::concurrency).
//! - Whoever can ask for cheap and dear things on one and the same route can make that route look
//!   slow; [`between`](ConcurrencyBuilder::between) bounds what comes of it.
//! - A handler that reads a body which its `GET` or `DELETE` has without saying so (HTTP/2) is timed
//!   with it.

mod builder;
mod checks;
mod gradient;
mod guard;
mod hall;
mod keyed;
mod lock;
mod permit;
mod policy;
mod pool;
mod queue;
mod room;
mod stats;
mod terms;
mod timing;
mod waiter;

pub use builder::ConcurrencyBuilder;
pub use guard::Concurrency;
pub use stats::Stats;

#[cfg(test)]
mod tests;
