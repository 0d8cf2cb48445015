//! Limits on forged credentials: what is charged, to whom, and how often.

use super::*;

#[tokio::test]
async fn forged_credentials_cost_the_network_before_authentication_runs() {
    let auth = ByName::strict();
    let service = service(|stack| {
        stack
            .guard(auth.clone())
            .throttle(Throttle::per_minute(3).counting(Count::ForgedCredentials).named("guesses"))
    });
    let forged = [("authorization", "Bearer forged")];
    for _ in 0..3 {
        assert_eq!(service.status("192.0.2.1", "/closed", &forged).await, 401);
    }
    let asked = auth.asked();
    let refused = service.send([192, 0, 2, 1], "/closed", &forged).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(values(&refused, "ratelimit"), ["\"guesses\";r=0;t=20"]);
    let good = [("authorization", "Bearer alice")];
    assert_eq!(service.status("192.0.2.1", "/closed", &good).await, 429);
    assert_eq!(auth.asked(), asked, "authentication was not asked");
    assert_eq!(service.status("192.0.2.2", "/closed", &good).await, 200);
    service.clock.advance(Duration::from_secs(20));
    assert_eq!(service.status("192.0.2.1", "/closed", &good).await, 200);
}

#[tokio::test]
async fn expired_absent_and_good_credentials_cost_the_network_nothing() {
    let service = service(|stack| {
        stack
            .guard(ByName::strict())
            .throttle(Throttle::per_minute(3).counting(Count::ForgedCredentials))
    });
    for _ in 0..10 {
        let expired = [("authorization", "Bearer expired")];
        assert_eq!(service.status("192.0.2.1", "/closed", &expired).await, 401);
        assert_eq!(service.status("192.0.2.1", "/closed", &[]).await, 401);
        let good = [("authorization", "Bearer alice")];
        assert_eq!(service.status("192.0.2.1", "/closed", &good).await, 200);
    }
}

/// How many forged credentials an app answers with 401 before it answers 429.
async fn guesses(app: Router, path: &str) -> usize {
    for count in 0..10 {
        let peer = PeerAddr::new(SocketAddr::new([192, 0, 2, 1].into(), 4711));
        let request = Request::get(path).extension(peer).extension(Tls::new());
        let request = request.header("host", "localhost");
        let request = request.header("authorization", "Bearer forged").body(Body::empty()).unwrap();
        match app.clone().oneshot(request).await.unwrap().status().as_u16() {
            401 => {}
            status => {
                assert_eq!(status, 429);
                return count;
            }
        }
    }
    panic!("never limited");
}

#[tokio::test]
async fn forged_credentials_are_charged_once_however_many_routes_share_the_throttle() {
    let throttle = Throttle::per_minute(4).counting(Count::ForgedCredentials).build().unwrap();
    let policy = || Policy::authenticated().throttle(throttle.clone());
    let stack = Parapet::builder()
        .peer(Peer::Extension)
        .guard(ByName::strict())
        .throttle(throttle.clone())
        .route("/closed", policy())
        .route("/also", policy());
    assert_eq!(guesses(router().layer(stack.build().unwrap()), "/closed").await, 4);
}

#[tokio::test]
async fn a_throttle_of_forged_credentials_inside_of_another_stack_is_charged_too() {
    let throttle = || Throttle::per_minute(4).counting(Count::ForgedCredentials).build().unwrap();
    let auth = || tower_parapet::layer(ByName::strict());
    let outside = Parapet::builder().peer(Peer::Extension).public("/{*rest}", "test");
    let silent = outside.build().unwrap();
    let outside = Parapet::builder().peer(Peer::Extension).public("/{*rest}", "test");
    let audited = outside.observe(support::Records::default()).build().unwrap();
    for outside in [silent, audited] {
        let app = router().layer(auth()).layer(throttle()).layer(outside);
        assert_eq!(guesses(app, "/open").await, 4);
    }
    assert_eq!(guesses(router().layer(auth()).layer(throttle()), "/open").await, 4);
}

#[test]
fn a_throttle_that_would_never_be_charged_cannot_replace_one_that_needs_no_charging() {
    use tower_parapet::compose::Reloadable;

    let counting = || Throttle::per_minute(4).counting(Count::ForgedCredentials);
    let reloadable = Reloadable::of(Throttle::per_minute(4)).unwrap();
    let error = reloadable.replace(counting()).unwrap_err().to_string();
    assert!(error.contains("learns from how requests ended"), "{error}");
    let reloadable = Reloadable::of(counting()).unwrap();
    assert!(reloadable.replace(counting()).is_ok());
    assert!(reloadable.replace(Throttle::per_minute(4)).is_ok());
    assert!(reloadable.replace(counting()).is_ok());
}
