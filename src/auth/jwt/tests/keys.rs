use serde_json::{Value, json};

use super::super::Algorithm;
use super::super::jwk;
use super::super::testkit as kit;
use super::{named, present, refusal};

const ASYMMETRIC: [Algorithm; 10] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
];

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn token(algorithm: Algorithm, kid: Option<&str>) -> String {
    let mut header = json!({"alg": algorithm.name()});
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    kit::sign_as(algorithm, &header, &kit::claims())
}

#[test]
fn every_asymmetric_algorithm_verifies_with_jwk_and_pem() {
    for algorithm in ASYMMETRIC {
        let by_pem = named().public_key_pem(kit::public_pem(algorithm)).build().unwrap();
        let by_jwk = named().jwks(set(&[kit::jwk(algorithm, json!({}))])).build().unwrap();
        for jwt in [by_pem, by_jwk] {
            let good = token(algorithm, None);
            assert!(present(&jwt, &good).is_ok(), "{algorithm:?}");
            let (head, signature) = good.rsplit_once('.').unwrap();
            let swapped: String = signature.chars().rev().collect();
            assert!(present(&jwt, &format!("{head}.{swapped}")).is_err(), "{algorithm:?}");
        }
    }
}

#[test]
fn the_curve_has_two_names_in_headers() {
    let jwt = named().public_key_pem(kit::ED25519_PUB).build().unwrap();
    let header = json!({"alg": "Ed25519"});
    assert!(present(&jwt, &kit::sign_as(Algorithm::EdDsa, &header, &kit::claims())).is_ok());
}

#[test]
fn secrets_must_be_asked_for_and_verify_one_algorithm() {
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let jwt = named().dangerous().shared_secret(algorithm, kit::SECRET).build().unwrap();
        for other in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
            assert_eq!(present(&jwt, &token(other, None)).is_ok(), other == algorithm);
        }
        assert!(!format!("{jwt:?}").contains("0123"));
    }
}

#[test]
fn an_algorithm_is_pinned_by_the_key_and_by_the_allow_list() {
    let rsa = kit::jwk(Algorithm::Rs256, json!({"alg": "RS512", "kid": "a"}));
    let jwt = named().jwks(set(&[rsa])).build().unwrap();
    assert!(present(&jwt, &token(Algorithm::Rs512, Some("a"))).is_ok());
    assert!(refusal(&jwt, &token(Algorithm::Rs256, Some("a"))).1.contains("algorithm"));

    let keys = [kit::jwk(Algorithm::Rs256, json!({})), kit::jwk(Algorithm::Es256, json!({}))];
    let jwt = named().jwks(set(&keys)).algorithms([Algorithm::Ps256]).build().unwrap();
    assert!(present(&jwt, &token(Algorithm::Ps256, None)).is_ok());
    for other in [Algorithm::Rs256, Algorithm::Es256] {
        let (_, record) = refusal(&jwt, &token(other, None));
        assert!(record.contains("| PS256 |"), "{record}");
    }
    assert_eq!(jwt.inner.skipped.len(), 1);
}

#[test]
fn kid_selects_and_an_unknown_one_is_refused() {
    let keys = [
        kit::jwk(Algorithm::Es256, json!({"kid": "a"})),
        kit::jwk(Algorithm::Es384, json!({"kid": "b"})),
    ];
    let jwt = named().jwks(set(&keys)).build().unwrap();
    assert!(present(&jwt, &token(Algorithm::Es256, Some("a"))).is_ok());
    assert!(present(&jwt, &token(Algorithm::Es384, Some("b"))).is_ok());
    assert!(present(&jwt, &token(Algorithm::Es384, None)).is_ok());
    assert!(refusal(&jwt, &token(Algorithm::Es256, Some("b"))).1.contains("the token's key"));
    for kid in ["c", "", "A", "../../etc/passwd", "' or 1=1"] {
        let (_, record) = refusal(&jwt, &token(Algorithm::Es256, Some(kid)));
        assert!(record.starts_with("no key is known"), "{record}");
    }
}

