//! What every side gets alike: the route, the request, the token and the list of networks.

use std::{
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{Router, body::Body, extract::ConnectInfo, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use http::{HeaderMap, HeaderValue, Request, header};
use serde_json::json;
use tower_parapet::context::Tls;

pub(crate) const ISSUER: &str = "https://id.example.com/realms/shop";
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// The bare route that everything stands around.
pub(crate) fn route() -> Router {
    Router::new().route("/orders", get(async || "[]"))
}

/// A GET of an API's client behind no proxy, with the address of its peer. Values are shared, as
/// they are with the buffer that a server has read a head into.
#[derive(Clone)]
pub(crate) struct Template(HeaderMap);

impl Template {
    pub(crate) fn new(authorization: &str) -> Self {
        let headers = [
            (header::HOST, "api.example.com"),
            (header::USER_AGENT, "shop-client/4.2 (linux; x86_64)"),
            (header::ACCEPT, "application/json"),
            (header::ACCEPT_ENCODING, "gzip, br"),
            (header::ACCEPT_LANGUAGE, "en-GB,en;q=0.9"),
            (header::AUTHORIZATION, authorization),
            (header::REFERER, "https://shop.example.com/account/orders"),
            (header::CONNECTION, "keep-alive"),
        ];
        let template = Self(headers.into_iter().map(|(name, text)| (name, shared(text))).collect());
        // The first copy of a value makes it a shared one.
        drop(template.0.clone());
        template
    }

    /// With an API key in place of a token.
    pub(crate) fn with_key(key: &str) -> Self {
        let mut template = Self::new("");
        template.0.remove(header::AUTHORIZATION);
        template.0.insert("x-api-key", shared(key));
        drop(template.0.clone());
        template
    }

    pub(crate) fn bearer(token: &str) -> Self {
        Self::new(&format!("Bearer {token}"))
    }

    pub(crate) fn request(&self) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static("/orders");
        *request.headers_mut() = self.0.clone();
        let peer = SocketAddr::from(([192, 0, 2, 77], 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Tls::new());
        request
    }
}

fn shared(value: &str) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(value.as_bytes().to_vec())).unwrap()
}

/// A hundred networks of both families that do not hold the peer, none beside another.
pub(crate) fn networks() -> Vec<String> {
    let v4 = (0..80).map(|n| format!("10.{n}.{}.0/{}", n % 16 * 16, 20 + n % 5));
    let v6 = (0..20).map(|n| format!("2001:db8:{n:x}:8000::/49"));
    v4.chain(v6).collect()
}

/// Stands in for an identity provider that signs ES256.
pub(crate) struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { key, random: SystemRandom::new() }
    }

    fn point(&self) -> (String, String) {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        (BASE64.encode(x), BASE64.encode(y))
    }

    pub(crate) fn key_set(&self) -> String {
        let (x, y) = self.point();
        let key = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "kid": "2rmiAfzWzPBrtlROEpOqWNrB9E4", "x": x, "y": y,
        });
        json!({ "keys": [key] }).to_string()
    }

    pub(crate) fn decoding_key(&self) -> jsonwebtoken::DecodingKey {
        let (x, y) = self.point();
        jsonwebtoken::DecodingKey::from_ec_components(&x, &y).unwrap()
    }

    /// An access token as RFC 9068 has it, about 600 bytes; each number is another token.
    pub(crate) fn token(&self, number: usize) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header =
            json!({ "alg": "ES256", "typ": "at+jwt", "kid": "2rmiAfzWzPBrtlROEpOqWNrB9E4" });
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "5ba552d67-8f5c-4bd4-a2f3-1c3a5f2f6d11",
            "client_id": "shop-web",
            "scope": "openid profile orders:read orders:write",
            "roles": ["customer", "reviewer"],
            "jti": format!("dbe39bf3a3ba4238a513f51d6e1691c4-{number}"),
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        });
        let signed =
            format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64.encode(signature))
    }
}
