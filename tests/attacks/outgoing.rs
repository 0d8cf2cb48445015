//! Whom a token of ours is sent to.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{Body, outgoing::ClientCredentials, remote::Remote};

use super::authority::{self, Authority};

#[tokio::test]
async fn a_token_goes_to_its_origin_and_to_nothing_that_looks_like_it() {
    let issuer = Authority::start(|_| {
        authority::json(
            200,
            json!({"access_token": "t0ken", "token_type": "Bearer", "expires_in": 60}),
        )
    })
    .await;
    let tokens = ClientCredentials::builder()
        .token_url(issuer.url("/token"))
        .client_id("orders")
        .client_secret("s3cret")
        .for_origin("https://stock.example")
        .with_remote(Remote::builder().no_proxy().build().unwrap())
        .build()
        .unwrap();
    let sent = Arc::new(Mutex::new(None));
    let seen = sent.clone();
    let client = tokens.layer(service_fn(move |request: Request<Body>| {
        *seen.lock().unwrap() = request.headers().get(AUTHORIZATION).cloned();
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    }));
    let token_for = async |uri: &str, host: Option<&str>| -> Option<HeaderValue> {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        client.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        sent.lock().unwrap().take()
    };
    for own in ["https://stock.example/", "https://STOCK.example:443/x?y", "https://stock.example"]
    {
        let value = token_for(own, None).await.unwrap();
        assert!(value.is_sensitive() && value == "Bearer t0ken", "{own}");
    }
    for other in [
        "http://stock.example/",
        "https://stock.example:444/",
        "https://stock.example:99999/",
        "https://stock.example.:443/",
        "https://stock.example.evil.example/",
        "https://evil.example/https://stock.example/",
        "https://stock.example@evil.example/",
        "https://stock.example:443@evil.example/",
        "https://[::1]/",
        "https://xn--stock.example/",
        "/",
    ] {
        assert_eq!(token_for(other, Some("stock.example")).await, None, "{other}");
    }
    assert_eq!(issuer.calls(), 1);
    let told = format!("{tokens:?} {client:?}");
    assert!(!told.contains("s3cret") && !told.contains("t0ken"), "{told}");
}
