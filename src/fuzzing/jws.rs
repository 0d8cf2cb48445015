//! Signs what a target makes up, so that what stands behind a signature is reached too.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

pub(super) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// By the secret, with HS256.
pub(super) fn by_secret(header: &[u8], claims: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    sign(header, claims, |signed| encode(hmac::sign(&key, signed)))
}

pub(super) fn sign(header: &[u8], claims: &[u8], by: impl FnOnce(&[u8]) -> String) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = by(signed.as_bytes());
    format!("{signed}.{signature}")
}

/// The first line, and what follows; none where there is one line only.
pub(super) fn two_parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (first, rest) = bytes.split_at_checked(end)?;
    Some((first, rest.get(1..)?))
}