#[test]
fn a_key_without_a_name_serves_tokens_that_name_one_nobody_has() {
    let named_key = kit::jwk(Algorithm::Es384, json!({"kid": "a"}));
    let jwt = named().public_key_pem(kit::ES256_PUB).jwks(set(&[named_key])).build().unwrap();
    assert!(present(&jwt, &token(Algorithm::Es256, Some("whatever"))).is_ok());
    assert!(present(&jwt, &token(Algorithm::Es256, Some("a"))).is_err());
}

#[test]
fn a_few_keys_are_tried_without_kid_and_not_more() {
    let other = |n: usize| kit::another_jwk(&n.to_string());
    let ours = kit::jwk(Algorithm::Es256, json!({"kid": "ours"}));
    let with = |count: usize| {
        let mut keys: Vec<_> = (0..count).map(other).collect();
        keys.push(ours.clone());
        named().jwks(set(&keys)).build().unwrap()
    };
    assert!(present(&with(3), &token(Algorithm::Es256, None)).is_ok());
    assert!(refusal(&with(4), &token(Algorithm::Es256, None)).1.contains("5 keys"));
    assert!(present(&with(4), &token(Algorithm::Es256, Some("ours"))).is_ok());
}

#[test]
fn one_key_that_is_not_understood_does_not_void_the_set() {
    let es256 = |members: Value| kit::jwk(Algorithm::Es256, members);
    let strange = [
        json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "k1"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "AA"}),
        json!({"kty": "OKP", "crv": "Ed448", "x": "AA"}),
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({"kty": 1}),
        json!({}),
        json!("no object"),
        json!(null),
        es256(json!({"use": "enc"})),
        es256(json!({"use": 1})),
        es256(json!({"key_ops": ["sign"]})),
        es256(json!({"key_ops": "verify"})),
        es256(json!({"key_ops": []})),
        es256(json!({"key_ops": ["verify", 1]})),
        es256(json!({"key_ops": ["verify", "verify"]})),
        es256(json!({"key_ops": ["verify", "encrypt"], "use": "sig"})),
        es256(json!({"use": "SIG"})),
        es256(json!({"use": ""})),
        es256(json!({"alg": "RS256"})),
        es256(json!({"alg": "ECDH-ES"})),
        es256(json!({"alg": null})),
        es256(json!({"kid": 7})),
        es256(json!({"x": "AA"})),
        es256(json!({"x": "not base64url!"})),
        es256(json!({"x": kit::encode([1; 32])})),
        json!({"kty": "EC", "crv": "P-256"}),
        kit::jwk(Algorithm::Rs256, json!({"n": kit::encode([0xff; 128])})),
        kit::jwk(Algorithm::Rs256, json!({"n": kit::encode([0xff; 1025])})),
        kit::jwk(Algorithm::Rs256, json!({"n": ""})),
        kit::jwk(Algorithm::Rs256, json!({"e": "AQ"})),
        kit::jwk(Algorithm::Rs256, json!({"e": "Ag"})),
        kit::jwk(Algorithm::Rs256, json!({"e": ""})),
    ];
    for key in &strange {
        let parsed = jwk::parse(&set(&[key.clone(), es256(json!({"use": "sig"}))])).unwrap();
        assert_eq!((parsed.keys.len(), parsed.skipped.len()), (1, 1), "{key}");
        let error = named().jwks(set(std::slice::from_ref(key))).build().unwrap_err();
        assert_eq!(error.mistakes()[0].setter(), "jwks", "{key}");
    }
    let mut all = strange.to_vec();
    all.push(es256(json!({"key_ops": ["verify"], "kid": "good", "ext": true, "x5c": ["x"]})));
    let jwt = named().jwks(set(&all)).build().unwrap();
    assert_eq!(jwt.inner.skipped.len(), strange.len());
    assert!(present(&jwt, &token(Algorithm::Es256, Some("good"))).is_ok());

    use crate::auth::Scheme;
    let mut findings = crate::inspect::Findings::default();
    jwt.findings(&mut findings);
    let text: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(text.iter().any(|line| line.contains("key `k1` is on a curve")), "{text:?}");
}

fn is_usable(key: Value) -> bool {
    named().jwks(set(&[key])).build().is_ok()
}

