//! A client's word for itself, signed (RFC 7523, section 2.2).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::signer::{CannotSign, Signer};

/// How long an assertion counts. It is made for one request.
const LIFETIME: Duration = Duration::from_secs(60);

/// What `client_assertion_type` says.
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A new one, good from now for a minute, with an id that nobody can guess.
pub(crate) fn assertion(
    signer: &Signer,
    client: &str,
    audience: &str,
    unix: Duration,
) -> Result<String, CannotSign> {
    let mut header = Map::new();
    header.insert("typ".to_owned(), "JWT".into());
    let claims: Map<String, Value> = [
        ("iss", Value::from(client)),
        ("sub", client.into()),
        ("aud", audience.into()),
        ("jti", unique()?.into()),
        ("iat", unix.as_secs().into()),
        ("exp", unix.saturating_add(LIFETIME).as_secs().into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    signer.sign(header, &claims)
}

/// 128 random bits, as text.
pub(crate) fn unique() -> Result<String, CannotSign> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|_| CannotSign)?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}
