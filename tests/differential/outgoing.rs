//! What this crate signs for other servers, verified by `jose`.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest;
use axum::{Json, Router, extract::State, routing::post};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use tower_parapet::{
    auth::jwt::Algorithm,
    oauth::PrivateKey,
    outgoing::{ClientCredentials, ClientCredentialsBuilder},
};

use crate::jose::{Jose, with_jose};

/// What keys can sign for us, and whether the algorithm has to be named.
const SIGNING: [(&str, Option<Algorithm>); 5] = [
    ("ES256", None),
    ("ES384", None),
    ("Ed25519", None),
    ("PS256", None),
    ("RS256", Some(Algorithm::Rs256)),
];

const TOKEN: &str = "an-access-token";

/// A token endpoint that keeps what it was sent.
#[derive(Clone, Default)]
struct Endpoint(Arc<Mutex<Vec<(HeaderMap, String)>>>);

impl Endpoint {
    async fn start() -> (Self, SocketAddr) {
        let endpoint = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/token", post(Self::answer)).with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (endpoint, address)
    }

    async fn answer(State(this): State<Self>, headers: HeaderMap, form: String) -> Json<Value> {
        let kind = if headers.contains_key("dpop") { "DPoP" } else { "Bearer" };
        this.0.lock().unwrap().push((headers, form));
        Json(json!({"access_token": TOKEN, "token_type": kind, "expires_in": 60}))
    }

    /// The one request there was.
    fn received(&self) -> (HeaderMap, Vec<(String, String)>) {
        let (headers, form) = self.0.lock().unwrap().pop().unwrap();
        let fields = form.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/").replace('+', " "))
        });
        (headers, fields.collect())
    }
}

fn key(jose: &mut Jose, alg: &str, algorithm: Option<Algorithm>) -> PrivateKey {
    let key = PrivateKey::pem(jose.private_pem(alg)).id("2026");
    algorithm.into_iter().fold(key, PrivateKey::algorithm)
}

fn client(address: SocketAddr) -> ClientCredentialsBuilder {
    ClientCredentials::builder()
        .token_url(format!("http://{address}/token"))
        .client_id("shop")
        .for_origin("https://stock.example")
}

#[test]
fn assertions_of_ours_verify_in_jose() {
    let runtime = Runtime::new().unwrap();
    let (endpoint, address) = runtime.block_on(Endpoint::start());
    with_jose(|jose| {
        for (alg, algorithm) in SIGNING {
            let tokens = client(address).private_key_jwt(key(jose, alg, algorithm));
            runtime.block_on(tokens.build().unwrap().warm()).unwrap();
            let (_, form) = endpoint.received();
            let field = |name| form.iter().find(|(known, _)| known == name).map(|(_, v)| &**v);
            assert_eq!(
                field("client_assertion_type"),
                Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            );
            let options = json!({
                "issuer": "shop", "subject": "shop", "audience": format!("http://{address}/token"),
                "maxTokenAge": "1 minute", "requiredClaims": ["jti", "exp", "iat"],
            });
            let jwk = jose.key(alg).clone();
            let said = jose.verify(field("client_assertion").unwrap(), &jwk, &options);
            let said = said.unwrap_or_else(|error| panic!("{alg}: {error}"));
            assert_eq!(said["header"]["kid"], "2026", "{alg}");
        }
    });
}

#[test]
fn proofs_of_ours_verify_in_jose() {
    let runtime = Runtime::new().unwrap();
    let (endpoint, address) = runtime.block_on(Endpoint::start());
    with_jose(|jose| {
        for (alg, algorithm) in SIGNING {
            let tokens =
                client(address).client_secret("secret").dpop_key(key(jose, alg, algorithm));
            let tokens = tokens.build().unwrap();
            let target = Uri::from_static("https://stock.example/items?of=shop");
            let headers = runtime.block_on(tokens.headers(&Method::PUT, &target)).unwrap();
            assert_eq!(headers["authorization"], format!("DPoP {TOKEN}"));

            let (asked, _) = endpoint.received();
            let thumbprint = jose.thumbprint(alg);
            let mut check = |headers: &HeaderMap, expected: Value| {
                let said = jose.verify_proof(headers["dpop"].to_str().unwrap());
                let said = said.unwrap_or_else(|error| panic!("{alg}: {error}"));
                assert_eq!(said["jkt"], *thumbprint, "{alg}");
                let claims = &said["claims"];
                for (claim, value) in expected.as_object().unwrap() {
                    assert_eq!(&claims[claim], value, "{alg}: {claim}");
                }
                assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16), "{claims}");
                claims["jti"].clone()
            };
            let url = format!("http://{address}/token");
            let first = check(&asked, json!({"htm": "POST", "htu": url, "ath": null}));
            let hash = digest::digest(&digest::SHA256, TOKEN.as_bytes());
            let ath = URL_SAFE_NO_PAD.encode(hash);
            let here = "https://stock.example/items";
            let second = check(&headers, json!({"htm": "PUT", "htu": here, "ath": ath}));
            assert_ne!(first, second);
        }
    });
}
