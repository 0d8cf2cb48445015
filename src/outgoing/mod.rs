//! Calls to other services: a client layer that obtains, keeps and renews tokens.
//!
//! # Threat
//! A token that goes where it should not is somebody else's: by a redirect, by a URL that a user
//! wrote, by a log. One that has ended, and a token endpoint that is asked with every call, take the
//! service down with the issuer.
//!
//! # Behaviour
//! [`ClientCredentials`] is a layer over any client that is a tower service. It asks the issuer by
//! client credentials (RFC 6749, section 4.4), once for all calls that wait, and keeps one token for
//! each [`Grant`].
//!
//! | condition | what happens |
//! |---|---|
//! | a token is there | the request bears it at once |
//! | none, or it has ended | the request waits for a new one; all that wait share one |
//! | four fifths of its life are over (up to a twentieth earlier, by chance) | it is used, and the next one is fetched in the background |
//! | the issuer does not answer | the last token is used until its end; then [`TokenError`] |
//! | it failed five times in a row | not asked for 1 s, then 2, 4, up to 30 s, each ended by one probe; [`TokenError`] at once |
//! | it refuses | [`TokenError`] with its code; the same is not asked again for 5 s |
//! | the request goes to an origin that is not named | passed on without a token |
//! | the request has an `Authorization` of its own | passed on as it is |
//! | a 401 with `invalid_token` | the token is dropped, at most every 10 s, and the request sent once more with another |
//! | a 401 with `use_dpop_nonce` | sent once more with the nonce (RFC 9449, section 9) |
//! | a second 401, or a body that cannot be sent again | the caller gets the 401; [`Replay`] says which bodies can |
//!
//! With [`dpop`](ClientCredentialsBuilder::dpop) tokens are asked for with a proof and used with one,
//! nonces included, and a bearer token in answer is refused. With
//! [`mutual_tls`](ClientCredentialsBuilder::mutual_tls) the issuer's endpoint for it is used where its
//! metadata names one.
//!
//! A layer that follows redirects may stand outside of this one: each hop is then judged anew. Under
//! it, it would carry the token along itself, so it must not stand there.
//!
//! # Example
//! ```
//! use tower_layer::Layer;
//! use tower_parapet::outgoing::ClientCredentials;
//!
//! # fn client<C>(client: C) -> Result<(), tower_parapet::ConfigError> {
//! let tokens = ClientCredentials::builder()
//!     .discover("https://id.example")
//!     .client_id("orders")
//!     .client_secret("from the environment")
//!     .scope("stock:read")
//!     .for_origin("https://stock.example")
//!     .build()?;
//! let client = tokens.layer(client); // hyper-util's client, a tonic channel
//! # let _ = client; Ok(()) }
//! ```
//!
//! # Defaults
//! | setting | default |
//! |---|---|
//! | issuer, client, a way to authenticate, an origin | none: required |
//! | life of a token whose issuer does not say | 60 s |
//! | the last tenth of a life, at most 10 s | not used, since requests are on their way for a while |
//! | grants kept | 64 |
//! | token, answer of the issuer | 8 KiB, 1 MiB |
//!
//! Secrets and private keys are wiped from memory when they are no longer needed, and are in no
//! error, log or `Debug`. The headers are marked sensitive.
//!
//! # What this does not do
//! It exchanges no token of a caller (RFC 8693), uses no refresh tokens, and keeps nothing on disk. It
//! does not show a client certificate to the services that are called: their client does.

mod builder;
mod challenge;
mod credentials;
mod dpop;
mod endpoint;
mod error;
mod grant;
mod origin;
mod replay;
mod service;
mod slots;
#[cfg(test)]
mod tests;
mod token;

pub use builder::ClientCredentialsBuilder;
pub use credentials::ClientCredentials;
pub use error::TokenError;
pub use grant::Grant;
pub use replay::Replay;
pub use service::Authorized;
