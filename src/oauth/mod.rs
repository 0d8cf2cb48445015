//! What the features that talk to an authorization server share.
//!
//! [`PrivateKey`] is how a key that signs for this service is given to a builder, of
//! [`Introspection`](crate::auth::introspection) or
//! [`ClientCredentials`](crate::outgoing::ClientCredentials).
#![cfg_attr(
    not(all(feature = "introspection", feature = "client-credentials")),
    allow(
        dead_code,
        unused_imports,
        rustdoc::broken_intra_doc_links,
        reason = "each of the two needs a part of it"
    )
)]

mod assertion;
mod client_auth;
mod endpoint;
mod form;
mod private_key;
mod setters;
mod signer;
#[cfg(test)]
mod tests;

pub use private_key::PrivateKey;

pub(crate) use assertion::unique;
pub(crate) use client_auth::{ClientAuth, ClientSettings, Given};
pub(crate) use endpoint::{Endpoint, Kind};
pub(crate) use setters::client_setters;
pub(crate) use signer::{CannotSign, Signer};

/// The longest access token that is read or sent, in bytes.
pub(crate) const LONGEST_TOKEN: usize = 8 * 1024;

/// RFC 6750, section 2.1: `b64token`, some characters and then any number of `=`.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = text.get(..text.len() - padding).unwrap_or_default();
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    (1..=LONGEST_TOKEN).contains(&text.len()) && !body.is_empty() && body.iter().all(is_letter)
}
