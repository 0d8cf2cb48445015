//! Which addresses may call.
//!
//! A deny list wins over an allow list, and an allow list that exists denies everything it does not
//! name.

mod builder;
mod guard;
#[cfg(test)]
mod tests;

pub use builder::IpFilterBuilder;
pub use guard::IpFilter;
