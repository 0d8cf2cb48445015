use proptest::prelude::*;
use serde_json::json;

use super::super::Algorithm;
use super::super::testkit as kit;
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_mutated_token_is_never_taken(
        which in 0usize..4,
        mutations in prop::collection::vec(mutation(), 1..4),
        remember in any::<bool>(),
    ) {
        let algorithms =
            [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256, Algorithm::Hs256];
        let algorithm = algorithms[which];
        let header = json!({"alg": algorithm.name(), "typ": "JWT"});
        let token = kit::sign_as(algorithm, &header, &kit::claims());
        let jwt = named()
            .public_key_pem(kit::ES256_PUB)
            .public_key_pem(kit::ED25519_PUB)
            .public_key_pem(kit::RSA_PUB)
            .dangerous()
            .shared_secret(Algorithm::Hs256, kit::SECRET)
            .build()
            .unwrap();
        if remember {
            prop_assert!(present(&jwt, &token).is_ok());
        }
        let mut mutated = token.clone().into_bytes();
        mutations.iter().for_each(|mutation| apply(&mut mutated, mutation));
        prop_assume!(mutated != token.as_bytes());
        let now = std::time::Duration::from_secs(kit::NOW);
        prop_assert!(jwt.inner.verifier.verify(&mutated, now).is_err());
    }

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
