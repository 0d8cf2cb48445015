//! Requests that can be read in one way only.

mod builder;
mod framing;
mod guard;
#[cfg(test)]
mod tests;

pub use builder::SanityBuilder;
pub use guard::Sanity;
