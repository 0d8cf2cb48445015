//! Public keys in PEM: SubjectPublicKeyInfo (RFC 5280) and PKCS#1 (RFC 8017).
//!
//! Curves are told by their fixed DER prefix, not by searching the structure for something that
//! fits, so a certificate, a private key or another curve is never taken for what it is not.

use aws_lc_rs::rsa::PublicKey;

use super::algorithm::AlgorithmSet;
use super::key::Key;
use crate::pem::Block;

/// `SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 } BIT STRING }` up to the point.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same with secp384r1.
const P384: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];
/// The same with secp521r1.
const P521: &[u8] = &[
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
    0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];
/// `SEQUENCE { SEQUENCE { id-Ed25519 } BIT STRING }` up to the key (RFC 8410).
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The least and the greatest RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Reads one public key.
///
/// # Errors
///
/// What is wrong with it, for a `ConfigError`.
pub(super) fn public_key(text: &str) -> Result<Key, &'static str> {
    let block = Block::begun(text)?;
    match block.label() {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => {}
        "CERTIFICATE" => return Err("is a certificate, not a public key"),
        label if label.ends_with("PRIVATE KEY") => {
            return Err("is a private key, which has no place in a service that verifies");
        }
        _ => return Err("is not a public key"),
    }
    let der = block.der()?;
    let curves = [
        (P256, AlgorithmSet::ES256, 32),
        (P384, AlgorithmSet::ES384, 48),
        (P521, AlgorithmSet::ES512, 66),
    ];
    for (prefix, algorithms, coordinate) in curves {
        if let Some(point) = der.strip_prefix(prefix) {
            ec_point(point, coordinate)?;
            return Key::on_curve(None, algorithms, point);
        }
    }
    if let Some(key) = der.strip_prefix(ED25519) {
        if key.len() != 32 {
            return Err("is not a well-formed Ed25519 key");
        }
        return Key::on_curve(None, AlgorithmSet::EDDSA, key);
    }
    let key = PublicKey::from_der(&der)
        .map_err(|_| "is not a key on P-256, P-384 or P-521, an Ed25519 key or an RSA key")?;
    let (modulus, exponent) = (key.modulus(), key.exponent());
    rsa(
        None,
        AlgorithmSet::RSA,
        modulus.big_endian_without_leading_zero(),
        exponent.big_endian_without_leading_zero(),
    )
}

/// An RSA key of a size that is neither weak nor a burden.
pub(super) fn rsa(
    id: Option<&str>,
    algorithms: AlgorithmSet,
    modulus: &[u8],
    exponent: &[u8],
) -> Result<Key, &'static str> {
    let (modulus, exponent) = (significant(modulus), significant(exponent));
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if bits < *RSA_BITS.start() {
        return Err("is an RSA key of less than 2048 bits");
    }
    if bits > *RSA_BITS.end() {
        return Err("is an RSA key of more than 8192 bits");
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if exponent.len() > 4 || exponent == [1] || !odd(exponent) || !odd(modulus) {
        return Err("is an RSA key with an unusable modulus or exponent");
    }
    Key::rsa(id, algorithms, modulus, exponent)
}

fn ec_point(point: &[u8], coordinate: usize) -> Result<(), &'static str> {
    if point.len() == 1 + 2 * coordinate && point.first() == Some(&4) {
        Ok(())
    } else {
        Err("is not an uncompressed point on its curve")
    }
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::testkit as kit;
    use super::*;

    #[test]
    fn public_keys_are_known_by_their_curve() {
        for (pem, algorithms) in [
            (kit::ES256_PUB, AlgorithmSet::ES256),
            (kit::ES384_PUB, AlgorithmSet::ES384),
            (kit::ES512_PUB, AlgorithmSet::ES512),
            (kit::ED25519_PUB, AlgorithmSet::EDDSA),
            (kit::RSA_PUB, AlgorithmSet::RSA),
            (kit::RSA_PKCS1_PUB, AlgorithmSet::RSA),
        ] {
            assert_eq!(public_key(pem).unwrap().algorithms(), algorithms, "{pem}");
        }
    }

    #[test]
    fn what_is_no_public_key_of_a_kind_we_know_is_refused_in_words() {
        for (pem, why) in [
            ("", "PEM form"),
            ("-----BEGIN PUBLIC KEY-----", "cut off"),
            (kit::ES256, "private key"),
            (kit::RSA, "private key"),
            (kit::SECP256K1_PUB, "P-256"),
            (kit::RSA1024_PUB, "2048"),
            ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", "certificate"),
            ("-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----", "base64"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "P-256"),
        ] {
            let error = public_key(pem).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let two = format!("{}{}", kit::ES256_PUB, kit::ED25519_PUB);
        assert!(public_key(&two).unwrap_err().contains("one single"));
    }
}
