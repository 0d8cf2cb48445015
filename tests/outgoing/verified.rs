//! What the layer sends, judged by a stack of this crate: an opaque token that is bound to a key.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{Router, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tower_parapet::{
    Introspection, Parapet, Peer, Principal,
    auth::{Authenticate, dpop::Dpop},
};

use super::*;

/// An issuer that gives bound tokens, and says so to who asks.
async fn issuer() -> Authority {
    let bound: Arc<Mutex<Vec<String>>> = Arc::default();
    Authority::start(move |asked| {
        let mut bound = bound.lock().unwrap();
        if asked.path == "/introspect" {
            let number = asked.field("token").and_then(|token| token.strip_prefix("token-"));
            let key = number.and_then(|number| bound.get(number.parse::<usize>().ok()?));
            return json(
                200,
                match key {
                    Some(key) => json!({
                        "active": true, "sub": "orders", "aud": "stock", "token_type": "DPoP",
                        "cnf": {"jkt": key},
                    }),
                    None => json!({"active": false}),
                },
            );
        }
        let proof = asked.header("dpop").unwrap();
        let header = URL_SAFE_NO_PAD.decode(proof.split('.').next().unwrap()).unwrap();
        let jwk = &serde_json::from_slice::<Value>(&header).unwrap()["jwk"];
        // RFC 7638: the required members in the order of their names.
        let text = format!(
            r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
            jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
        );
        bound.push(URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes())));
        token(bound.len() - 1, "DPoP")
    })
    .await
}

async fn stack(issuer: &Authority) -> SocketAddr {
    let tokens = Introspection::builder()
        .issuer("https://id.example")
        .endpoint(issuer.url("/introspect"))
        .client_id("stock")
        .client_secret("x")
        .audience("stock")
        .check(Dpop::required().require_nonce())
        .with_remote(direct());
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(Authenticate::with(tokens.build().unwrap()))
        .build()
        .unwrap();
    let whoami = async |caller: Principal| caller.subject().to_owned();
    let app = parapet.protect(Router::new().route("/items", get(whoami)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info()).await.unwrap();
    });
    address
}

fn tokens(issuer: &Authority, stock: SocketAddr) -> ClientCredentialsBuilder {
    ClientCredentials::builder()
        .token_url(issuer.url("/token"))
        .client_id("orders")
        .client_secret("s3cret")
        .for_origin(format!("http://{stock}"))
        .with_remote(direct())
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_of_the_layer_are_taken_by_the_check_with_its_nonces() {
    let issuer = issuer().await;
    let stock = stack(&issuer).await;
    let http = client(&tokens(&issuer, stock).dpop().build().unwrap());
    let ask = || {
        let target = format!("http://{stock}/items?page=2");
        Request::get(target).body(Full::default()).unwrap()
    };
    for _ in 0..20 {
        assert_eq!(call(&http, ask()).await, 200);
    }
    // One token, asked about once.
    assert_eq!(issuer.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_layer_is_of_no_use_to_whoever_has_no_key_or_another() {
    let issuer = issuer().await;
    let stock = stack(&issuer).await;
    let tokens_of_one = tokens(&issuer, stock).dpop().build().unwrap();
    let target: http::Uri = format!("http://{stock}/items").parse().unwrap();
    let stolen = tokens_of_one.headers(&http::Method::GET, &target).await.unwrap();
    let send = |headers: http::HeaderMap| async {
        let mut request = Request::get(target.clone()).body(Full::default()).unwrap();
        *request.headers_mut() = headers;
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        client.request(request).await.unwrap().status().as_u16()
    };
    // Without the proof, as a bearer token, and with a proof of somebody else's key.
    let mut bare = stolen.clone();
    bare.remove("dpop");
    assert_eq!(send(bare.clone()).await, 401);
    bare.insert(AUTHORIZATION, HeaderValue::from_static("Bearer token-0"));
    assert_eq!(send(bare).await, 401);
    let other = tokens(&issuer, stock).dpop().build().unwrap();
    let mut mixed = other.headers(&http::Method::GET, &target).await.unwrap();
    mixed.insert(AUTHORIZATION, stolen[AUTHORIZATION].clone());
    assert_eq!(send(mixed).await, 401);
}
