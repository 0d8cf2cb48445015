//! Tokens that name a key nobody knows (row 7 of the pitfalls).

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_fetched_once_for_all_who_wait_and_no_known_key_waits() {
    let clock = clock();
    let (old, new) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&old], clock.clone()).await;
    clock.advance(seconds(31));
    setup.provider.publish(&[&old, &new]);
    setup.provider.hang();
    let (token, service) = (new.token().sign(), setup.service);
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let bearer = format!("Bearer {token}");
            tokio::spawn(async move {
                support::get(service, "/", &[("authorization", &bearer)]).await.status
            })
        })
        .collect();
    until("the fetch", || setup.provider.fetches().len() == 2).await;
    // While it hangs, whoever has a known key passes, seen before or not.
    let known = old.token().sign();
    for _ in 0..2 {
        assert_eq!(setup.status(&known).await, 200);
    }
    assert!(waiting.iter().all(|request| !request.is_finished()));
    setup.provider.answer_again();
    for request in waiting {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(setup.provider.fetches().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_cooldown_nobody_fetches_and_a_recent_token_gets_503() {
    let clock = clock();
    let (old, new) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&old], clock.clone()).await;
    setup.provider.publish(&[&old, &new]);
    clock.advance(seconds(10));
    let answer = setup.ask(&new.token().sign()).await;
    assert_eq!((answer.status, &*answer.code()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("20"));
    assert_eq!(answer.header("www-authenticate"), None);
    // One that is older than the set: its key is gone, not coming.
    let past = 1_800_000_000 - 3600;
    let stale = new.token().claim("iat", past).sign();
    let answer = setup.ask(&stale).await;
    assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"));
    assert_eq!(setup.provider.fetches().len(), 1);
    clock.advance(seconds(20));
    assert_eq!(setup.status(&new.token().sign()).await, 200);
    assert_eq!(setup.provider.fetches().len(), 2);
    let records = setup.records.wait_for(3);
    let rejection = records[0].rejection.as_ref().unwrap();
    assert_eq!(rejection.private_found(), Some("a key that may be newer than the set"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_the_provider_does_not_have_is_asked_for_once_in_five_minutes() {
    let clock = clock();
    let (own, stranger) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    let token = stranger.token().expires_in(seconds(3600)).sign();
    clock.advance(seconds(31));
    assert_eq!(setup.status(&token).await, 401);
    assert_eq!(setup.provider.fetches().len(), 2);
    for _ in 0..8 {
        clock.advance(seconds(31));
        assert_eq!(setup.status(&token).await, 401);
    }
    assert_eq!(setup.provider.fetches().len(), 2);
    clock.advance(seconds(60));
    assert_eq!(setup.status(&token).await, 401);
    assert_eq!(setup.provider.fetches().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_has_changed_clears_what_was_unknown() {
    let clock = clock();
    let (own, other, stranger) = (key(&clock), key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    let token = stranger.token().expires_in(seconds(3600)).sign();
    clock.advance(seconds(31));
    assert_eq!(setup.status(&token).await, 401);
    setup.provider.publish(&[&own, &other]);
    clock.advance(seconds(31));
    assert_eq!(setup.status(&other.token().sign()).await, 200);
    assert_eq!(setup.provider.fetches().len(), 3);
    clock.advance(seconds(31));
    assert_eq!(setup.status(&token).await, 401);
    assert_eq!(setup.provider.fetches().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_name_was_guessed_beforehand_is_fetched_all_the_same() {
    let clock = clock();
    let (own, next) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    clock.advance(seconds(31));
    assert_eq!(setup.status(&next.token().foreign().sign()).await, 401);
    assert_eq!(setup.provider.fetches().len(), 2);
    // Published one cooldown before it signs.
    setup.provider.publish(&[&own, &next]);
    clock.advance(seconds(31));
    assert_eq!(setup.status(&next.token().sign()).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_unknown_names_costs_the_provider_one_fetch_a_cooldown() {
    let clock = clock();
    let own = key(&clock);
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    let good = own.token().expires_in(seconds(3600)).sign();
    for round in 0..10 {
        clock.advance(seconds(15));
        for attempt in 0..20 {
            let forged = own.token().key_id(format!("{round}-{attempt}")).sign();
            let status = setup.status(&forged).await;
            assert!(matches!(status, 401 | 503), "{status}");
        }
        assert_eq!(setup.status(&good).await, 200);
    }
    let fetches = setup.provider.fetches().len();
    assert!((5..=6).contains(&fetches), "{fetches} fetches in 150 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_issuers_in_any_case_is_not_asked_about() {
    let clock = clock();
    let own = key(&clock);
    let setup = Setup::with_keys(&[&own], clock.clone()).await;
    clock.advance(seconds(31));
    let other = TestIssuer::new("https://other.example").audience("orders");
    let other = other.with_clock(clock.clone());
    for token in [
        other.token().sign(),
        own.token().key_id("unknown").expired().sign(),
        own.token().key_id("unknown").claim("exp", "never").sign(),
        own.token().key_id("unknown").header("alg", "HS256").sign(),
        own.token().unsigned().key_id("unknown").sign(),
        own.token().foreign().sign(),
    ] {
        let answer = setup.ask(&token).await;
        assert_eq!((answer.status, &*answer.code()), (401, "invalid-credentials"), "{token}");
    }
    assert_eq!(setup.provider.fetches().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_name_for_its_key_is_looked_up_once_and_then_refused() {
    let clock = clock();
    let (old, new) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&old], clock.clone()).await;
    assert_eq!(setup.status(&without_kid(&old)).await, 200);
    setup.provider.publish(&[&old, &new]);
    assert_eq!(setup.status(&without_kid(&new)).await, 401, "within the cooldown");
    clock.advance(seconds(31));
    assert_eq!(setup.status(&without_kid(&new)).await, 200);
    assert_eq!(setup.provider.fetches().len(), 2);
}

/// The signed text has no `kid`, as some providers with one key write it.
fn without_kid(key: &TestIssuer) -> String {
    key.token().without_key_id().sign()
}
