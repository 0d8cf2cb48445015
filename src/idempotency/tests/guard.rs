//! What a key does to a request.

use std::{sync::Arc, time::Duration};

use http::Response;

use super::*;
use crate::{
    Answer, Exchange, Flow, Guard, Phase, Reason,
    answer::StoreError,
    compose::Shadow,
    idempotency::{Begun, Claim, IdempotencyStore, StoredResponse},
};

#[tokio::test]
async fn a_request_that_is_sent_twice_runs_once_and_is_answered_alike() {
    let site = site_with(|guard| guard.keep_header("x-order"));
    let first = site.ask(ask("a")).await;
    assert_eq!((first.status, &first.body[..], first.is_replayed()), (201, &b"run 1"[..], false));
    assert_eq!(first.header("set-cookie"), Some("secret=1"));
    for _ in 0..3 {
        let again = site.ask(ask("a")).await;
        assert_eq!(
            (again.status, &again.body[..], again.is_replayed()),
            (201, &b"run 1"[..], true)
        );
        assert_eq!(again.header("content-type"), Some("text/plain"));
        assert_eq!(again.header("x-order"), Some("1"));
        assert_eq!(again.header("set-cookie"), None, "a cookie is never kept");
    }
    assert_eq!(site.handler.runs(), 1);
    assert_eq!(&site.ask(ask("b")).await.body[..], b"run 2");
}

#[tokio::test]
async fn a_key_is_required_unless_it_is_optional() {
    let none = || Ask { keys: Vec::new(), ..ask("") };
    let site = site();
    let refused = site.ask(none()).await;
    assert_eq!((refused.status, refused.reason), (400, Some("missing-header")));
    for keys in [vec!["bare".to_owned()], vec!["\"\"".to_owned()], vec!["\"a\"".to_owned(); 2]] {
        let refused = site.ask(Ask { keys, ..ask("") }).await;
        assert_eq!((refused.status, refused.reason), (400, Some("bad-header")));
    }
    assert_eq!((site.handler.runs(), site.store.len()), (0, 0));
    let site = site_with(|guard| guard.optional().bare_keys());
    assert_eq!((site.ask(none()).await.status, site.ask(none()).await.status), (201, 201));
    let bare = || Ask { keys: vec!["bare".into()], ..ask("") };
    assert!(!site.ask(bare()).await.is_replayed());
    assert!(site.ask(bare()).await.is_replayed());
    assert!(site.ask(ask("bare")).await.is_replayed(), "the quotes are no part of the key");
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let site = site();
    site.ask(ask("a")).await;
    for other in [
        Ask { body: "two teas", ..ask("a") },
        Ask { body: "", ..ask("a") },
        Ask { path: "/orders?gift=1", ..ask("a") },
        Ask { path: "/orders?", ..ask("a") },
    ] {
        let refused = site.ask(other).await;
        assert_eq!((refused.status, refused.reason), (422, Some("idempotency-key-reused")));
    }
    let put = |path| Ask { method: "PUT", path, ..ask("p") };
    assert_eq!(site.ask(put("/orders/1")).await.status, 201);
    assert_eq!(site.ask(put("/orders/2")).await.status, 422);
    assert!(site.ask(put("/orders/1")).await.is_replayed());
    assert_eq!(site.handler.runs(), 2);
}

#[tokio::test]
async fn nobody_meets_the_key_of_another_caller_or_of_another_route() {
    let site = site();
    for (run, other) in [
        ask("a"),
        Ask { caller: Some("eve"), ..ask("a") },
        Ask { caller: None, ..ask("a") },
        Ask { caller: None, peer: "192.0.2.2:1", ..ask("a") },
        Ask { caller: None, peer: "[2001:db8::1]:1", ..ask("a") },
        Ask { caller: None, peer: "[2001:db8::2]:1", ..ask("a") },
        Ask { method: "PUT", path: "/orders/1", ..ask("a") },
    ]
    .into_iter()
    .enumerate()
    {
        let told = site.ask(other).await;
        assert_eq!(&told.body[..], format!("run {}", run + 1).as_bytes());
    }
}

