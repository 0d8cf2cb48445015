//! Tokens that are bound to a key, and the proofs beside them.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tower_parapet::oauth::PrivateKey;

use super::*;

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// Header and claims of a proof whose signature is that of the key inside.
fn proof(asked: &Asked) -> (Value, Value) {
    let text = asked.header("dpop").unwrap();
    let (signed, signature) = text.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    let (header, claims) = (read(header), read(claims));
    let member = |name: &str| decode(header["jwk"][name].as_str().unwrap());
    let point = [vec![4], member("x"), member("y")].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decode(signature)).unwrap();
    assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    (header, claims)
}

fn with_nonce(mut reply: Response<String>, nonce: &'static str) -> Response<String> {
    reply.headers_mut().insert("dpop-nonce", HeaderValue::from_static(nonce));
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_asked_for_and_used_with_proofs_of_one_key() {
    let (issuer, service) = (issuer().await, service().await);
    issuer.reply(|_| token(0, "DPoP"));
    let tokens = named(&issuer, &service).dpop().build().unwrap();
    let http = client(&tokens);
    for _ in 0..2 {
        assert_eq!(call(&http, to(&service)).await, 200);
    }
    let (header, claims) = proof(&issuer.last());
    assert_eq!((&claims["htm"], &claims["htu"]), (&json!("POST"), &json!(issuer.url("/token"))));
    assert!(claims.get("ath").is_none());
    let calls = service.asked();
    let [one, other] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!(sent(one), Some("DPoP token-0"));
    let (used, called) = proof(one);
    assert_eq!(used["jwk"], header["jwk"]);
    // Without the query.
    assert_eq!((&called["htm"], &called["htu"]), (&json!("GET"), &json!(service.url("/items"))));
    assert_eq!(called["ath"], URL_SAFE_NO_PAD.encode(digest(&SHA256, b"token-0")));
    assert_ne!(called["jti"], proof(other).1["jti"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonces_of_the_issuer_and_of_the_service_are_used_each_for_its_own() {
    let (issuer, service) = (issuer().await, service().await);
    issuer.reply(|asked| match proof(asked).1["nonce"].as_str() {
        Some("issuers") => with_nonce(token(0, "DPoP"), "issuers-next"),
        _ => with_nonce(json(400, r#"{"error":"use_dpop_nonce"}"#), "issuers"),
    });
    service.reply(|asked| match proof(asked).1["nonce"].as_str() {
        Some("services") => json(200, "{}"),
        _ => with_nonce(unauthorized(r#"DPoP error="use_dpop_nonce""#), "services"),
    });
    let tokens = named(&issuer, &service).dpop().build().unwrap();
    let http = client(&tokens);
    assert_eq!(call(&http, to(&service)).await, 200);
    assert_eq!((issuer.calls(), service.calls()), (2, 2));
    assert_eq!(call(&http, to(&service)).await, 200);
    assert_eq!((issuer.calls(), service.calls()), (2, 3));
    // One that is not content with its own nonce is not asked for ever.
    service.reply(|_| with_nonce(unauthorized(r#"DPoP error="use_dpop_nonce""#), "services"));
    assert_eq!(call(&http, to(&service)).await, 401);
    assert_eq!(service.calls(), 4);
    service.reply(|_| with_nonce(unauthorized(r#"DPoP error="use_dpop_nonce""#), "another"));
    assert_eq!(call(&http, to(&service)).await, 401);
    assert_eq!(service.calls(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_anybody_could_use_is_refused() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).dpop().build().unwrap();
    let error = refused(&client(&tokens), to(&service)).await;
    assert!(error.to_string().contains("not bound"), "{error}");
    assert_eq!(service.calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_key_is_used_and_no_nonce_is_learnt_without_proofs() {
    let (issuer, service) = (issuer().await, service().await);
    issuer.reply(|_| token(0, "DPoP"));
    let key = PrivateKey::pem(include_str!("../support/keys/es256.pem"));
    let tokens = named(&issuer, &service).dpop_key(key.clone()).build().unwrap();
    tokens.warm().await.unwrap();
    let again = named(&issuer, &service).dpop_key(key).build().unwrap();
    again.warm().await.unwrap();
    let keys: Vec<_> = issuer.asked().iter().map(|asked| proof(asked).0["jwk"].clone()).collect();
    assert_eq!(keys[0], keys[1]);
    let target = service.url("/a?b").parse().unwrap();
    let headers = tokens.headers(&http::Method::GET, &target).await.unwrap();
    assert!(headers["authorization"].is_sensitive() && headers.contains_key("dpop"));

    issuer.reply(|_| token(0, "Bearer"));
    service.reply(|_| with_nonce(unauthorized(r#"DPoP error="use_dpop_nonce""#), "services"));
    let bearer = named(&issuer, &service).build().unwrap();
    let before = service.calls();
    assert_eq!(call(&client(&bearer), to(&service)).await, 401);
    assert_eq!(service.calls(), before + 1);
}
