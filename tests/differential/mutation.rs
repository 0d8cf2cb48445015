//! Valid credentials, damaged at random: none is taken.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm as Signing, EncodingKey, crypto::aws_lc::DEFAULT_PROVIDER};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use tower_parapet::auth::jwt::{Algorithm, Jwt};

use crate::service::{AUDIENCE, ISSUER, NOW, Service};

/// One thing done to bytes.
#[derive(Debug, Clone)]
pub enum Mutation {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Swap(Index, Index),
    Cut(Index),
    Repeat(Index, Index),
    /// A character for another one that the same alphabet has.
    Replace(Index, u8),
    /// A piece of another valid one.
    Splice(Index, Index),
}

/// Ten thousand of them, whatever the environment asks for; those that change nothing do not count.
pub fn config() -> ProptestConfig {
    let cases = ProptestConfig::with_cases(10_000);
    ProptestConfig { failure_persistence: None, max_global_rejects: 100_000, ..cases }
}

const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/";

pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let at = any::<Index>;
    let letter = || prop::sample::select(ALPHABET);
    let one = prop_oneof![
        (at(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip(at, 1 << bit)),
        (at(), letter()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        at().prop_map(Mutation::Delete),
        (at(), at()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        at().prop_map(Mutation::Cut),
        (at(), at()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
        (at(), letter()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (at(), at()).prop_map(|(a, b)| Mutation::Splice(a, b)),
    ];
    prop::collection::vec(one, 1..4)
}

/// What is left of `valid`, pieces of `other` in it.
pub fn damage(valid: &[u8], other: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match mutation {
            Mutation::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Mutation::Insert(at, byte) => bytes.insert(at.index(length + 1), *byte),
            Mutation::Delete(at) => drop(bytes.remove(at.index(length))),
            Mutation::Swap(a, b) => bytes.swap(a.index(length), b.index(length)),
            Mutation::Cut(at) => bytes.truncate(at.index(length)),
            Mutation::Repeat(a, b) => {
                let (from, to) = (a.index(length), b.index(length));
                let (from, to) = (from.min(to), from.max(to));
                let piece = bytes[from..to].to_vec();
                bytes.splice(from..from, piece);
            }
            Mutation::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Mutation::Splice(a, b) => {
                let (from, to) = (a.index(length), b.index(length));
                let (from, to) = (from.min(to), from.max(to));
                let piece = &other[from.min(other.len())..to.min(other.len())];
                bytes.splice(from..to, piece.iter().copied());
            }
        }
    }
    bytes
}

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

macro_rules! pem {
    ($file:literal) => {
        include_str!(concat!("../support/keys/", $file))
    };
}

/// Two tokens under each algorithm that differ in their subject only.
static TOKENS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let rsa = || EncodingKey::from_rsa_pem(pem!("rs256.pem").as_bytes()).unwrap();
    let p256 = EncodingKey::from_ec_pem(pem!("es256.pem").as_bytes()).unwrap();
    let p384 = EncodingKey::from_ec_pem(pem!("es384.pem").as_bytes()).unwrap();
    let ed25519 = EncodingKey::from_ed_pem(pem!("ed25519.pem").as_bytes()).unwrap();
    let keys = [
        (Signing::ES256, "ES256", p256),
        (Signing::ES384, "ES384", p384),
        (Signing::EdDSA, "EdDSA", ed25519),
        (Signing::RS256, "RS256", rsa()),
        (Signing::PS256, "PS256", rsa()),
        (Signing::HS256, "HS256", EncodingKey::from_secret(SECRET)),
    ];
    let pair = |(signing, alg, key): &(_, &str, _)| {
        ["alice", "bob"].map(|subject| sign(*signing, alg, key, subject))
    };
    keys.iter().map(pair).collect()
});

fn sign(signing: Signing, alg: &str, key: &EncodingKey, subject: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = json!({"alg": alg, "typ": "JWT"});
    let claims = json!({
        "iss": ISSUER, "sub": subject, "aud": AUDIENCE, "exp": NOW + 600, "iat": NOW, "scope": "a",
    });
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    let signer = (DEFAULT_PROVIDER.signer_factory)(&signing, key).unwrap();
    let signature = signer.try_sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    let keys = [
        pem!("es256.pub.pem"),
        pem!("es384.pub.pem"),
        pem!("ed25519.pub.pem"),
        pem!("rs256.pub.pem"),
    ];
    let builder = Jwt::builder().issuer(ISSUER).audience(AUDIENCE);
    let builder = keys.into_iter().fold(builder, |builder, key| builder.public_key_pem(key));
    Service::of(vec![builder.dangerous().shared_secret(Algorithm::Hs256, SECRET)])
});

#[test]
fn tokens_are_good_before_they_are_damaged() {
    for token in TOKENS.iter().flatten() {
        assert!(SERVICE.ask(token.as_bytes()).is_ok(), "{token}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_damaged_token_is_taken(
        (algorithm, whose) in (0usize..6, 0usize..2),
        foreign in 0usize..6,
        mutations in mutations(),
    ) {
        let valid = TOKENS[algorithm][whose].as_bytes();
        let other = TOKENS[foreign][1 - whose].as_bytes();
        let damaged = damage(valid, other, &mutations);
        let is_whole = TOKENS.iter().flatten().any(|token| token.as_bytes() == damaged);
        prop_assume!(!is_whole);
        // A header has no blanks at its ends.
        prop_assume!(damaged.trim_ascii() != valid);
        prop_assert!(SERVICE.ask(&damaged).is_err(), "{}", String::from_utf8_lossy(&damaged));
    }
}
