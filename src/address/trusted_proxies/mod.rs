//! The client's address behind proxies that are known.
//!
//! Proxies append to a header, so what they wrote stands on its right end and what the client made
//! up on its left. The walk begins at the peer and goes from the right as long as it stands on a
//! trusted network; the first address outside of them is the client.
//!
//! A hop without a readable address ends the walk, and the client is the trusted proxy that wrote
//! it. That is the only address left that the client had no hand in: the next entry to the left is
//! the client's own text, and no address at all would turn an odd proxy into an outage. Such clients
//! share one throttle key, and none of them can pick it. An allow list that names the proxies
//! themselves lets them in; name the callers there.

mod builder;
mod forwarded;
mod guard;
mod hop;
mod said;
#[cfg(test)]
mod tests;
mod walk;

pub use builder::{ProxyHeader, TrustedProxiesBuilder};
pub use guard::TrustedProxies;
