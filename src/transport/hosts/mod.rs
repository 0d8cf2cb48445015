//! Which hosts the service answers for, and that a request names exactly one.

mod authority;
mod builder;
mod guard;
mod list;
#[cfg(test)]
mod tests;

pub use builder::HostsBuilder;
pub use guard::Hosts;

pub(in crate::transport) use authority::Authority;
pub(in crate::transport) use guard::authority;
