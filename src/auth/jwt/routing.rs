//! Who is to judge a token: read from what nobody has vouched for yet, and believed for no more.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use serde::Deserialize;
use serde_json::Value;

use super::cache::Digest;
use super::fault::Fault;
use super::token::{Compact, MAX_BYTES};

/// The issuer that a token claims to be of.
pub(super) fn issuer(token: &[u8]) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Claims<'a> {
        #[serde(borrow)]
        iss: Cow<'a, str>,
    }
    let payload = payload(token)?;
    let claims: Claims<'_> = serde_json::from_slice(&payload).map_err(|error| {
        let is_json = error.is_data();
        if is_json { Fault::Malformed("it names no issuer") } else { Fault::claims_json(error) }
    })?;
    Ok(claims.iss.into_owned())
}

/// The audiences that a token claims to be for; of another shape than a string or strings, none.
pub(super) fn audiences(token: &[u8]) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Claims {
        #[serde(default)]
        aud: Value,
    }
    let claims: Claims = serde_json::from_slice(&payload(token)?).map_err(Fault::claims_json)?;
    Ok(match claims.aud {
        Value::String(audience) => vec![audience],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    })
}

fn payload(token: &[u8]) -> Result<Vec<u8>, Fault> {
    if token.len() > MAX_BYTES {
        return Err(Fault::Malformed("it is longer than 8 KiB"));
    }
    Compact::split(token)?.payload()
}

/// Who judged tokens before, by a part of their digest. It only says whom to ask first: what it
/// says is lost or wrong where two tokens share a place.
pub(super) struct Trail(Box<[AtomicU8]>);

/// Of a token that nobody has judged, or the 255th issuer.
const NOBODY: u8 = u8::MAX;

impl Trail {
    /// Twice as many places as there are tokens, so that most have one of their own.
    pub(super) fn new(tokens: usize) -> Self {
        let places = tokens.saturating_mul(2).clamp(256, 1 << 20).next_power_of_two();
        Self((0..places).map(|_| AtomicU8::new(NOBODY)).collect())
    }

    pub(super) fn follow(&self, digest: &Digest) -> Option<usize> {
        let at = self.place(digest)?.load(Relaxed);
        (at != NOBODY).then_some(usize::from(at))
    }

    pub(super) fn mark(&self, digest: &Digest, at: usize) {
        if let (Some(place), Ok(at)) = (self.place(digest), u8::try_from(at)) {
            place.store(at, Relaxed);
        }
    }

    fn place(&self, digest: &Digest) -> Option<&AtomicU8> {
        let mask = self.0.len().checked_sub(1)?;
        self.0.get(digest.last_word() as usize & mask)
    }
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail").field("places", &self.0.len()).finish()
    }
}
