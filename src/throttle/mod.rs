//! How much a caller may ask for: limits of rate, of what runs at once, and of what is done with it.
//!
//! A [`Throttle`] has one key and up to four limits, decided together: a request is charged to all of
//! them where all admit it, else to none. Each value of the [`Key`] (a client network, a principal, a
//! tenant, a claim, a route, or a combination) has buckets of its own, in a bounded store in memory, or
//! in Redis for all processes. More keys are more throttles in the stack.
//!
//! | to | there is |
//! |---|---|
//! | limit how often | [`Throttle`]; its [`Limit`]s are rates, fixed and sliding windows, and periods of a `Calendar` (feature `calendar`) |
//! | sell plans, except a route or a caller, exempt somebody | [`Plans`], [`on_route`](ThrottleBuilder::on_route), [`for_principal`](ThrottleBuilder::for_principal), [`exempt`](ThrottleBuilder::exempt) |
//! | let dear requests cost more | [`cost`]: by route, by a closure, or as the handler says |
//! | let failures cost more, and faults of the service nothing | [`outcome`] |
//! | count in Redis for all processes | `Shared` (feature `redis`), by `ThrottleBuilder::shared` |
//! | try a limit out | [`Shadow`](crate::compose::Shadow), read by [`Throttle::stats`] |
//! | limit how many run at once | [`Concurrency`] |
//! | limit several routes together | [`BusinessFlow`] |
//! | find who walks from object to object | [`Enumeration`] |
//! | shut out who goes on all the same | [`Bans`](crate::bans::Bans) |
//! | run a request once that is sent twice | [`Idempotency`](crate::idempotency::Idempotency) |
//!
//! # In a minute
//! A limit by caller with plans, shared by four processes, and a stricter one beside it on trial:
//!
//! ```
//! # #[cfg(feature = "redis")] {
//! use tower_parapet::{ApiKeys, Parapet, Redis, compose::Shadow};
//! use tower_parapet::throttle::{Key, Limit, Plans, Shared, Throttle};
//!
//! // `rediss://` beyond this machine. While Redis is lost, each process admits a quarter.
//! let redis = Redis::builder("redis://127.0.0.1").build()?;
//! let shared = Shared::local_share(redis, 4);
//!
//! // What the store keeps with an API key; `Plans::by_claim("plan")` for tokens.
//! let plans = Plans::by_store()
//!     .plan("free", [Limit::per_minute(60)])
//!     .plan("pro", [Limit::per_minute(6_000), Limit::per_day(1_000_000)])
//!     .otherwise("free");
//! let callers = Throttle::per_minute(60).by(Key::Principal).plans(plans).shared(shared.clone());
//!
//! let next = Throttle::per_minute(30).by(Key::Principal).named("next").shared(shared).build()?;
//!
//! # let store = tower_parapet::auth::api_key::MemoryKeys::new();
//! let parapet = Parapet::builder()
//!     .authenticate(ApiKeys::builder(store))
//!     .throttle(callers)
//!     .throttle(Shadow::of(next.clone())?) // judges and counts, refuses nobody
//!     .build()?;
//! println!("{} would have been refused", next.stats().would_refuse);
//! # let _ = parapet; }
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Threat
//! Guessing passwords, scraping, and clients that retry in a loop; and a limiter that is itself
//! the weak spot: one that forgets its limits or eats the memory when keys rotate, that believes
//! the address a client writes into a header, that counts the 2⁶⁴ addresses of one IPv6 customer as
//! so many clients, or that puts everybody into one bucket because nobody's address is known.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | within the limit | – | `RateLimit-Policy` and `RateLimit` are added |
//! | the limit is used up | 429 | `rate-limited`, with `Retry-After` |
//! | it [costs](cost) more than can ever be spent at once | 422 | `too-costly` |
//! | by client network, and no client address is known | 503 | `address-unknown` |
//! | by caller (principal, tenant, API key, claim), on a public route | – | skipped |
//! | by caller, credentials optional and absent | – | counted by client network |
//! | by caller, whom only the body proves | – | counted once it has: who claims to be somebody uses up nothing of theirs |
//! | by caller, anonymous elsewhere | 401 | `missing-credentials` |
//! | by tenant, API key or claim, which the caller lacks | 403 | `forbidden`, unless [`absent`](ThrottleBuilder::absent) says otherwise |
//! | by a claim of more than 256 bytes, or that is neither text nor number | 403 | `forbidden` |
//! | by header, absent | 400 | `missing-header`, unless [`absent`](ThrottleBuilder::absent) says otherwise |
//! | by header, twice or longer than 256 bytes | 400 | `bad-header` |
//! | by a key of your own, which reads nothing | 400 | `malformed-request`, unless [`absent`](ThrottleBuilder::absent) says otherwise |
//! | exempt | – | let through, with the note `throttle-exempt` |
//! | counts are shared, and the store is lost | – | as was chosen: `closed`, `local_share(n)` or `open`; the note `store-lost` |
//! | the plan cannot be looked up | 503 | `unavailable`, with `Retry-After: 5`, unless [`fallback`](Plans::fallback) names a plan; then the note `throttle-plan` |
//!
//! The phase follows from what is read: whatever asks who is calling, key, plan or exemption, runs
//! after authentication, anything else before it. `Retry-After` (RFC 9110) is in whole seconds, never
//! too early, and up to a quarter late, so that clients refused together come back apart.
//!
//! # Fields
//! Every answer says where its sender stands, the admitted ones too, so that a client can slow down
//! before it is refused (draft-ietf-httpapi-ratelimit-headers-11):
//!
//! ```text
//! RateLimit-Policy: "net";q=600;w=60, "daily";q=10000;w=86400
//! RateLimit: "daily";r=12;t=9, "net";r=599;t=1
//! ```
//!
//! `"net";r=599;t=1` says that 599 more may be sent at once, and that no more come back within a
//! second. All limits that were asked are one list, whatever throttle of the stack has them; the
//! policies are always in the same order, the standings are tightest first: those that refuse, the
//! longest wait before the others, then those with the least left. A throttle that another one
//! refuses before is not asked. [`quiet`](ThrottleBuilder::quiet) says nothing,
//! [`unit`](ThrottleBuilder::unit) and [`partition_key`](ThrottleBuilder::partition_key) say more,
//! [`legacy_headers`](ThrottleBuilder::legacy_headers) says it in `X-RateLimit-*` too.
//!
//! # On trial
//! Any throttle can be observed beside those in force, by a [`Shadow`](crate::compose::Shadow) around
//! it. It has buckets of its own, in Redis too, settles what requests have cost, and refuses nobody;
//! records note `would-reject`, and [`Throttle::stats`] of a clone counts what it would have refused,
//! limit by limit. A clone of a throttle in force spends nothing of that one's buckets while on trial,
//! but shares its room for keys and its figures, and the self-audit reports it (`throttle-twice`).
//!
//! # Example
//! ```
//! use tower_parapet::throttle::{Count, Key, Throttle};
//!
//! // What one client network may ask for, one caller, and the service as a whole.
//! Throttle::per_minute(600).burst(100).by(Key::ClientNet).build()?;
//! Throttle::per_hour(10_000).by(Key::Principal).build()?;
//! Throttle::per_second(2_000).by(Key::Global).named("capacity").build()?;
//! // Twenty forged tokens or wrong passwords a minute, and the network has to wait.
//! Throttle::per_minute(20).counting(Count::ForgedCredentials).named("guesses").build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Which limits
//! Those that a throttle began with, unless one of these knows the request; the first that does
//! decides, and each set of limits has buckets of its own:
//!
//! | | what | narrowest first |
//! |---|---|---|
//! | 1 | [`exempt`](ThrottleBuilder::exempt) | network, principal, scope, route |
//! | 2 | [`for_principal`](ThrottleBuilder::for_principal) | one caller |
//! | 3 | [`on_route`](ThrottleBuilder::on_route) | the narrowest pattern, for the method before for all |
//! | 4 | [`plans`](ThrottleBuilder::plans) | whoever is authenticated |
//!
//! ```
//! use tower_parapet::throttle::{Exempt, Key, Limit, Plans, Throttle};
//!
//! Throttle::per_minute(30)
//!     .by(Key::Tenant)
//!     .plans(
//!         Plans::by_claim("plan")
//!             .plan("free", [Limit::per_minute(60)])
//!             .plan("pro", [Limit::per_minute(6_000), Limit::per_day(1_000_000)])
//!             .otherwise("free"),
//!     )
//!     .on_route("POST /reports", [Limit::per_hour(10)])
//!     .for_principal("api-key", "nightly-import", [Limit::per_minute(60_000)])
//!     .exempt(Exempt::network("10.2.0.0/16"), "the mesh, which has limits of its own")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`by`](ThrottleBuilder::by) | the client network: an IPv4 address, an IPv6 /64 |
//! | [`burst`](ThrottleBuilder::burst) | the limit |
//! | [`cost`](ThrottleBuilder::cost) | 1 |
//! | what is told | `RateLimit` and `RateLimit-Policy` in every answer |
//! | [`max_keys`](ThrottleBuilder::max_keys) | 100 000, about 3 MiB for each limit |
//! | [`counting`](ThrottleBuilder::counting) | requests |
//! | [`absent`](ThrottleBuilder::absent) | refuse |
//! | [`plans`](ThrottleBuilder::plans), [`on_route`](ThrottleBuilder::on_route), [`for_principal`](ThrottleBuilder::for_principal), [`exempt`](ThrottleBuilder::exempt) | none |
//! | [`named`](ThrottleBuilder::named) | key and period, `client-per-minute` say |
//!
//! # Bounds
//! The store never holds more than `max_keys` for each limit of a key. It is split into shards of up
//! to about a thousand buckets, which lock apart and fill as the hash falls, so that one may be full a
//! few per cent before the whole is. A key whose bucket is whole again is as good as unknown, and its
//! place is free for another one. A new key in a full shard takes such a place; where there is none, it
//! shares one overflow bucket, at the very limit, with all other new keys of that shard, until a place
//! is free. What is remembered is never forgotten to make room. There is no background task: the work
//! is done by the request that needs the place, and its longest step is one round over a shard.
//!
//! Counting is exact, in integers, in memory as in Redis. A rate keeps the fraction of a nanosecond that a request takes, so
//! that nothing is ever rounded away. In memory, windows and periods of a calendar end at an instant
//! of the monotonic clock that was fixed when they began: setting the wall clock gives no quota anew.
//!
//! # What this does not do
//! - It does not share its counts between processes unless it is told to: without `shared` each
//!   replica admits the whole limit. [`Concurrency`] and [`Enumeration`] never do.
//! - It does not know who is behind a network: many people behind one NAT share a bucket. Give
//!   them credentials and a limit [by principal](Key::Principal).
//! - It does not limit what runs at once, which a [`Concurrency`] does, nor bytes.
//! - It does not grow stricter with who goes on: whoever waits has the whole limit again. A
//!   [ban](crate::bans) lasts longer each time.

