//! Opaque tokens: the provider is asked, and not twice.

use std::time::Duration;

use crate::{
    clients::key,
    node,
    provider::{LEDGER, ORDERS, Provider},
    service::{Service, asking, clock, introspection},
};

const ASKED: &str = "POST /token/introspection";

#[tokio::test(flavor = "multi_thread")]
async fn an_opaque_token_is_asked_about_once_and_then_remembered() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let service = Service::start(|stack| stack.authenticate(introspection(&provider))).await;
    let token = provider.token("basic", LEDGER, "orders:read").await;
    for _ in 0..5 {
        let answer = service.ask(&token).await;
        let expected = format!("client:basic of {}: orders:read", provider.issuer());
        assert_eq!((answer.status, answer.text()), (200, expected));
    }
    assert_eq!(provider.count(ASKED), 1);

    for _ in 0..5 {
        let unknown = service.ask("nobody-gave-this-token-to-anyone").await;
        assert_eq!((unknown.status, &*unknown.code()), (401, "invalid-credentials"));
    }
    assert_eq!(provider.count(ASKED), 2);

    let jwt = provider.token("basic", ORDERS, "orders:read").await;
    assert_eq!(service.ask(&jwt).await.status, 401);
    assert_eq!(provider.count(ASKED), 2, "a JWT is nothing to ask about");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_may_ask_by_a_signed_assertion_and_nobody_believes_a_wrong_secret() {
    if !node::is_here() {
        return;
    }
    let provider = Provider::start();
    let token = provider.token("basic", LEDGER, "orders:read").await;
    let by_key = asking(&provider).client_id("orders-by-key").private_key_jwt(key());
    let service = Service::start(|stack| stack.authenticate(by_key)).await;
    assert_eq!(service.ask(&token).await.status, 200);

    let by_guess = asking(&provider).client_id("orders").client_secret("a guess");
    let service = Service::start(|stack| stack.authenticate(by_guess)).await;
    let unsure = service.ask(&token).await;
    assert_eq!((unsure.status, &*unsure.code()), (503, "unavailable"), "the fault is ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_provider_opaque_tokens_go_on_from_the_cache_alone() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    let clock = clock();
    let scheme = introspection(&provider);
    let service =
        Service::start(|stack| stack.authenticate(scheme).with_clock(clock.clone())).await;
    let known = provider.token("basic", LEDGER, "orders:read").await;
    let other = provider.token("basic", LEDGER, "orders:read").await;
    assert_eq!(service.ask(&known).await.status, 200);

    provider.stop();
    assert_eq!(service.ask(&known).await.status, 200);
    let unsure = service.ask(&other).await;
    assert_eq!((unsure.status, &*unsure.code()), (503, "unavailable"));
    assert!(unsure.header("retry-after").is_some());

    // It comes back and knows of no token that it gave.
    provider.start_again();
    assert_eq!(service.ask(&known).await.status, 200);
    let lost = service.ask(&other).await;
    assert_eq!((lost.status, &*lost.code()), (401, "invalid-credentials"));
    clock.advance(Duration::from_secs(31));
    assert_eq!(service.ask(&known).await.status, 401);
    let fresh = provider.token("basic", LEDGER, "orders:read").await;
    assert_eq!(service.ask(&fresh).await.status, 200);
}