#[test]
fn a_key_for_encryption_verifies_nothing() {
    let key = |members: Value| kit::jwk(Algorithm::Rs256, members);
    assert!(is_usable(key(json!({"use": "sig"}))) && is_usable(key(json!({}))));
    for members in [
        json!({"use": "enc"}),
        json!({"key_ops": ["encrypt", "wrapKey"]}),
        json!({"alg": "RSA-OAEP-256"}),
        json!({"use": "sig", "alg": "RSA1_5"}),
    ] {
        assert!(!is_usable(key(members.clone())), "{members}");
    }
}

#[test]
fn a_key_says_what_it_is_for_in_two_ways_that_must_agree() {
    let key = |members: Value| kit::jwk(Algorithm::Es256, members);
    for good in [
        json!({"key_ops": ["verify"]}),
        json!({"key_ops": ["verify", "sign"], "use": "sig"}),
        json!({"key_ops": ["verify", "deriveKey"]}),
    ] {
        assert!(is_usable(key(good.clone())), "{good}");
    }
    for bad in [
        json!({"key_ops": ["verify"], "use": "enc"}),
        json!({"key_ops": ["verify", "deriveKey"], "use": "sig"}),
        json!({"key_ops": ["verify", "sign", "verify"]}),
        json!({"key_ops": ["Verify"]}),
    ] {
        assert!(!is_usable(key(bad.clone())), "{bad}");
    }
}

#[test]
fn a_key_with_an_alg_verifies_that_one_alone() {
    let family = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];
    for alg in family {
        let key = kit::jwk(alg, json!({"alg": alg.name()}));
        let jwt = named().jwks(set(&[key])).build().unwrap();
        for other in family {
            let is_taken = present(&jwt, &token(other, None)).is_ok();
            assert_eq!(is_taken, other == alg, "{alg:?} took {other:?}");
        }
    }
}

#[test]
fn a_member_that_occurs_twice_voids_the_whole_set() {
    let key = kit::jwk(Algorithm::Es256, json!({})).to_string();
    let twice = format!("{{\"kty\":\"EC\",{}", key.strip_prefix('{').unwrap());
    for text in [format!("{{\"keys\":[{twice}]}}"), format!("{{\"keys\":[{key}],\"keys\":[]}}")] {
        let error = named().jwks(text).build().unwrap_err();
        assert!(error.mistakes()[0].problem().contains("occurs twice"), "{error}");
    }
}

#[test]
fn a_curve_and_an_algorithm_belong_together() {
    for (of, alg) in [
        (Algorithm::Es256, "ES384"),
        (Algorithm::Es384, "ES512"),
        (Algorithm::Es512, "ES256"),
        (Algorithm::Es512, "EdDSA"),
        (Algorithm::EdDsa, "ES256"),
        (Algorithm::Rs256, "ES256"),
        (Algorithm::Es256, "HS256"),
    ] {
        assert!(!is_usable(kit::jwk(of, json!({"alg": alg}))), "{of:?} {alg}");
        assert!(is_usable(kit::jwk(of, json!({"alg": of.name()}))), "{of:?}");
    }
    // A coordinate of another curve's length.
    let p521 = kit::jwk(Algorithm::Es512, json!({}));
    for crv in ["P-256", "P-384", "p-521", "P-512"] {
        let mut key = p521.clone();
        key["crv"] = crv.into();
        assert!(!is_usable(key), "{crv}");
    }
}

#[test]
fn two_keys_may_share_a_kid_and_both_are_tried() {
    let wrong = kit::another_jwk("a");
    let keys = [
        wrong,
        kit::jwk(Algorithm::Es256, json!({"kid": "a"})),
        kit::jwk(Algorithm::EdDsa, json!({"kid": "a"})),
    ];
    let jwt = named().jwks(set(&keys)).build().unwrap();
    assert!(present(&jwt, &token(Algorithm::Es256, Some("a"))).is_ok());
    assert!(present(&jwt, &token(Algorithm::EdDsa, Some("a"))).is_ok());
    assert_eq!(jwt.inner.skipped.len(), 2, "each repetition is a finding");
}
