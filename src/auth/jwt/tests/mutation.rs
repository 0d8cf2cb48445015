use proptest::prelude::*;
use serde_json::json;

use super::super::testkit as kit;
use super::super::{Algorithm, Jwt, JwtBuilder};
use super::{named, present};

/// Numbers that are as good as random, and the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    /// Flips bits, puts a byte in, takes one out, swaps two, cuts the end off, repeats a piece.
    fn mutate(&mut self, token: &mut Vec<u8>) {
        let Some(length) = std::num::NonZero::new(token.len()) else { return };
        let at = self.below(length.get());
        let other = self.below(length.get());
        match self.below(6) {
            0 => token[at] ^= 1 + self.below(127) as u8,
            1 => token.insert(at, self.below(256) as u8),
            2 => drop(token.remove(at)),
            3 => token.swap(at, other),
            4 => token.truncate(at),
            _ => {
                let (from, to) = (at.min(other), at.max(other));
                let piece = token[from..to].to_vec();
                token.splice(from..from, piece);
            }
        }
    }
}

/// One verifier of every algorithm, as an attacker would want it.
fn every_key() -> Jwt {
    let pems = [kit::ES256_PUB, kit::ES384_PUB, kit::ES512_PUB, kit::ED25519_PUB, kit::RSA_PUB];
    let builder = pems.into_iter().fold(named(), JwtBuilder::public_key_pem);
    let secrets = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_symmetric());
    let add =
        |builder: JwtBuilder, algorithm| builder.dangerous().shared_secret(algorithm, kit::SECRET);
    secrets.fold(builder, add).build().unwrap()
}

#[test]
fn none_of_ten_thousand_mutations_of_a_token_of_any_algorithm_is_taken() {
    const EACH: usize = 10_000;
    let jwt = every_key();
    let now = std::time::Duration::from_secs(kit::NOW);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut taken = Vec::new();
    for algorithm in Algorithm::ALL {
        let header = json!({"alg": algorithm.name(), "typ": "JWT"});
        let token = kit::sign_as(algorithm, &header, &kit::claims()).into_bytes();
        // Remembered, so that no mutation is taken for it either.
        assert!(jwt.inner.verifier.verify(&token, now).is_ok(), "{algorithm:?}");
        let mut tried = 0;
        while tried < EACH {
            let mut mutated = token.clone();
            (0..=dice.below(3)).for_each(|_| dice.mutate(&mut mutated));
            if mutated == token {
                continue;
            }
            tried += 1;
            if jwt.inner.verifier.verify(&mutated, now).is_ok() {
                taken.push((algorithm, String::from_utf8_lossy(&mutated).into_owned()));
            }
        }
    }
    let all = EACH * Algorithm::ALL.len();
    println!("token-mutations: {} passed, {} failed", all - taken.len(), taken.len());
    assert!(taken.is_empty(), "{taken:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let jwt = super::builder().build().unwrap();
        let now = std::time::Duration::from_secs(kit::NOW);
        prop_assert!(jwt.inner.verifier.verify(&bytes, now).is_err());
    }

    #[test]
    fn any_signed_header_and_claims_are_judged_without_a_panic(
        header in r#"\{"alg":"ES256"(,"[a-z]{0,3}":([0-9]{1,30}|"[a-z+]{0,9}"|\[\]|\{\}|null)){0,3}\}"#,
        name in prop::sample::select(vec!["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "x"]),
        value in r#"(-?[0-9]{1,25}(\.[0-9]{1,3})?(e[0-9]{1,3})?|"[ -!#-Z]{0,9}"|\[("a"|1)?\]|\{\}|true)"#,
    ) {
        let jwt = super::builder().build().unwrap();
        let claims = kit::claims();
        let rest: Vec<_> = claims.as_object().unwrap().iter()
            .filter(|(other, _)| *other != name)
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        let payload = format!("{{\"{name}\":{value},{}}}", rest.join(","));
        let token = kit::sign_text(Algorithm::Es256, &header, &payload);
        let _ = present(&jwt, &token);
    }
}
