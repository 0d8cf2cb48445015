use std::{
    any::Any,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use axum_core::body::Body;
use http::{Request, Response};
use tower::{ServiceExt, service_fn};
use tower_layer::Layer;

use super::{ManualClock, Recorder, TestIssuer, TestRequest, TestResponse, TestToken};
use crate::{
    auth::jwt::{Algorithm, ClaimMap, JwtBuilder},
    context::{Context, Peer, Principal},
    observe::Outcome,
    rejection::Reason,
    stack::Parapet,
};

const NOW: Duration = Duration::from_secs(1_800_000_000);

struct House {
    issuer: TestIssuer,
    clock: ManualClock,
    parapet: Parapet,
    seen: Recorder,
}

impl House {
    fn new(verifier: impl FnOnce(JwtBuilder) -> JwtBuilder) -> Self {
        let clock = ManualClock::at_unix(NOW);
        let issuer = TestIssuer::default().with_clock(clock.clone());
        let seen = Recorder::default();
        let parapet = Parapet::builder()
            .peer(Peer::Extension)
            .authenticate(verifier(issuer.jwt()))
            .observe(seen.clone())
            .with_clock(clock.clone())
            .build()
            .unwrap();
        Self { issuer, clock, parapet, seen }
    }

    async fn ask(&self, token: impl Into<String>) -> Response<Body> {
        let handler = service_fn(|request: Request<Body>| async move {
            let context = Context::of(request.extensions()).unwrap();
            let told = context.principal().unwrap().subject().to_owned();
            Ok::<_, Infallible>(Response::new(Body::from(told)))
        });
        let request = Request::get("/orders?page=2").body(Body::empty()).unwrap();
        let request = request.peer(([203, 0, 113, 9], 4711)).tls();
        let request = request.host("api.example").bearer(token);
        self.parapet.layer(handler).oneshot(request).await.unwrap()
    }
}

fn message(panic: Box<dyn Any + Send>) -> String {
    *panic.downcast::<String>().unwrap()
}

fn failing<T>(assertion: impl FnOnce() -> T) -> String {
    message(catch_unwind(AssertUnwindSafe(|| _ = assertion())).unwrap_err())
}

#[tokio::test]
async fn every_kind_of_token_is_judged_as_its_name_says() {
    let house = House::new(|jwt| jwt);
    let token = || house.issuer.token();
    let good: [TestToken; 4] = [
        token(),
        token().subject("alice").scope("a").scope("b").role("x").claim("/a/b/c", 1),
        token().expires_in(Duration::from_secs(1)),
        token().without("iat").header("typ", "JWT"),
    ];
    for token in good {
        house.ask(token).await.assert_admitted();
    }
    for (token, cause) in [
        (token().foreign(), "the token's signature is wrong"),
        (token().unsigned(), "it is not signed"),
        (token().key_id("another"), "no key is known for the token"),
        (token().audience("billing"), "the claim `aud`"),
        (token().without("exp"), "the claim `exp`"),
        (token().without("sub"), "the claim `sub`"),
        (token().claim("iss", "https://other.test"), "the claim `iss`"),
        (token().not_yet(), "is not valid for another 3600 s"),
        (token().header("typ", "logout+jwt"), "type is not accepted"),
    ] {
        house.ask(token).await.assert_rejected(Reason::InvalidCredentials);
        house.seen.assert_cause(cause);
    }
    house.ask(token().expired()).await.assert_rejected(Reason::ExpiredCredentials);
    let unsigned = format!("{}AAAA", token().unsigned().sign());
    house.ask(unsigned).await.assert_rejected(Reason::InvalidCredentials);
    house.seen.assert_cause("algorithm is not accepted");

    let five_minutes = token().sign();
    house.clock.advance(Duration::from_secs(359));
    house.ask(five_minutes.as_str()).await.assert_admitted();
    house.clock.advance(Duration::from_secs(1));
    house.ask(five_minutes).await.assert_rejected(Reason::ExpiredCredentials);
}

#[tokio::test]
async fn claims_are_put_where_they_are_looked_for() {
    let map = ClaimMap::new().scopes("scope").roles("/a/r~1s").roles("roles").tenant("/a/t");
    let house = House::new(|jwt| jwt.claim_map(map).algorithms([Algorithm::Es256]));
    let token = house.issuer.token().claim("a", "in the way").claim("/a/r~1s", ["x"]);
    let token = token.role("y").role("z").claim("/a/t", "acme").scope("s1").scope("s2");
    assert_eq!(house.ask(token).await.text().await.unwrap(), "tester");
    let caller = house.seen.assert_answered().principal.unwrap();
    assert_eq!(caller.roles().collect::<Vec<_>>(), ["x", "y", "z"]);
    assert_eq!(caller.scopes().collect::<Vec<_>>(), ["s1", "s2"]);
    assert_eq!((caller.tenant(), caller.client_id()), (Some("acme"), None));
}

#[test]
fn every_issuer_has_keys_of_its_own_and_shows_none() {
    let (one, other) = (TestIssuer::default(), TestIssuer::default());
    assert_ne!(one.key_id(), other.key_id());
    assert_ne!(one.jwks(), other.jwks());
    assert!(one.jwks().contains(one.key_id()) && !one.jwks().contains("\"d\""));
    assert_eq!(one.key_id().len(), 43, "the thumbprint is a SHA-256");
    let shown = format!("{one:?} {:?}", one.token().subject("alice"));
    assert!(shown.contains("https://issuer.test") && shown.contains("alice"), "{shown}");
    assert!(!shown.contains("pair"), "{shown}");
}

#[tokio::test]
async fn a_failed_assertion_says_what_happened_instead_and_why() {
    let house = House::new(|jwt| jwt);
    let nothing = failing(|| house.seen.assert_answered());
    assert!(nothing.contains("nothing was recorded: is the recorder"), "{nothing}");

    let good = house.ask(house.issuer.token().subject("alice")).await;
    let text = failing(|| good.assert_rejected(Reason::RateLimited));
    assert_eq!(text, "expected `rate-limited`, but nothing refused: 200 OK");
    assert_eq!(good.text().await.unwrap(), "alice");
    let bad = house.ask(house.issuer.token().audience("billing")).await;
    let why = "`invalid-credentials` by jwt: the claim `aud` is not acceptable; \
               expected `test`; found `billing`";
    let text = failing(|| bad.assert_admitted());
    assert_eq!(text, format!("expected no refusal, got 401 Unauthorized, {why}"));
    let text = failing(|| bad.assert_rejected(Reason::ExpiredCredentials));
    assert_eq!(text, format!("expected `expired-credentials`, got 401 Unauthorized, {why}"));
    assert!(bad.text().await.unwrap().contains("#invalid-credentials"));

    let lines = format!(
        "recorded, 2 in all:\n  GET /orders: 200, answered, by alice\n  \
         GET /orders: 401, rejected, {why}"
    );
    let seen = &house.seen;
    for (text, expected) in [
        (failing(|| seen.assert_answered()), "expected an answer of the handler; "),
        (failing(|| seen.assert_rejected(Reason::RateLimited)), "expected `rate-limited`; "),
        (failing(|| seen.assert_cause("moon")), "expected a refusal because of `moon`; "),
        (failing(|| seen.assert_count(1)), "expected 1 records; "),
    ] {
        assert_eq!(text, format!("{expected}{lines}"));
    }
    assert_eq!(seen.wait_for(2).len(), 2, "failed assertions leave the recorder as it was");
    seen.assert_rejected(Reason::InvalidCredentials);
    let [first, _] = &*seen.assert_count(2) else { panic!("two were counted") };
    assert_eq!((first.outcome, first.peer.unwrap().port()), (Outcome::Answered, 4711));
    seen.clear();
    assert!(seen.records().is_empty());

    for _ in 0..12 {
        house.ask("a.b.c").await.assert_rejected(Reason::InvalidCredentials);
    }
    let text = failing(|| seen.assert_answered());
    assert!(text.contains("recorded, 12 in all, of which the latest:"), "{text}");
    assert_eq!(text.matches("\n  GET").count(), 10, "{text}");
}

#[tokio::test]
async fn an_answer_that_nobody_read_is_told_as_such() {
    let house = House::new(|jwt| jwt);
    drop(house.ask(house.issuer.token()).await);
    let text = failing(|| house.seen.assert_answered());
    let line = "GET /orders: 200, cancelled (the answer was dropped before it was read to its end)";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn a_credential_from_elsewhere_counts_as_leaked_unless_it_came_over_tls() {
    let house = House::new(|jwt| jwt);
    let handler =
        service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty())));
    let service = house.parapet.layer(handler);
    let request = || {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let request = request.host("api.example").peer(([203, 0, 113, 9], 4711));
        request.bearer(house.issuer.token())
    };
    let answer = service.clone().oneshot(request()).await.unwrap();
    answer.assert_rejected(Reason::InsecureCredentials);
    service.oneshot(request().tls()).await.unwrap().assert_admitted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_waited_for_until_it_comes() {
    let house = House::new(|jwt| jwt);
    let seen = house.seen.clone();
    let waiting = tokio::task::spawn_blocking(move || seen.wait_for(1));
    drop(house.ask(house.issuer.token()).await);
    assert_eq!(waiting.await.unwrap().len(), 1);
}

#[test]
fn a_caller_is_what_a_handler_by_itself_finds() {
    let request = Request::new(()).caller(Principal::test("alice").role("operator").build());
    let caller = Context::of(request.extensions()).unwrap().principal().unwrap();
    assert_eq!((caller.issuer(), caller.subject()), ("https://issuer.test", "alice"));
    assert!(caller.has_role("operator"));
    let request = Request::new(()).host("a\nb").bearer("a\nb");
    assert!(request.headers().is_empty(), "what cannot stand in a header is left out");
}
