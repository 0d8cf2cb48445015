//! Redis or Valkey, standalone or as a cluster: one client for all that processes share, limits,
//! bans and idempotency keys.
//!
//! # Threat
//!
//! A store of counts that hangs makes every request hang; one that comes back is asked by all
//! processes at once; one that is read or changed on the way lifts every limit, and shows its
//! password to whoever listens.
//!
//! # Behaviour
//!
//! | condition | what happens |
//! |---|---|
//! | nothing was asked yet | there is no connection: a service starts while Redis is down |
//! | a call, and no connection | all who wait make one together, within `connect_timeout` |
//! | a call | one command on the one connection, answered within `response_timeout`, never sent twice |
//! | more than `max_in_flight` calls wait | refused at once, as if the server were lost |
//! | five failures in a row | nobody asks for 250 ms, then one probe at a time; pauses double to 5 s, each up to half shorter by chance |
//! | no answer in time, a broken connection, a server that became a replica | the connection is given up, the next call makes a new one, and resolves the name again |
//! | an answer that the server cannot (`OOM`, `READONLY`, `LOADING`, `CLUSTERDOWN`) | a failure like no answer |
//! | the server forgot its scripts | they are loaded once, for all who wait |
//! | a cluster moved a key (`MOVED`, `ASK`) | followed up to three times, and the map of slots asked for anew |
//! | `redis://` to another machine | a configuration error; refused too when a name turns out to be one |
//!
//! The log is told when a server fails, and when it is asked again, once each.
//!
//! A call that was not answered may have been done. What is then said to the request is chosen
//! where the client is used.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tower_parapet::Redis;
//!
//! let redis = Redis::builder("rediss://redis.internal:6379")
//!     .user("orders")
//!     .password("from the environment")
//!     .response_timeout(Duration::from_millis(100))
//!     .build()?;
//! let cluster = Redis::cluster(["rediss://redis-1.internal", "rediss://redis-2.internal"]).build()?;
//! # let _ = (redis, cluster);
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | connection, from the name to the login | 1 s |
//! | response | 250 ms |
//! | calls that wait at once | 1024 |
//! | prefix of all keys | `parapet` |
//! | TLS | 1.2 and 1.3, by rustls on aws-lc, whatever the process's default; roots of Mozilla (`webpki-roots`) |
//! | login | that of the URL, else none |
//! | connections | one to each server |
//!
//! # What this does not do
//!
//! It has no Sentinel (name the address that follows the master), no Unix sockets, no reads from
//! replicas, and no retries. Its scripts need Redis 5 or later, `EVALSHA`, `SCRIPT LOAD`, `TIME`,
//! `GET` and `SET`. Valkey speaks the same protocol; it is not among the servers it is tested with.

mod builder;
mod client;
mod cluster;
mod error;
mod link;
mod node;
mod script;
mod settings;
mod slots;
#[cfg(test)]
pub(crate) mod tests;
mod url;

pub use builder::{DangerousRedis, RedisBuilder};
pub use client::Redis;
pub use error::RedisError;

pub(crate) use script::{Arg, Script};
