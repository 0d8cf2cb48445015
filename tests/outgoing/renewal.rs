//! Tokens that end, and an issuer that is down.

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_in_the_background_before_it_ends() {
    let (issuer, service) = (issuer().await, service().await);
    let clock = ManualClock::default();
    let tokens = named(&issuer, &service).with_clock(clock.clone()).build().unwrap();
    let http = client(&tokens);
    call(&http, to(&service)).await;
    clock.advance(s(224));
    call(&http, to(&service)).await;
    assert_eq!(issuer.calls(), 1);
    // Four fifths of 300 s: the call does not wait for the next one.
    issuer.hold();
    clock.advance(s(16));
    for _ in 0..20 {
        assert_eq!(call(&http, to(&service)).await, 200);
        assert_eq!(sent(&service.last()), Some("Bearer token-0"));
    }
    issuer.was_asked(2).await;
    issuer.release();
    while sent(&service.last()) != Some("Bearer token-1") {
        assert_eq!(call(&http, to(&service)).await, 200);
    }
    assert_eq!(issuer.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_issuer_is_down_the_last_token_is_used_until_it_ends() {
    let (issuer, service) = (issuer().await, service().await);
    let clock = ManualClock::default();
    let tokens = named(&issuer, &service).with_clock(clock.clone()).build().unwrap();
    let http = client(&tokens);
    call(&http, to(&service)).await;
    issuer.stop().await;
    clock.advance(s(289));
    assert_eq!(call(&http, to(&service)).await, 200);
    clock.advance(s(1));
    let error = refused(&http, to(&service)).await;
    assert!(error.is_unavailable() && !error.is_refused(), "{error}");
    issuer.restart().await;
    clock.advance(s(60));
    assert_eq!(call(&http, to(&service)).await, 200);
    assert_eq!(sent(&service.last()), Some("Bearer token-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_fails_again_and_again_is_left_alone_for_a_while() {
    let (issuer, service) = (issuer().await, service().await);
    let clock = ManualClock::default();
    let tokens = named(&issuer, &service).with_clock(clock.clone()).build().unwrap();
    let http = client(&tokens);
    issuer.reply(|_| json(503, "{}"));
    for _ in 0..10 {
        assert!(refused(&http, to(&service)).await.is_unavailable());
    }
    assert_eq!(issuer.calls(), 5);
    assert_eq!(refused(&http, to(&service)).await.retry_after(), Some(s(1)));
    issuer.reply(|_| token(7, "Bearer"));
    clock.advance(s(1));
    assert_eq!(call(&http, to(&service)).await, 200);
    assert_eq!((issuer.calls(), service.calls()), (6, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_by_its_code_and_not_asked_for_again_at_once() {
    let (issuer, service) = (issuer().await, service().await);
    let clock = ManualClock::default();
    let tokens = named(&issuer, &service).with_clock(clock.clone()).build().unwrap();
    let http = client(&tokens);
    issuer.reply(|asked| match asked.field("scope") {
        Some("stock:read") => json(400, r#"{"error":"invalid_scope","error_description":"no"}"#),
        _ => token(1, "Bearer"),
    });
    for _ in 0..10 {
        let error = refused(&http, to(&service)).await;
        assert_eq!((error.code(), error.is_refused()), (Some("invalid_scope"), true));
    }
    assert_eq!((issuer.calls(), service.calls()), (1, 0));
    // Another grant may fare better.
    let mut request = to(&service);
    request.extensions_mut().insert(Grant::new().scope("stock:write"));
    assert_eq!(call(&http, request).await, 200);
    clock.advance(s(5));
    refused(&http, to(&service)).await;
    assert_eq!(issuer.calls(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_another_shape_is_an_error_and_never_a_header() {
    let (issuer, service) = (issuer().await, service().await);
    for (number, body) in [
        (200, ""),
        (200, "[]"),
        (200, "<html>"),
        (200, r#"{"access_token":"a b","token_type":"Bearer"}"#),
        (200, r#"{"access_token":"a\r\nx: y","token_type":"Bearer"}"#),
        (200, r#"{"access_token":"a","token_type":"mac"}"#),
        (200, r#"{"access_token":"a"}"#),
        (201, r#"{"access_token":"a","token_type":"Bearer"}"#),
        (400, "oops"),
        (401, r#"{"error":"bad\"code"}"#),
        (500, r#"{"access_token":"a","token_type":"Bearer"}"#),
    ] {
        issuer.reply(move |_| json(number, body));
        let tokens = named(&issuer, &service).build().unwrap();
        let error = refused(&client(&tokens), to(&service)).await;
        assert!(!error.is_refused() && !error.to_string().contains("oops"), "{body}: {error}");
    }
    assert_eq!(service.calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_does_not_take_the_token_of_others_along() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    issuer.hold();
    let begun = tokio::spawn({
        let (http, request) = (client(&tokens), to(&service));
        async move { call(&http, request).await }
    });
    issuer.was_asked(1).await;
    let other = tokio::spawn({
        let (http, request) = (client(&tokens), to(&service));
        async move { call(&http, request).await }
    });
    tokio::task::yield_now().await;
    begun.abort();
    let _ = begun.await;
    issuer.release();
    assert_eq!(other.await.unwrap(), 200);
}
