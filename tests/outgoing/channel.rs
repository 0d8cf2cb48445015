//! Clients that are connected to one server, and clients that mind when they are called.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tower::Service;

use super::*;

/// Keeps the headers of what it is sent, and insists on being asked whether it is ready.
#[derive(Default)]
struct Strict {
    is_ready: bool,
    seen: Arc<Mutex<Vec<http::HeaderMap>>>,
}

/// A clone is another one, and has not been asked.
impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { is_ready: false, seen: self.seen.clone() }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "it was not asked whether it is ready");
        let is_first = self.seen.lock().unwrap().is_empty();
        self.seen.lock().unwrap().push(request.headers().clone());
        let refusal = unauthorized(r#"Bearer error="invalid_token""#);
        ready(Ok(if is_first { refusal } else { json(200, "{}") }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_host_bear_a_token_where_the_channel_is_named() {
    let issuer = issuer().await;
    let tokens = |named: ClientCredentialsBuilder| {
        let named = named.token_url(issuer.url("/token")).client_id("orders").client_secret("x");
        named.with_remote(direct()).build().unwrap()
    };
    let call = |tokens: ClientCredentials| async move {
        let strict = Strict::default();
        let client = tokens.layer(strict.clone());
        let request = Request::post("/stock.Stock/Get").body(()).unwrap();
        assert_eq!(client.oneshot(request).await.unwrap().status(), 200);
        let seen = strict.seen.lock().unwrap();
        seen.iter().map(|headers| headers.get(AUTHORIZATION).cloned()).collect::<Vec<_>>()
    };
    let builder = ClientCredentials::builder;
    let channel = tokens(builder().for_channel("https://stock.example"));
    let found = call(channel).await;
    assert_eq!(
        found,
        [Some("Bearer token-0".parse().unwrap()), Some("Bearer token-1".parse().unwrap())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_host_bear_none_where_origins_are_named() {
    let issuer = issuer().await;
    let tokens = ClientCredentials::builder()
        .token_url(issuer.url("/token"))
        .client_id("orders")
        .client_secret("x")
        .for_origin("https://stock.example")
        .with_remote(direct())
        .build()
        .unwrap();
    let strict = Strict::default();
    let request = Request::post("/stock.Stock/Get").body(()).unwrap();
    let answer = tokens.layer(strict.clone()).oneshot(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), issuer.calls()), (401, 0));
    assert!(!strict.seen.lock().unwrap()[0].contains_key(AUTHORIZATION));
}

/// It compiles: what tonic generates takes the layer over a channel.
#[tokio::test]
async fn a_channel_of_tonic_is_a_client_like_any_other() {
    let tokens = ClientCredentials::builder()
        .token_url("https://id.example/token")
        .client_id("orders")
        .client_secret("x")
        .for_channel("https://stock.example")
        .with_remote(direct())
        .build()
        .unwrap();
    let channel = tonic::transport::Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    let mut client = tonic::client::Grpc::new(tokens.layer(channel));
    // The box of an error is one that tonic takes.
    let _ = client.ready().await;
}
