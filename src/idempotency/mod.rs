//! Requests that are sent twice and run once: the header `Idempotency-Key`.
//!
//! It follows draft-ietf-httpapi-idempotency-key-header-07: a client makes up a key for what it wants
//! done, sends it with the request, and sends the very same again when it does not know what became of
//! it.
//!
//! # Threat
//! A client whose connection broke sends its payment again, and pays twice; two requests that race for
//! one ticket both get it; a queue delivers the same order twice. And the remedy is itself a target: a
//! key that is guessed shows another caller's answer, a store of answers that grows with the keys that
//! clients make up eats the memory, and one that forgets early runs what it should not.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | another route, or a method that is not one of the route's | – | |
//! | no key | 400 | `missing-header`, unless [`optional`](IdempotencyBuilder::optional) |
//! | not a quoted string of 1 to 255 characters, or two of them | 400 | `bad-header` |
//! | a new key | – | the handler runs, and its answer is kept |
//! | the same request again, done | as before | the answer that is kept, with `Idempotency-Replayed: true` |
//! | the same request again, done, its answer not kept whole | 409 | `answer-not-kept` |
//! | the same request again, under way | 409 | `request-in-progress`, with `Retry-After` |
//! | another request under the same key | 422 | `idempotency-key-reused` |
//! | no room for another key | 503 | `unavailable`, with `Retry-After` |
//! | no room for another key of this caller | 429 | `rate-limited`, with `Retry-After` |
//! | the store cannot tell | 503 | `unavailable`, with `Retry-After` |
//! | no principal, and no client address | 503 | `address-unknown` |
//!
//! A key belongs to its caller, within a tenant where there is one, and to its route: nobody else meets
//! it, whatever they send. Who is nobody is known by address, and shares the room for keys with their
//! /64 of IPv6. The same request has the same method, path, query and body (SHA-256).
//!
//! It runs last, once everybody else has let the request and its body pass: a request that is refused
//! takes no key, and an answer is given again only to who may ask for it now.
//!
//! # What is kept
//! The handler's status, those of its headers that tell what the answer is, and its body up to
//! [`max_answer`](IdempotencyBuilder::max_answer). Never cookies, credentials or challenges. What other
//! guards stamp on answers is stamped anew. An answer whose body is at hand is kept before it goes out,
//! and no client sees its end before the store knows of it. Of a body that streams, it is first kept that
//! there is an answer, and the body when it has ended; where it is too long, has trailers, breaks off or
//! loses its client, it stays at that: a retry gets 409 `answer-not-kept`, and runs nothing.
//!
//! The key is given up, and a retry runs the handler again, when
//! - the handler answers with 5xx, 401, 407, 408, 425 or 429, or refuses with a
//!   [`Rejection`](crate::Rejection);
//! - it fails, panics, or misses its deadline;
//! - its client leaves before it has answered, which ends the handler where it waits. What must not
//!   stop half way belongs into a transaction, or a task of its own (`tokio::spawn`);
//! - the process dies: then when the [`lock`](IdempotencyBuilder::lock) ends.
//!
//! # Example
//! ```
//! use tower_parapet::idempotency::{Idempotency, MemoryResponses};
//!
//! Idempotency::builder(MemoryResponses::default())
//!     .routes(["POST /orders", "POST /orders/{id}/refunds"])
//!     .keep_header("x-order")
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`routes`](IdempotencyBuilder::routes) | every `POST` and `PATCH` that the guard sees |
//! | a request without a key | refused |
//! | keys without quotes | refused |
//! | [`keep`](IdempotencyBuilder::keep) | 24 hours from the answer on |
//! | [`lock`](IdempotencyBuilder::lock) | 60 s, and 10 s more than the handler's deadline at least; as a layer by itself there is none, and the lock has to outlast every handler |
//! | [`max_answer`](IdempotencyBuilder::max_answer) | 256 KiB |
//! | a request's body | what the stack or the route takes; 1 MiB as a layer by itself |
//! | [`MemoryResponses`] | 100 000 keys, 64 MiB, an eighth of both for one caller |
//!
//! # What this does not do
//! - Who is nobody shares their keys with whoever calls from the same address: let clients make them up
//!   as UUIDs, or authenticate.
//! - It makes nothing of what the handler does before it fails undone.
//! - With [`MemoryResponses`] each process knows its own requests only: a retry must reach the same one.
//!   `RedisResponses`, of the feature `redis`, is one store for many.
//! - It hides nothing from who can read the store: answers are kept as they are.
//! - It is not for gRPC, which has no bodies that end, and not for answers of a size that no memory takes.
//! - On trial, by [`Shadow`](crate::compose::Shadow), it judges the header, and locks nothing.
//! - A browser may send the header to another origin only where [`Cors`](crate::transport::Cors) says so.

mod builder;
mod claim;
mod guard;
mod key;
mod memory;
mod recorded;
mod response;
mod running;
#[cfg(feature = "redis")]
mod shared;
mod store;
#[cfg(test)]
mod tests;

pub use crate::answer::StoreError;
pub use builder::IdempotencyBuilder;
pub use claim::Claim;
pub use guard::Idempotency;
pub use memory::{MemoryResponses, MemoryResponsesBuilder};
pub use response::StoredResponse;
#[cfg(feature = "redis")]
pub use shared::RedisResponses;
pub use store::{Begun, IdempotencyStore};