#[tokio::test]
async fn what_is_no_route_of_its_is_none_of_its_business() {
    let site = site();
    for (method, path) in [("GET", "/orders"), ("POST", "/else"), ("DELETE", "/orders/1")] {
        for _ in 0..2 {
            let told = site.ask(Ask { method, path, keys: Vec::new(), ..ask("") }).await;
            assert_eq!((told.status, told.is_replayed()), (201, false));
        }
    }
    assert_eq!(site.store.len(), 0);
}

#[tokio::test]
async fn without_routes_it_is_for_what_is_not_idempotent_by_itself() {
    let site = site_of(Idempotency::builder(MemoryResponses::default()));
    for (method, status) in
        [("POST", 400), ("PATCH", 400), ("PUT", 201), ("DELETE", 201), ("GET", 201)]
    {
        let told = site.ask(Ask { method, keys: Vec::new(), ..ask("") }).await;
        assert_eq!(told.status, status, "{method}");
    }
}

#[tokio::test]
async fn while_a_request_is_under_way_the_same_one_is_told_to_wait() {
    let site = site();
    let (go, gate) = tokio::sync::oneshot::channel();
    site.handler.then(async move { gate.await.unwrap() });
    let first = tokio::spawn(site.call(ask("a")));
    while site.handler.runs() == 0 {
        tokio::task::yield_now().await;
    }
    let refused = site.ask(ask("a")).await;
    assert_eq!((refused.status, refused.reason), (409, Some("request-in-progress")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let other = site.ask(Ask { body: "other", ..ask("a") }).await;
    assert_eq!(other.status, 422);
    go.send(answer(200, "at last")).unwrap();
    assert_eq!(&told(first.await.unwrap()).await.body[..], b"at last");
    assert_eq!(&site.ask(ask("a")).await.body[..], b"at last");
    assert_eq!(site.handler.runs(), 1);
}

#[tokio::test]
async fn what_did_not_come_to_an_end_may_be_sent_again() {
    let site = site();
    let rejected = || {
        let mut response = answer(404, "");
        response.extensions_mut().insert(Rejection::new(Reason::NotFound));
        response
    };
    for status in [500, 502, 503, 401, 407, 408, 425, 429] {
        site.handler.then(async move { answer(status, "no") });
        assert_eq!(site.ask(ask("a")).await.status, status);
    }
    site.handler.then(async move { rejected() });
    assert_eq!(site.ask(ask("a")).await.status, 404);
    site.handler.then(async { panic!("on purpose") });
    assert_eq!(site.ask(ask("a")).await.status, 500);
    assert_eq!(site.store.len(), 0);
    // Its client leaves while it waits.
    site.handler.then(std::future::pending());
    let (call, runs) = (tokio::spawn(site.call(ask("a"))), site.handler.runs());
    while site.handler.runs() == runs {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.store.len(), 1);
    call.abort();
    assert!(call.await.is_err());
    assert_eq!(site.store.len(), 0);
    assert_eq!(site.ask(ask("a")).await.status, 201);
    assert!(site.ask(ask("a")).await.is_replayed());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_misses_its_deadline_gives_the_key_up() {
    let site = site();
    site.handler.then(std::future::pending());
    assert_eq!(site.ask(ask("a")).await.reason, Some("handler-timeout"));
    assert_eq!(site.ask(ask("a")).await.status, 201);
}

#[tokio::test]
async fn answers_that_refuse_the_request_are_kept_as_those_that_do_it() {
    let site = site();
    for status in [400, 403, 404, 409, 422, 302, 204] {
        site.handler.then(async move { answer(status, "") });
        let key = status.to_string();
        assert_eq!(site.ask(ask(&key)).await.status, status);
        let again = site.ask(ask(&key)).await;
        assert_eq!((again.status, again.is_replayed()), (status, true));
    }
    assert_eq!(site.handler.runs(), 7);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_a_lock_ends_by_itself() {
    let site = site();
    site.ask(ask("a")).await;
    site.clock.advance(Duration::from_secs(86_399));
    assert!(site.ask(ask("a")).await.is_replayed());
    site.clock.advance(Duration::from_secs(1));
    assert!(!site.ask(ask("a")).await.is_replayed());
    // As if the process had died: nobody gives the key up.
    site.handler.then(std::future::pending());
    let call = tokio::spawn(site.call(ask("b")));
    while site.handler.runs() == 2 {
        tokio::task::yield_now().await;
    }
    site.clock.advance(Duration::from_secs(59));
    assert_eq!(site.ask(ask("b")).await.status, 409);
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.ask(ask("b")).await.status, 201);
    // Who comes late neither overwrites nor gives up what is another's.
    call.abort();
    assert!(call.await.is_err());
    assert!(site.ask(ask("b")).await.is_replayed());
}

/// A store that fails, or never answers.
struct Broken {
    is_silent: bool,
}

impl IdempotencyStore for Broken {
    fn begin(&self, _: &Claim, _: Duration) -> Answer<Result<Begun, StoreError>> {
        match self.is_silent {
            true => Answer::later(std::future::pending()),
            false => Answer::Now(Err(StoreError::new("down"))),
        }
    }
    fn complete(
        &self,
        _: &Claim,
        _: Arc<StoredResponse>,
        _: Duration,
    ) -> Answer<Result<(), StoreError>> {
        Answer::Now(Err(StoreError::new("down")))
    }
    fn release(&self, _: &Claim) -> Answer<Result<(), StoreError>> {
        Answer::Now(Err(StoreError::new("down")))
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_tell_lets_nothing_through() {
    for is_silent in [false, true] {
        let guard = Idempotency::builder(Broken { is_silent });
        let site = site_of(guard);
        let refused = site.ask(ask("a")).await;
        assert_eq!((refused.status, refused.reason), (503, Some("unavailable")), "{is_silent}");
        assert!(refused.header("retry-after").is_some());
        assert_eq!(site.handler.runs(), 0);
    }
}

#[tokio::test]
async fn on_trial_it_judges_the_header_and_locks_nothing() {
    let store = MemoryResponses::default();
    let site = site_of(Shadow::of(orders(&store)).unwrap());
    for _ in 0..2 {
        let told = site.ask(ask("a")).await;
        assert_eq!((told.status, told.is_replayed()), (201, false));
    }
    assert_eq!((site.ask(Ask { keys: Vec::new(), ..ask("") }).await.status, store.len()), (201, 0));
}

#[tokio::test]
async fn as_a_layer_by_itself_it_does_the_same() {
    let guard = orders(&MemoryResponses::default()).build().unwrap();
    let service = tower::service_fn(|_: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Body::from("done")))
    });
    let call = |request| guard.clone().layer(BoxCloneSyncService::new(service)).oneshot(request);
    assert!(!told(call(ask("a").request()).await.unwrap()).await.is_replayed());
    assert!(told(call(ask("a").request()).await.unwrap()).await.is_replayed());
}

#[tokio::test]
async fn a_body_that_another_guard_refuses_takes_no_key() {
    struct NoTea;
    impl Guard for NoTea {
        fn name(&self) -> &'static str {
            "no-tea"
        }
        fn phase(&self) -> Phase {
            Phase::Content
        }
        fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
            exchange.read_body(100, |_, body| match body.ends_with(b"tea") {
                true => Err(Rejection::new(Reason::SchemaViolation)),
                false => Ok(None),
            });
            Ok(Flow::Continue)
        }
    }
    let store = MemoryResponses::default();
    let both = crate::compose::All::of("both").and(orders(&store)).and(NoTea).build().unwrap();
    let site = site_of(both);
    assert_eq!(site.ask(ask("a")).await.reason, Some("schema-violation"));
    assert_eq!(store.len(), 0);
    assert_eq!(site.ask(Ask { body: "coffee", ..ask("a") }).await.status, 201);
}
