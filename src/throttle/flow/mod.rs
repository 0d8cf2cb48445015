//! Caps on a business flow: several routes that are one thing to a caller, counted together.
//!
//! # Threat
//! Unrestricted access to sensitive business flows (OWASP API6:2023): every request is allowed, and all
//! of them together are the attack. Somebody buys all tickets within a minute, reserves every table, or
//! makes accounts by the thousand; each of a flow's routes has a limit that is high enough for its own
//! use, and so the flow as a whole has none.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | no route of the flow | – | |
//! | a route of the flow, within the limit of its key | – | `RateLimit-Policy` and `RateLimit`, under the flow's name |
//! | the limit is used up | 429 | `rate-limited`, with `Retry-After` |
//! | the key cannot be told | | as for a [`Throttle`](super::Throttle) |
//!
//! Every request to a route of the flow is charged to one bucket of its key, whichever route it is.
//! Refusals bear the name `business-flow` in the record, and the flow's limits. The phase follows from
//! the key.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use tower_parapet::throttle::{BusinessFlow, Key, Limit, Throttle};
//!
//! // Ten checkouts a day, of two steps each; and nobody takes two steps within a second.
//! BusinessFlow::named("checkout")
//!     .routes(["POST /basket", "POST /orders"])
//!     .at_most(
//!         Throttle::of(Limit::fixed(20, Duration::from_secs(86_400)))
//!             .and(Limit::rate(1, Duration::from_secs(1)))
//!             .by(Key::Principal),
//!     )
//!     .build()?;
//! // However many accounts they come from.
//! BusinessFlow::named("signup")
//!     .routes(["POST /accounts", "POST /accounts/{id}/confirm"])
//!     .at_most(Throttle::per_hour(20).by(Key::ClientNet))
//!     .build()?;
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | [`routes`](BusinessFlowBuilder::routes) | none: required |
//! | [`at_most`](BusinessFlowBuilder::at_most) | none: required |
//! | names of its limits | the flow's and the period, `checkout-per-day` say |
//! | everything else | as for a [`Throttle`](super::Throttle) |
//!
//! A flow has one key. Where it is to be limited by caller and by network, write two flows of the same
//! routes.
//!
//! # What this does not do
//! - It does not know whether a step succeeded: attempts count.
//! - It does not know in which order steps are meant to be taken; a rate of one in a second, as above,
//!   is what keeps who is too fast for a person from taking them.
//! - It does not tell people from programs.

mod builder;
mod guard;
#[cfg(test)]
mod tests;

pub use builder::BusinessFlowBuilder;
pub use guard::BusinessFlow;
