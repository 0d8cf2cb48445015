//! Tokens bound to a key, from the provider through a client to the service.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Layer, ServiceExt};
use tower_parapet::{auth::dpop::Dpop, outgoing::ClientCredentials};

use crate::{
    clients::client,
    node,
    provider::{ORDERS, Provider},
    service::{Service, discovered},
    support,
};

fn tokens(provider: &Provider, service: &Service, client_id: &str) -> ClientCredentials {
    let client = client(provider, ORDERS).client_id(client_id);
    let client = client.client_secret(format!("{client_id}-secret")).dpop();
    client.for_origin(format!("http://{}", service.address)).build().unwrap()
}

/// One call as a service makes it to another.
async fn call(tokens: &ClientCredentials, uri: &Uri) -> (StatusCode, String) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = Request::get(uri.clone()).body(Empty::new()).unwrap();
    let answer = tokens.layer(client).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn ask(service: &Service, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = support::get(service.address, "/orders", headers).await;
    (answer.status, if answer.status == 200 { String::new() } else { answer.code() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_is_good_with_its_proof_once_and_for_nobody_else() {
    if !node::is_here() {
        return;
    }
    let provider = Provider::start();
    let scheme = discovered(&provider).sender_constrained(Dpop::required());
    let service = Service::start(|stack| stack.authenticate(scheme)).await;
    let uri: Uri = format!("http://{}/orders", service.address).parse().unwrap();
    let tokens = tokens(&provider, &service, "dpop");
    let expected = format!("dpop of {}: orders:read", provider.issuer());
    for _ in 0..3 {
        assert_eq!(call(&tokens, &uri).await, (StatusCode::OK, expected.clone()));
    }

    let headers = tokens.headers(&Method::GET, &uri).await.unwrap();
    let text = |headers: &HeaderMap, name| headers[name].to_str().unwrap().to_owned();
    let (token, proof) = (text(&headers, "authorization"), text(&headers, "dpop"));
    let with = [("authorization", &*token), ("dpop", &*proof)];
    assert_eq!(ask(&service, &with).await.0, 200);
    assert_eq!(ask(&service, &with).await, (401, "invalid-proof".to_owned()), "twice");
    assert_eq!(ask(&service, &with[..1]).await, (401, "invalid-proof".to_owned()), "stolen");
    let bearer = token.replace("DPoP", "Bearer");
    assert_eq!(ask(&service, &[("authorization", &bearer)]).await.0, 401, "downgraded");
    let elsewhere: Uri = format!("http://{}/other", service.address).parse().unwrap();
    let headers = tokens.headers(&Method::GET, &elsewhere).await.unwrap();
    let with = [("authorization", &*token), ("dpop", &text(&headers, "dpop"))];
    assert_eq!(ask(&service, &with).await, (401, "invalid-proof".to_owned()), "for elsewhere");

    let plain = provider.token("basic", ORDERS, "orders:read").await;
    assert_eq!(service.ask(&plain).await.status, 401, "bound tokens only");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_the_provider_and_the_service_may_ask_for_nonces() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let scheme = discovered(&provider).sender_constrained(Dpop::required().require_nonce());
    let service = Service::start(|stack| stack.authenticate(scheme)).await;
    let uri: Uri = format!("http://{}/orders", service.address).parse().unwrap();
    let tokens = tokens(&provider, &service, "nonce");
    for _ in 0..3 {
        assert_eq!(call(&tokens, &uri).await.0, StatusCode::OK);
    }
    assert_eq!(provider.count("POST /token"), 2, "refused once for want of a nonce");
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_and_plain_tokens_are_taken_side_by_side_while_clients_change_over() {
    if !node::is_here() {
        return;
    }
    let provider = Provider::start();
    let scheme = discovered(&provider).sender_constrained(Dpop::optional());
    let service = Service::start(|stack| stack.authenticate(scheme)).await;
    let uri: Uri = format!("http://{}/orders", service.address).parse().unwrap();
    assert_eq!(call(&tokens(&provider, &service, "dpop"), &uri).await.0, StatusCode::OK);
    let plain = provider.token("basic", ORDERS, "orders:read").await;
    assert_eq!(service.ask(&plain).await.status, 200);
}
