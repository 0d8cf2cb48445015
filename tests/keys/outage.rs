//! A provider that is down, slow or wrong.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_starts_without_its_provider_and_answers_503_until_it_has_keys() {
    let clock = clock();
    let own = key(&clock);
    let provider = Provider::start().await;
    provider.go_down();
    let setup = Setup::new(provider, clock.clone()).await;
    setup.fetched(1).await;
    assert_eq!(setup.state(), KeyState::Waiting);
    let answer = setup.ask(&own.token().sign()).await;
    assert_eq!((answer.status, &*answer.code()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let record = &setup.records.wait_for(1)[0];
    let cause = record.rejection.as_ref().unwrap().private_cause().unwrap().to_string();
    assert!(cause.contains("no keys yet") && cause.contains("127.0.0.1"), "{cause}");
    // A stranger's token is refused all the same, and so is none at all.
    let stranger = TestIssuer::new("https://other.example").with_clock(clock.clone());
    assert_eq!(setup.status(&stranger.token().sign()).await, 401);
    assert_eq!(support::get(setup.service, "/", &[]).await.status, 401);

    setup.provider.publish(&[&own]);
    setup.provider.come_up();
    clock.advance(seconds(1));
    assert_eq!(setup.status(&own.token().sign()).await, 200);
    assert_eq!(setup.state(), KeyState::Fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_between_failures_grow_to_the_cooldown_while_there_are_no_keys() {
    let clock = clock();
    let provider = Provider::start().await;
    provider.go_down();
    let setup = Setup::new(provider, clock.clone()).await;
    for (count, pause) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
        setup.fetched(count as u64 + 1).await;
        let next = setup.jwt.keys()[0].next_fetch().unwrap();
        assert_eq!(next - unix(&clock), seconds(pause));
        clock.advance(seconds(pause));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn known_keys_go_on_while_the_provider_is_down_and_for_a_day_at_most() {
    let clock = clock();
    let (own, new) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    let token = |key: &TestIssuer| key.token().expires_in(seconds(100_000)).sign();
    let seen = token(&own);
    assert_eq!(setup.status(&seen).await, 200);
    setup.provider.go_down();
    let mut fetches = 1;
    for _ in 0..23 {
        clock.advance(seconds(3600));
        fetches += 1;
        setup.fetched(fetches).await;
        assert_eq!(setup.status(&seen).await, 200);
        assert_eq!(setup.status(&token(&own)).await, 200);
    }
    assert_eq!(setup.state(), KeyState::Stale);
    // What cannot be looked up cannot be refused.
    let answer = setup.ask(&new.token().sign()).await;
    assert_eq!((answer.status, &*answer.code()), (503, "unavailable"));

    clock.advance(seconds(3600));
    for known in [&seen, &token(&own)] {
        let answer = setup.ask(known).await;
        assert_eq!((answer.status, &*answer.code()), (503, "unavailable"));
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(setup.state(), KeyState::Lost);
    let health = &setup.jwt.keys()[0];
    assert!(health.is_empty() && !health.is_usable() && health.error().is_some());

    setup.provider.come_up();
    clock.advance(seconds(30));
    assert_eq!(setup.status(&token(&own)).await, 200);
    assert_eq!(setup.status(&seen).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_set_keeps_the_last_good_one() {
    let clock = clock();
    let own = key(&clock);
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    let private = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"x","x":"AA","y":"AA","d":"AA"}]}"#;
    let secret = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#;
    let bad = ["<html>sign in</html>", r#"{"keys":[]}"#, "{}", private, secret, "\u{0}", ""];
    for (count, text) in bad.into_iter().enumerate() {
        setup.provider.publish_text(text);
        clock.advance(seconds(600));
        setup.fetched(count as u64 + 2).await;
        assert_eq!(setup.status(&own.token().sign()).await, 200, "{text}");
        let health = &setup.jwt.keys()[0];
        assert_eq!((health.state(), health.failures()), (KeyState::Stale, count as u64 + 1));
        assert!(!health.error().unwrap().contains("c2VjcmV0"));
    }
    setup.provider.publish(&[&own]);
    clock.advance(seconds(600));
    setup.fetched(bad.len() as u64 + 2).await;
    assert_eq!((setup.state(), setup.jwt.keys()[0].failures()), (KeyState::Fresh, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_understood_does_not_void_the_set_and_is_a_finding() {
    let clock = clock();
    let own = key(&clock);
    let mut set: serde_json::Value = serde_json::from_str(&own.jwks()).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    // `alg` is absent in many sets: type and curve tell it.
    keys[0].as_object_mut().unwrap().remove("alg");
    keys.insert(0, serde_json::json!({"kty": "AKP", "alg": "ML-DSA-44", "kid": "pq", "pub": "AA"}));
    keys.push(
        serde_json::json!({"kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "AA", "y": "AA"}),
    );
    keys.push(
        serde_json::json!({"kty": "RSA", "use": "enc", "kid": "e", "n": "AQAB", "e": "AQAB"}),
    );
    let provider = Provider::start().await;
    provider.publish_text(set.to_string());
    let setup = Setup::new(provider, clock).await;
    setup.fetched(1).await;
    assert_eq!(setup.status(&own.token().sign()).await, 200);
    let health = &setup.jwt.keys()[0];
    assert_eq!((health.len(), health.skipped().len()), (1, 3), "{health:?}");
    let parapet = Parapet::builder().authenticate(setup.jwt.clone()).build().unwrap();
    let findings = parapet.findings().to_string();
    assert!(findings.contains("`pq`") && findings.contains("`k1`"), "{findings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_holds_up_those_alone_who_need_it() {
    let clock = clock();
    let own = key(&clock);
    let provider = Provider::start().await;
    provider.publish(&[&own]);
    provider.hang();
    let remote = Remote::builder().timeout(Duration::from_millis(200)).build().unwrap();
    let jwt = builder(&provider, &clock).with_remote(remote).build().unwrap();
    let setup = Setup::of(provider, clock.clone(), jwt).await;
    let answer = setup.ask(&own.token().sign()).await;
    assert_eq!((answer.status, &*answer.code()), (503, "unavailable"));
    setup.provider.answer_again();
    clock.advance(seconds(1));
    assert_eq!(setup.status(&own.token().sign()).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_ends_no_fetch_that_others_wait_for() {
    let clock = clock();
    let (old, new) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&old], clock.clone()).await;
    setup.provider.publish(&[&old, &new]);
    setup.provider.hang();
    clock.advance(seconds(31));
    let (service, bearer) = (setup.service, format!("Bearer {}", new.token().sign()));
    let ask = || {
        let bearer = bearer.clone();
        tokio::spawn(async move {
            support::get(service, "/", &[("authorization", &bearer)]).await.status
        })
    };
    let first = ask();
    until("the fetch", || setup.provider.fetches().len() == 2).await;
    let second = ask();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    setup.provider.answer_again();
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(setup.provider.fetches().len(), 2);
}
