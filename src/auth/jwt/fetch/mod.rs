//! Keys that are fetched: when, from where, and what is said until they are there.

mod builder;
mod document;
mod keeper;
mod provider;
mod settings;
mod state;
mod unknown;

#[cfg(feature = "testing")]
#[cfg(test)]
mod tests;

pub(super) use provider::Provider;
pub(super) use settings::Fetching;
