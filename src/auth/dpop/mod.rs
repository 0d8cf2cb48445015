//! Tokens that only the holder of a key may use: proofs of possession (DPoP).
mod builder;
mod check;
mod demand;
mod flaw;
mod nonce;
pub(crate) mod proof;
mod refusal;
#[cfg(test)]
mod testkit;
#[cfg(test)]
mod tests;
pub(crate) mod uri;

pub use builder::DpopBuilder;
pub use check::Dpop;
