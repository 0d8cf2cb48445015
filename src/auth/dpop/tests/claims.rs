//! What a proof has to say.

use super::*;

#[test]
fn the_header_says_what_it_has_to() {
    let key = Signer::es256();
    let with = |name: &str, value: Value| {
        let mut header = key.header();
        if value.is_null() {
            header.as_object_mut().unwrap().remove(name);
        } else {
            header[name] = value;
        }
        key.sign(&header.to_string(), &claims().to_string())
    };
    let jwk = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        with("jwk", jwk)
    };
    for (proof, why) in [
        (with("typ", Value::Null), "type"),
        (with("typ", "JWT".into()), "type"),
        (with("typ", "at+jwt".into()), "type"),
        (with("typ", "DPOP+JWT".into()), "type"),
        (with("alg", Value::Null), "algorithm"),
        (with("alg", "none".into()), "algorithm"),
        (with("alg", "HS256".into()), "algorithm"),
        (with("alg", "es256".into()), "algorithm"),
        (with("alg", "EdDSA".into()), "key"),
        (with("alg", "ES384".into()), "key"),
        (with("crit", json!(["exp"])), "crit"),
        (with("jwk", Value::Null), "key is not in its header"),
        (with("jwk", "x".into()), "key is not in its header"),
        (with("jwk", json!([key.jwk()])), "key is not in its header"),
        (with("jwk", json!({"kty": "oct", "k": "AAAA"})), "shared secret"),
        (jwk("d", encode([1; 32]).into()), "private"),
        (jwk("use", "enc".into()), "`use`"),
        (jwk("alg", "ES384".into()), "`alg`"),
        (jwk("x", encode([1; 31]).into()), "length"),
        (jwk("x", encode([0xff; 32]).into()), "curve"),
        (jwk("crv", "secp256k1".into()), "curve"),
    ] {
        assert_refused(present(&required(), &key, &proof), why);
    }
    let twice = key.header().to_string().replacen('{', r#"{"alg":"ES256","#, 1);
    assert_refused(present(&required(), &key, &key.sign(&twice, &claims().to_string())), "unique");
}

#[test]
fn only_the_algorithms_that_are_named_are_taken() {
    let check = Dpop::required().algorithms([Algorithm::EdDsa]).build().unwrap();
    let (curve, edwards) = (Signer::es256(), Signer::ed25519());
    assert_refused(present(&check, &curve, &curve.proof(&claims())), "algorithm");
    present(&check, &edwards, &edwards.proof(&claims())).unwrap();
    assert_eq!(check.challenges(), [r#"DPoP algs="EdDSA""#]);
}

#[test]
fn every_claim_rule_holds() {
    let key = Signer::es256();
    for (name, value, why) in [
        ("jti", Value::Null, "`jti`"),
        ("jti", "".into(), "`jti`"),
        ("jti", 7.into(), "`jti`"),
        ("jti", "x".repeat(257).into(), "`jti`"),
        ("htm", Value::Null, "`htm`"),
        ("htm", "get".into(), "method"),
        ("htm", "POST".into(), "method"),
        ("htm", "HEAD".into(), "method"),
        ("htm", json!(["GET"]), "`htm`"),
        ("htu", Value::Null, "`htu`"),
        ("htu", "https://api.example/orders/1/".into(), "URI"),
        ("htu", "https://api.example/orders".into(), "URI"),
        ("htu", "https://evil.example/orders/1".into(), "URI"),
        ("htu", "http://api.example/orders/1".into(), "URI"),
        ("htu", "https://api.example:8443/orders/1".into(), "URI"),
        ("htu", "/orders/1".into(), "URI"),
        ("htu", json!([URI]), "`htu`"),
        ("iat", Value::Null, "`iat`"),
        ("iat", NOW.to_string().into(), "`iat`"),
        ("iat", (NOW * 1000).into(), "`iat`"),
        ("iat", (-1).into(), "`iat`"),
        ("iat", (NOW - 301).into(), "301 s ago"),
        ("iat", (NOW + 31).into(), "in 31 s"),
        ("nbf", (NOW + 31).into(), "in 31 s"),
        ("exp", NOW.into(), "ago"),
        ("exp", "soon".into(), "`exp`"),
        ("ath", Value::Null, "another token"),
        ("ath", "".into(), "`ath`"),
        ("ath", encode([0; 32]).into(), "another token"),
        ("ath", TOKEN.into(), "another token"),
    ] {
        let proof = key.proof(&claims_with(name, value.clone()));
        let judged = present(&required(), &key, &proof);
        assert!(judged.is_err(), "{name}: {value}");
        assert_refused(judged, why);
    }
    for (name, value) in [
        ("jti", Value::from("x".repeat(256))),
        ("htu", "HTTPS://API.EXAMPLE:443/orders/%31?page=2#top".into()),
        ("iat", (NOW - 300).into()),
        ("iat", (NOW + 30).into()),
        ("iat", json!(NOW as f64 - 0.5)),
        ("exp", (NOW + 1).into()),
        ("nonce", "whatever".into()),
        ("extra", json!({"a": [1]})),
    ] {
        present(&required(), &key, &key.proof(&claims_with(name, value))).unwrap();
    }
    let twice = claims().to_string().replacen('{', r#"{"htm":"GET","#, 1);
    assert_refused(
        present(&required(), &key, &key.sign(&key.header().to_string(), &twice)),
        "unique",
    );
}

#[test]
fn a_public_origin_stands_in_for_the_host_of_the_request() {
    let key = Signer::es256();
    let check = Dpop::required().origin("https://shop.example/base").build().unwrap();
    let of = |uri: &str| present(&check, &key, &key.proof(&claims_with("htu", uri)));
    of("https://shop.example/base/orders/1").unwrap();
    assert_refused(of(URI), "URI");
    assert_refused(of("https://shop.example/orders/1"), "URI");
    let refusal = of(URI).unwrap_err();
    assert!(refusal.private_expected().unwrap().contains("https://shop.example/base"));
    assert!(!refusal.public_detail().contains("shop"));
}

#[test]
fn without_a_host_no_uri_is_the_requests() {
    let key = Signer::es256();
    let clock = ManualClock::at_unix(Duration::from_secs(NOW));
    for hosts in [&[][..], &["api.example", "api.example"], &["api.example, b"], &["a@api.example"]]
    {
        let mut request = Request::get("/orders/1").header("dpop", key.proof(&claims()));
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut exchange = Exchange::test(request.body(()).unwrap(), clock.clone());
        let bound = token(TokenKind::Dpop, Some(key.thumbprint()));
        assert_refused(judge(&required(), &mut exchange, &bound), "URI");
    }
}
