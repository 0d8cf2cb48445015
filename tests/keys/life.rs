//! Keys over time: renewed, replaced, taken back; and who looks after them.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_renewed_in_the_background_before_anybody_asks() {
    let clock = clock();
    let (old, new) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&old], clock.clone()).await;
    let next = setup.jwt.keys()[0].next_fetch().unwrap() - unix(&clock);
    assert!((seconds(540)..=seconds(600)).contains(&next), "{next:?}");
    setup.provider.publish(&[&new]);
    clock.advance(seconds(600));
    setup.fetched(2).await;
    assert_eq!(setup.jwt.keys()[0].ids(), [new.key_id()]);
    setup.provider.go_down();
    assert_eq!(setup.status(&new.token().sign()).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_says_how_long_a_set_is_good_within_bounds() {
    for (said, least, most) in [
        ("cache-control: max-age=300\r\n", 270, 300),
        ("cache-control: max-age=86400\r\n", 540, 600),
        ("cache-control: max-age=1\r\n", 54, 60),
        ("cache-control: no-store\r\n", 54, 60),
    ] {
        let clock = clock();
        let own = key(&clock);
        let provider = Provider::start().await;
        provider.publish(&[&own]);
        provider.head(said);
        let setup = Setup::new(provider, clock.clone()).await;
        setup.fetched(1).await;
        let next = setup.jwt.keys()[0].next_fetch().unwrap() - unix(&clock);
        assert!((seconds(least)..=seconds(most)).contains(&next), "{said}: {next:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_back_takes_every_token_with_it_that_it_verified() {
    let clock = clock();
    let (leaked, other) = (key(&clock), key(&clock));
    let setup = Setup::with_keys(&[&leaked, &other], clock.clone()).await;
    let sign = |key: &TestIssuer| key.token().expires_in(seconds(7200)).sign();
    let (bad, good) = (sign(&leaked), sign(&other));
    for token in [&bad, &bad, &good, &good] {
        assert_eq!(setup.status(token).await, 200);
    }
    setup.provider.publish(&[&other]);
    clock.advance(seconds(600));
    setup.fetched(2).await;
    assert_eq!(setup.status(&bad).await, 401);
    assert_eq!(setup.status(&good).await, 200);
    // Another key of the same name is another key.
    let impostor = key(&clock);
    let mut set: serde_json::Value = serde_json::from_str(&impostor.jwks()).unwrap();
    set["keys"][0]["kid"] = other.key_id().into();
    setup.provider.publish_text(set.to_string());
    clock.advance(seconds(600));
    setup.fetched(3).await;
    assert_eq!(setup.status(&good).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_given_stays_whatever_the_provider_publishes() {
    let clock = clock();
    let (given, fetched) = (key(&clock), key(&clock));
    let provider = Provider::start().await;
    provider.publish(&[&fetched]);
    let jwt = builder(&provider, &clock).jwks(given.jwks()).build().unwrap();
    let setup = Setup::of(provider, clock.clone(), jwt).await;
    setup.fetched(1).await;
    for key in [&given, &fetched] {
        assert_eq!(setup.status(&key.token().sign()).await, 200);
    }
    setup.provider.go_down();
    clock.advance(seconds(24 * 3600));
    assert_eq!(setup.status(&given.token().sign()).await, 200);
    assert_eq!(setup.status(&fetched.token().sign()).await, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_is_ready_and_the_manifest_changes_once_there_are_keys() {
    let clock = clock();
    let own = key(&clock);
    let provider = Provider::start().await;
    provider.go_down();
    let jwt = builder(&provider, &clock).build().unwrap();
    let parapet =
        Parapet::builder().authenticate(jwt.clone()).with_clock(clock.clone()).build().unwrap();
    let waiting = parapet.ready();
    assert!(!waiting.is_ready());
    assert_eq!(waiting.to_string(), format!("jwt waits for keys from {}", provider.url("/jwks")));
    let manifest = parapet.manifest().to_string();
    assert!(manifest.contains("none yet"), "{manifest}");
    until("a failure", || jwt.keys()[0].failures() > 0).await;
    provider.publish(&[&own]);
    provider.come_up();
    clock.advance(seconds(1));
    until("keys", || parapet.ready().is_ready()).await;
    let manifest = parapet.manifest().to_string();
    let line = format!("1 key from {}, fresh", provider.url("/jwks"));
    assert!(manifest.contains(&line), "{manifest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_drops_the_scheme_ends_its_fetches() {
    let clock = clock();
    let provider = Provider::start().await;
    provider.publish(&[&key(&clock)]);
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let jwt = builder(&provider, &clock).build().unwrap();
    until("keys", || jwt.keys()[0].state() == KeyState::Fresh).await;
    drop(jwt);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    until("no task is left", || tasks() <= before).await;
    clock.advance(seconds(3600));
    tokio::task::yield_now().await;
    assert_eq!(provider.fetches().len(), 1);
    // Also while a fetch hangs.
    provider.hang();
    let jwt = builder(&provider, &clock).build().unwrap();
    until("a fetch", || provider.fetches().len() == 2).await;
    drop(jwt);
    provider.answer_again();
    until("no task is left", || tasks() <= before).await;
}

#[test]
fn a_scheme_built_outside_of_a_runtime_fetches_within_the_first_one() {
    let clock = clock();
    let own = key(&clock);
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // The provider outlives the runtimes of the service.
    let outer = runtime();
    let provider = outer.block_on(Provider::start());
    provider.publish(&[&own]);
    let jwt = builder(&provider, &clock).build().unwrap();
    assert_eq!(jwt.keys()[0].fetches(), 0);
    for round in 1..=2 {
        let inner = runtime();
        inner.block_on(async {
            let setup = Setup::of(provider.clone(), clock.clone(), jwt.clone()).await;
            assert_eq!(setup.status(&own.token().sign()).await, 200);
            clock.advance(seconds(600));
            setup.fetched(round + 1).await;
            // The one who looks after the keys ends with the runtime; the next request notices.
            clock.advance(seconds(60));
        });
        inner.shutdown_background();
    }
}

#[test]
fn all_mistakes_come_at_once_and_show_no_secret() {
    let error = Jwt::builder()
        .issuer(NAME)
        .audience("orders")
        .jwks_url("http://id.example/keys?token=secret")
        .key_cooldown(Duration::ZERO)
        .key_refresh(seconds(90_000))
        .stale_keys(seconds(1))
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(setters, ["key_cooldown", "key_refresh", "stale_keys", "jwks_url"]);
    assert!(!error.to_string().contains("secret"), "{error}");
    let twice =
        Jwt::builder().issuer(NAME).audience("orders").discover().jwks_url("https://x.example");
    assert!(twice.build().unwrap_err().to_string().contains("second place"));
    let error =
        Jwt::builder().issuer("orders-issuer").audience("a").discover().build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "discover");
}
