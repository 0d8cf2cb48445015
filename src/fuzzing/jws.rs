//! Signs what a target makes up, so that what stands behind a signature is reached too.

use std::sync::LazyLock;

use aws_lc_rs::{
    digest, hmac,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The key of RFC 8037, appendix A.1, whose thumbprint is in A.3.
#[cfg(feature = "dpop")]
pub(super) const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

pub(super) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    let seed = URL_SAFE_NO_PAD.decode(SEED).expect("a seed");
    Ed25519KeyPair::from_seed_unchecked(&seed).expect("a key")
});

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    encode(digest::digest(&digest::SHA256, bytes))
}

/// The `x` of the Ed25519 key as a JWK.
#[cfg(feature = "dpop")]
pub(super) fn public_key() -> String {
    encode(KEY.public_key())
}

/// By the secret, with HS256.
pub(super) fn by_secret(header: &[u8], claims: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    sign(header, claims, |signed| encode(hmac::sign(&key, signed)))
}

/// By the Ed25519 key.
#[cfg(feature = "dpop")]
pub(super) fn by_key(header: &[u8], claims: &[u8]) -> String {
    sign(header, claims, |signed| encode(KEY.sign(signed)))
}

fn sign(header: &[u8], claims: &[u8], by: impl FnOnce(&[u8]) -> String) -> String {
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
