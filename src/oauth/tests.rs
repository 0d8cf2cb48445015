use std::time::Duration;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::*;
use crate::auth::jwt::Algorithm;
use crate::error::Mistakes;

macro_rules! key {
    ($file:literal) => {
        include_str!(concat!("../../tests/support/keys/", $file))
    };
}

const UNIX: Duration = Duration::from_secs(1_800_000_000);

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

fn json(part: &str) -> Value {
    serde_json::from_slice(&decode(part)).unwrap()
}

/// Verifies by the JWK alone, as the other side would.
fn verifies(jwk: &Value, algorithm: &str, signed: &str, signature: &[u8]) -> bool {
    let member = |name: &str| decode(jwk[name].as_str().unwrap());
    let by = |algorithm: &'static dyn VerificationAlgorithm, key: Vec<u8>| {
        UnparsedPublicKey::new(algorithm, key).verify(signed.as_bytes(), signature).is_ok()
    };
    let point = || [vec![4], member("x"), member("y")].concat();
    let rsa = |parameters| {
        RsaPublicKeyComponents { n: member("n"), e: member("e") }
            .verify(parameters, signed.as_bytes(), signature)
            .is_ok()
    };
    match algorithm {
        "ES256" => by(&ECDSA_P256_SHA256_FIXED, point()),
        "ES384" => by(&ECDSA_P384_SHA384_FIXED, point()),
        "EdDSA" => by(&ED25519, member("x")),
        "RS256" => rsa(&RSA_PKCS1_2048_8192_SHA256),
        "PS256" => rsa(&RSA_PSS_2048_8192_SHA256),
        other => panic!("{other}"),
    }
}

#[test]
fn every_key_signs_what_its_public_half_verifies() {
    for (pem, wanted, algorithm) in [
        (key!("es256.pem"), None, "ES256"),
        (key!("es384.pem"), None, "ES384"),
        (key!("ed25519.pem"), None, "EdDSA"),
        (key!("rs256.pem"), None, "PS256"),
        (key!("rs256.pem"), Some(Algorithm::Rs256), "RS256"),
        (key!("es256.pem"), Some(Algorithm::Es256), "ES256"),
    ] {
        let signer = Signer::from_pem(pem, Some("2026".to_owned()), wanted).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        let claims = Map::from_iter([("a".to_owned(), Value::from(1))]);
        let token = signer.sign(Map::new(), &claims).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        assert_eq!(
            (&json(header)["alg"], &json(header)["kid"]),
            (&algorithm.into(), &"2026".into())
        );
        assert_eq!(json(payload)["a"], 1);
        let jwk = signer.public_jwk();
        assert!(verifies(&jwk, algorithm, signed, &decode(signature)), "{algorithm}");
        assert!(
            !verifies(&jwk, algorithm, signed.get(1..).unwrap(), &decode(signature)),
            "{algorithm}"
        );
        let members: Vec<_> = jwk.as_object().unwrap().keys().cloned().collect();
        assert!(members.iter().all(|name| name != "d" && name != "p"), "{members:?}");
    }
}

#[test]
fn what_is_no_private_key_of_a_kind_we_know_is_refused_in_words() {
    for (pem, wanted, why) in [
        ("", None, "PEM form"),
        ("-----BEGIN PRIVATE KEY-----", None, "cut off"),
        (key!("es256.pub.pem"), None, "public key"),
        ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", None, "certificate"),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----",
            None,
            "encrypted",
        ),
        ("-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----", None, "base64"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", None, "P-256"),
        (key!("es256.pem"), Some(Algorithm::Rs256), "that algorithm"),
        (key!("rs256.pem"), Some(Algorithm::Es256), "that algorithm"),
        (key!("rs256.pem"), Some(Algorithm::Hs256), "that algorithm"),
    ] {
        let error = Signer::from_pem(pem, None, wanted).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let key = PrivateKey::pem(key!("es256.pem")).id("2026");
    assert!(!format!("{key:?}").contains("BEGIN"));
    let signer = Signer::generate().unwrap();
    assert_eq!(format!("{signer:?}"), "Signer { algorithm: \"ES256\", id: None, .. }");
}

fn client(given: Given) -> ClientAuth {
    let settings =
        ClientSettings { ids: vec!["or:ders".to_owned()], given: vec![given], audience: None };
    settings.build(&mut Mistakes::default()).unwrap()
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[test]
fn a_secret_in_the_header_is_coded_as_in_a_form_first() {
    let made = client(Given::Secret(secret("p:ä %+"))).credentials("x", UNIX).unwrap();
    let value = &made.headers[AUTHORIZATION];
    assert!(value.is_sensitive() && made.fields.is_empty());
    let coded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
    let pair = String::from_utf8(STANDARD.decode(coded).unwrap()).unwrap();
    assert_eq!(pair, "or%3Aders:p%3A%C3%A4+%25%2B");
}

#[test]
fn an_assertion_is_for_one_server_and_one_minute() {
    let client = client(Given::Key(PrivateKey::pem(key!("es256.pem"))));
    let read = || {
        let made = client.credentials("https://id.example", UNIX).unwrap();
        let field = |name| {
            made.fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string()).unwrap()
        };
        assert_eq!(field("client_id"), "or:ders");
        assert_eq!(
            field("client_assertion_type"),
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        json(field("client_assertion").split('.').nth(1).unwrap())
    };
    let claims = read();
    assert_eq!((&claims["iss"], &claims["sub"]), (&"or:ders".into(), &"or:ders".into()));
    assert_eq!(claims["aud"], "https://id.example");
    assert_eq!(claims["iat"], UNIX.as_secs());
    assert_eq!(claims["exp"], UNIX.as_secs() + 60);
    assert_ne!(claims["jti"], read()["jti"]);
}

#[test]
fn a_client_has_one_name_and_one_way_to_prove_it() {
    let build = |ids: &[&str], given| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let mut mistakes = Mistakes::default();
        let built = ClientSettings { ids, given, audience: None }.build(&mut mistakes);
        assert!(built.is_none());
        mistakes.finish().unwrap_err().to_string()
    };
    assert!(build(&[], vec![Given::MutualTls]).contains("`client_id`: is missing"));
    assert!(build(&["a", "b"], vec![Given::MutualTls]).contains("second client"));
    assert!(build(&["a"], vec![]).contains("exactly one"));
    assert!(build(&["a"], vec![Given::MutualTls, Given::Secret(secret("x"))]).contains("exactly"));
    assert!(build(&["a"], vec![Given::Secret(secret(""))]).contains("is empty"));
    let refused = build(&["a"], vec![Given::Key(PrivateKey::pem("geheim"))]);
    assert!(refused.contains("PEM form") && !refused.contains("geheim"), "{refused}");
}

#[test]
fn tokens_are_known_by_their_characters() {
    for good in ["a", "A-._~+/9==", "a=", &"x".repeat(8192)] {
        assert!(is_token(good.as_bytes()), "{good}");
    }
    for bad in ["", "=", "==", "a=b", "a b", "a\"", "a\\", "a,b", "é", &"x".repeat(8193)] {
        assert!(!is_token(bad.as_bytes()), "{bad}");
    }
}
