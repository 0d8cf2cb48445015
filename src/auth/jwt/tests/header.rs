use serde_json::json;

use super::super::Algorithm;
use super::super::testkit as kit;
use super::{builder, named, present, refusal};
use crate::rejection::Reason;

fn with_header(header: &str) -> String {
    kit::sign_text(Algorithm::Es256, header, &kit::claims().to_string())
}

#[test]
fn a_type_is_absent_or_says_jwt_or_at_jwt() {
    let jwt = builder().build().unwrap();
    let header = |typ: &str| with_header(&json!({"alg": "ES256", "typ": typ}).to_string());
    assert!(present(&jwt, &with_header(r#"{"alg":"ES256"}"#)).is_ok());
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"] {
        assert!(present(&jwt, &header(typ)).is_ok(), "{typ}");
    }
    for typ in [
        "",
        "JWT ",
        "JOSE",
        "id+jwt",
        "logout+jwt",
        "secevent+jwt",
        "dpop+jwt",
        "kb+jwt",
        "application/",
        "application/application/jwt",
        "token-introspection+jwt",
    ] {
        let (reason, record) = refusal(&jwt, &header(typ));
        assert_eq!(reason, Reason::InvalidCredentials, "{typ}");
        assert!(record.starts_with("the token's type"), "{typ}: {record}");
    }
}

#[test]
fn token_types_replaces_the_default_and_requires_the_header() {
    let jwt = builder().token_types(["Application/AT+jwt"]).build().unwrap();
    assert!(present(&jwt, &with_header(r#"{"alg":"ES256","typ":"at+jwt"}"#)).is_ok());
    for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","typ":"JWT"}"#] {
        assert!(refusal(&jwt, &with_header(header)).1.starts_with("the token's type"));
    }
}

#[test]
fn no_critical_extension_is_understood() {
    let jwt = builder().build().unwrap();
    for crit in [r#"["exp"],"exp":1"#, r#"["b64"],"b64":true"#, "[]", "null", "\"x\""] {
        let token = with_header(&format!(r#"{{"alg":"ES256","crit":{crit}}}"#));
        let (_, record) = refusal(&jwt, &token);
        assert!(record.starts_with("the token is malformed"), "{crit}: {record}");
    }
}

#[test]
fn an_unsigned_token_is_refused_however_none_is_spelt() {
    let jwt = builder().build().unwrap();
    let claims = kit::encode(kit::claims().to_string());
    let good = kit::sign(&kit::claims());
    let signature = good.rsplit('.').next().unwrap();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "es256", "ES256 ", "ES512", "RS256"] {
        let header = kit::encode(json!({"alg": alg}).to_string());
        for signature in ["", "AA", signature] {
            let (reason, _) = refusal(&jwt, &format!("{header}.{claims}.{signature}"));
            assert_eq!(reason, Reason::InvalidCredentials, "{alg}");
        }
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_shared_secret() {
    for pem in [kit::ES256_PUB, kit::RSA_PUB] {
        let jwt = named().public_key_pem(pem).build().unwrap();
        let header = kit::encode(r#"{"alg":"HS256"}"#);
        let signed = format!("{header}.{}", kit::encode(kit::claims().to_string()));
        let key = jsonwebtoken::EncodingKey::from_secret(pem.as_bytes());
        let provider = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
        let signer = (provider.signer_factory)(&jsonwebtoken::Algorithm::HS256, &key).unwrap();
        let signature = signer.try_sign(signed.as_bytes()).unwrap();
        let (_, record) = refusal(&jwt, &format!("{signed}.{}", kit::encode(signature)));
        assert!(record.starts_with("the token's algorithm"), "{record}");
    }
}

#[test]
fn a_key_in_the_header_is_not_followed() {
    let jwt = builder().build().unwrap();
    // Signed with the attacker's own P-384 key, which the header brings along.
    let jwk = kit::jwk(Algorithm::Es384, json!({"alg": "ES384"}));
    let header = json!({"alg": "ES384", "jwk": jwk, "jku": "http://127.0.0.1:1/", "x5u": "x"});
    let token = kit::sign_as(Algorithm::Es384, &header, &kit::claims());
    assert_eq!(refusal(&jwt, &token).0, Reason::InvalidCredentials);
    // Signed with ours, they are read past.
    let header = json!({"alg": "ES256", "jwk": jwk, "jku": "http://127.0.0.1:1/", "x5u": "x"});
    assert!(present(&jwt, &kit::sign_as(Algorithm::Es256, &header, &kit::claims())).is_ok());
}

#[test]
fn names_that_occur_twice_are_refused_in_header_and_claims() {
    let jwt = builder().build().unwrap();
    for header in [
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"none","alg":"ES256"}"#,
        r#"{"alg":"ES256","x":1,"x":2}"#,
        r#"{"alg":"ES256","jwk":{"kty":"EC","kty":"EC"}}"#,
    ] {
        let (_, record) = refusal(&jwt, &with_header(header));
        assert!(record.starts_with("the token is malformed: its header"), "{header}: {record}");
    }
    let good = kit::claims().to_string();
    for extra in [r#""sub":"root""#, r#""\u0073ub":"root""#, r#""x":{"a":1,"a":2}"#] {
        let payload = format!("{{{extra},{}", good.strip_prefix('{').unwrap());
        let token = kit::sign_text(Algorithm::Es256, r#"{"alg":"ES256"}"#, &payload);
        let (_, record) = refusal(&jwt, &token);
        assert!(record.starts_with("the token is malformed: its claims"), "{extra}: {record}");
    }
}

#[test]
fn a_hostile_header_of_a_thousand_names_is_cheap_and_refused() {
    let jwt = builder().build().unwrap();
    let names: String = (0..600).map(|n| format!(r#","{n}":0"#)).collect();
    let token = with_header(&format!(r#"{{"alg":"ES256"{names},"5":1}}"#));
    assert!(token.len() < 8 * 1024);
    assert!(refusal(&jwt, &token).1.starts_with("the token is malformed: its header"));
}
