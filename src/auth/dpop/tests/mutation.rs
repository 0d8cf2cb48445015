//! Proofs that are almost good.

use super::*;

/// Ten thousand proofs that differ from a good one in a byte, a bit, a part or a claim.
#[test]
fn no_mutation_of_a_valid_proof_is_accepted() {
    let check = required();
    let keys = [Signer::es256(), Signer::ed25519()];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |bound: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % bound as u64).unwrap()
    };
    let mut tried = 0;
    while tried < 10_000 {
        let key = &keys[next(2)];
        let good = key.proof(&claims());
        let mut bytes = good.clone().into_bytes();
        for _ in 0..20 {
            let at = next(bytes.len());
            match next(6) {
                0 => bytes[at] ^= 1 << next(7),
                1 => bytes[at] = b"ABCDEFabcdef0123-_.="[next(20)],
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, b"ABCDEFabcdef0123-_.="[next(20)]),
                4 => bytes.truncate(at.max(1)),
                _ => bytes.swap(at, 0),
            }
            if bytes != good.as_bytes() && HeaderValue::from_bytes(&bytes).is_ok() {
                tried += 1;
                let mut exchange = exchange_at(NOW, &[&bytes]);
                let bound = token(TokenKind::Dpop, Some(key.thumbprint()));
                assert!(
                    judge(&check, &mut exchange, &bound).is_err(),
                    "{}",
                    String::from_utf8_lossy(&bytes)
                );
            }
            if next(3) > 0 || bytes.len() < 10 {
                bytes = good.clone().into_bytes();
            }
        }
        present(&check, key, &good).unwrap();
    }
}