#![cfg_attr(
    not(feature = "redis"),
    allow(dead_code, unused_imports, reason = "stores that are shared need a part of it")
)]

mod backend;
mod builder;
mod by_route;
#[cfg(feature = "calendar")]
mod calendar;
mod calls;
mod choice;
pub mod concurrency;
pub mod cost;
pub mod enumeration;
mod fields;
pub mod flow;
mod guard;
mod hash;
mod key;
mod late;
mod ledger;
mod limit;
mod limits;
mod memory;
#[cfg(feature = "redis")]
mod near;
mod order;
pub mod outcome;
mod overshoot;
mod plans;
mod policy;
mod rule;
#[cfg(feature = "redis")]
pub mod shared;
mod sip;
mod stats;
mod sync;
mod tell;
mod verdict;

pub use builder::{Count, ThrottleBuilder};
#[cfg(feature = "calendar")]
pub use calendar::Calendar;
pub use calls::StoreCalls;
pub use choice::Exempt;
pub use concurrency::{Concurrency, ConcurrencyBuilder};
pub use cost::Cost;
pub use enumeration::Enumeration;
pub use flow::BusinessFlow;
pub use guard::Throttle;
pub use key::{Absent, Key, KeyPart, KeyWriter, TypedKey};
pub use limit::Limit;
pub use outcome::Effect;
pub use overshoot::{LimitOvershoot, Overshoot};
pub use plans::{PlanSource, Plans};
#[cfg(feature = "redis")]
pub use shared::{DangerousShared, Shared};
pub use stats::{LimitStats, Stats};
pub use tell::Unit;

#[cfg(test)]
mod tests;
