use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::super::testkit as kit;
use super::super::{Algorithm, Jwt, JwtBuilder};
use super::{named, present};

#[derive(Debug, Clone)]
enum Mutation {
    Flip(usize, u8),
    Insert(usize, u8),
    Delete(usize),
    Swap(usize, usize),
    Cut(usize),
    Repeat(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = || any::<usize>();
    prop_oneof![
        (at(), 1u8..128).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        at().prop_map(Mutation::Delete),
        (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        at().prop_map(Mutation::Cut),
        (at(), at()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
    ]
}

fn apply(token: &mut Vec<u8>, mutation: &Mutation) {
    let length = token.len().max(1);
    match *mutation {
        _ if token.is_empty() => {}
        Mutation::Flip(at, bits) => token[at % length] ^= bits,
        Mutation::Insert(at, byte) => token.insert(at % length, byte),
        Mutation::Delete(at) => drop(token.remove(at % length)),
        Mutation::Swap(a, b) => token.swap(a % length, b % length),
        Mutation::Cut(at) => token.truncate(at % length),
        Mutation::Repeat(a, b) => {
            let (a, b) = ((a % length).min(b % length), (a % length).max(b % length));
            let piece = token[a..b].to_vec();
            token.splice(a..a, piece);
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
    let mut runner = TestRunner::deterministic();
    let mutations = prop::collection::vec(mutation(), 1..4);
    let mut taken = Vec::new();
    for algorithm in Algorithm::ALL {
        let header = json!({"alg": algorithm.name(), "typ": "JWT"});
        let token = kit::sign_as(algorithm, &header, &kit::claims()).into_bytes();
        // Remembered, so that no mutation is taken for it either.
        assert!(jwt.inner.verifier.verify(&token, now).is_ok(), "{algorithm:?}");
        let mut tried = 0;
        while tried < EACH {
            let mut mutated = token.clone();
            let drawn = mutations.new_tree(&mut runner).unwrap().current();
            drawn.iter().for_each(|mutation| apply(&mut mutated, mutation));
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
