//! Callers who walk from object to object.
//!
//! An [`Enumeration`] counts how many different objects one caller asks for: `/orders/1`,
//! `/orders/2`, and so on. A principal is a caller; where there is none, a client network is.
//!
//! # Threat
//! Broken object level authorization (OWASP API1:2023) is found, and used, by walking through ids; and
//! who may read every object one by one can still copy them all (API6:2023), at a pace that no limit on
//! requests would notice: a person opens the same fifty orders all day, and a copier fifty others each
//! time.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | at most [`at_most`](EnumerationBuilder::at_most) different objects within the window | – | |
//! | more | – | told once for a caller and a window: a warning in the log, the note `enumeration` in the record, and a [report](crate::Exchange::report) by that word, of which bans may be made |
//! | as many, another one asked for, with [`Refusing::Unseen`] | 429 | `rate-limited`, with `Retry-After` |
//! | more, with [`Refusing::Everything`] | 429 | `rate-limited`, with `Retry-After` |
//! | no principal, and no client address | 503 | `address-unknown` |
//! | by a principal whom only the body proves | – | counted once it has |
//!
//! An object is counted as its answer begins, by the answer's status: those found (below 400), unless
//! [`counting`](EnumerationBuilder::counting) says otherwise. What a guard refuses does not count, and
//! requests under way at the same time are not counted yet, so that as many more may pass. On trial,
//! by [`Shadow`](crate::compose::Shadow), every request counts.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use tower_parapet::throttle::enumeration::{Enumeration, Outcomes, Refusing};
//!
//! // Who reads more than 200 orders an hour is worth a look.
//! Enumeration::named("orders").routes(["GET /orders/{id}"]).at_most(200).build()?;
//! // Who misses 20 within ten minutes guesses, and gets no more of them.
//! Enumeration::named("guessed-orders")
//!     .routes(["/orders/{id}", "/orders/{id}/items/{item}"])
//!     .counting(Outcomes::Missed)
//!     .at_most(20)
//!     .within(Duration::from_secs(600))
//!     .refusing(Refusing::Unseen)
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`routes`](EnumerationBuilder::routes) | none: required |
//! | [`at_most`](EnumerationBuilder::at_most) | none: required |
//! | [`within`](EnumerationBuilder::within) | one hour |
//! | [`counting`](EnumerationBuilder::counting) | objects found |
//! | [`refusing`](EnumerationBuilder::refusing) | nothing: it is only told |
//! | [`max_callers`](EnumerationBuilder::max_callers) | 10 000, at most 20 MiB |
//!
//! # Bounds
//! The window slides by halves: what counts is what was asked for since the half before this one began,
//! which is half a window at least and a whole one at most. So nobody is found for what they did within
//! more than a window, and whoever asks for too many within half of one is found always.
//!
//! Up to 128 objects in each half are kept one by one, as keyed hashes of 64 bits, and counted exactly;
//! more are counted by 1024 registers of a HyperLogLog (Flajolet et al. 2007, with the small numbers kept
//! apart as by Heule et al. 2013, and the estimator of Ertl 2017), whose standard error is 3.25 %: two of
//! three counts are off by less, one in 370 by more than 10 %. Hashes are made under a secret of the
//! process and by caller, so that nobody can choose ids that stay invisible, or that raise the count of
//! another one.
//!
//! A caller takes 2 KiB at most, and what it takes to keep its objects one by one where unseen ones are
//! refused. Where there is no room for another caller, who was quiet for a whole window gives way, then
//! who has seen the fewest objects: many new callers push out one another, and not who walks on.
//!
//! # What this does not do
//! - It does not share its counts between processes: behind `n` of them, a caller may ask for up to `n`
//!   times as many.
//! - It does not tell visitors from the pages of other sites that have their browsers ask: where objects
//!   are open to everybody, such a page can have its visitors' network told of, and refused where that
//!   was asked for.
//! - It does not see ids in the query, in headers or in the body; and `1` and `01` are two objects.
//! - It does not tell who may see an object: that is the handler's, by [`Owned`](crate::extract::Owned)
//!   say.

mod builder;
mod guard;
mod outcome;
mod sketch;
mod table;
#[cfg(test)]
mod tests;
mod trail;

pub use builder::EnumerationBuilder;
pub use guard::Enumeration;
pub use outcome::{Outcomes, Refusing};
