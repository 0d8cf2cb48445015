//! Health probes, readiness, and an end that loses nothing.
#![cfg(feature = "full")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, routing::get};
use support::{Answer, Records, request};
use tokio::sync::Notify;
use tower_parapet::{
    ApiKeys, Context, Exchange, Flow, Guard, IpFilter, JsonSchema, Key, Outcome, Parapet,
    ParapetBuilder, Peer, Phase, Policy, Rejection, Shutdown, Throttle,
    auth::api_key::MemoryKeys,
    clock::ManualClock,
    inspect::{Findings, Readiness},
    transport::Csrf,
};

/// Everything that could stand in the way of a kubelet.
fn strict() -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["api.example"])
        .ip(IpFilter::builder().allow("10.0.0.0/8"))
        .csrf(Csrf::builder())
        .authenticate(ApiKeys::builder(MemoryKeys::new()))
        .throttle(Throttle::per_hour(1).by(Key::Global))
        .throttle(Throttle::per_hour(1).by(Key::Route).named("route"))
        .probe("/livez")
        .route("/admin/{*rest}", Policy::authenticated())
}

async fn serve(parapet: &Parapet) -> SocketAddr {
    let router = Router::new()
        .route("/livez", get(async || "alive").post(async || "changed"))
        .route("/livez/deep", get(async || "deep"))
        .route("/admin/x", get(async || "admin"));
    support::serve(parapet.protect(router)).await
}

async fn probe(address: SocketAddr, method: &str, target: &str) -> Answer {
    // As a kubelet sends it: by the pod's address, with credentials that somebody left in the chart.
    let headers = [("x-api-key", "left in the chart"), ("user-agent", "kube-probe/1.33")];
    request(address, method, target, &headers, b"").await
}

#[tokio::test]
async fn a_probe_is_free_of_hosts_addresses_limits_and_credentials() {
    let address = serve(&strict().build().unwrap()).await;
    for _ in 0..3 {
        for method in ["GET", "HEAD"] {
            let answer = probe(address, method, "/livez").await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("ratelimit"), None);
        }
    }
}

#[tokio::test]
async fn what_is_no_probe_is_judged_like_anything_else() {
    let parapet = strict().hosts(["127.0.0.1"]).ip(IpFilter::builder().allow("127.0.0.0/8"));
    let address = serve(&parapet.build().unwrap()).await;
    for (method, target, status) in [
        ("POST", "/livez", 403),
        ("GET", "/livez/", 403),
        ("GET", "/livez/deep", 403),
        ("GET", "/%6civez", 403),
        ("GET", "/LIVEZ", 403),
        ("GET", "/livez//", 403),
    ] {
        assert_eq!(probe(address, method, target).await.status, status, "{method} {target}");
    }
    let open = Parapet::builder()
        .authenticate(ApiKeys::builder(MemoryKeys::new()))
        .probe("/livez")
        .build()
        .unwrap();
    let address = serve(&open).await;
    for (method, target, status) in [
        ("POST", "/livez", 401),
        ("GET", "/livez/", 401),
        ("GET", "/livez/deep", 401),
        ("GET", "/%6civez", 400),
        ("GET", "/x/../livez", 400),
        ("GET", "/livez//", 400),
        ("TRACE", "/livez", 405),
        ("GET", "/livez?verbose", 200),
    ] {
        assert_eq!(probe(address, method, target).await.status, status, "{method} {target}");
    }
}

/// A guard of one's own, which says whether it looks at probes.
struct Own(bool, Arc<AtomicUsize>);

impl Guard for Own {
    fn name(&self) -> &'static str {
        "own"
    }
    fn phase(&self) -> Phase {
        Phase::Transport
    }
    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(Flow::Continue)
    }
    fn judges_probes(&self) -> bool {
        self.0
    }
}

#[tokio::test]
async fn a_guard_of_ones_own_judges_probes_only_where_it_says_so() {
    let [says, silent] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let parapet = Parapet::builder()
        .guard(Own(true, says.clone()))
        .guard(Own(false, silent.clone()))
        .probe("/livez")
        .public("GET /admin/x", "a test")
        .build()
        .unwrap();
    let address = serve(&parapet).await;
    assert_eq!(probe(address, "GET", "/livez").await.status, 200);
    let counts = || [&says, &silent].map(|count| count.load(Ordering::SeqCst));
    assert_eq!(counts(), [1, 0]);
    assert_eq!(probe(address, "GET", "/admin/x").await.status, 200);
    assert_eq!(counts(), [2, 1]);
}

#[tokio::test]
async fn of_probes_that_are_well_one_a_minute_is_recorded_and_every_failure_is() {
    let (clock, records, well) =
        (ManualClock::default(), Records::default(), Arc::new(AtomicBool::new(true)));
    let parapet = Parapet::builder()
        .probe("/livez")
        .probe("/readyz")
        .public("GET /", "a page")
        .observe(records.clone())
        .with_clock(clock.clone())
        .build()
        .unwrap();
    let state = well.clone();
    let livez = get(async move || match state.load(Ordering::SeqCst) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    });
    let router =
        Router::new().route("/livez", livez).route("/readyz", get(async || StatusCode::NO_CONTENT));
    let address = support::serve(parapet.protect(router)).await;
    let ask = async |times: usize| {
        for _ in 0..times {
            request(address, "GET", "/livez", &[], b"").await;
            clock.advance(Duration::from_secs(5));
        }
    };
    let told = |expected: usize| {
        let records = records.wait_for(expected);
        assert_eq!(records.len(), expected);
        records.last().unwrap().clone()
    };
    let left_out = |record: &tower_parapet::Record| {
        let note = record.notes.iter().find(|(key, _)| *key == "left-out");
        note.map(|(_, count)| count.to_string())
    };
    ask(1).await;
    assert_eq!(left_out(&told(1)), None, "the first is told");
    ask(11).await;
    told(1);
    ask(1).await;
    assert_eq!(left_out(&told(2)).as_deref(), Some("11"), "a minute is over");
    ask(2).await;
    well.store(false, Ordering::SeqCst);
    ask(3).await;
    let failed = records.wait_for(5);
    assert_eq!(left_out(&failed[2]).as_deref(), Some("2"));
    assert!(failed[2..].iter().all(|record| record.status.unwrap() == 503));
    well.store(true, Ordering::SeqCst);
    ask(2).await;
    assert_eq!(told(6).status.unwrap(), 200, "it is well again, which is news");
    request(address, "GET", "/readyz", &[], b"").await;
    assert_eq!(told(7).status.unwrap(), 204, "each probe has a sample of its own");
}

#[tokio::test]
async fn a_probe_that_is_cut_short_or_panics_is_recorded_whatever_was_before() {
    let records = Records::default();
    let parapet = Parapet::builder()
        .probe("/livez")
        .public("GET /", "a page")
        .observe(records.clone())
        .build()
        .unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let state = broken.clone();
    let livez = get(async move || {
        assert!(!state.load(Ordering::SeqCst), "out of order");
        "alive"
    });
    let address = support::serve(parapet.protect(Router::new().route("/livez", livez))).await;
    request(address, "GET", "/livez", &[], b"").await;
    broken.store(true, Ordering::SeqCst);
    for count in 2..4 {
        assert_eq!(request(address, "GET", "/livez", &[], b"").await.status, 500);
        assert_eq!(records.wait_for(count).last().unwrap().outcome, Outcome::Panicked);
    }
}

#[test]
fn a_probe_is_one_exact_path_and_no_other_rule_covers_it() {
    let error = Parapet::builder()
        .authenticate(ApiKeys::builder(MemoryKeys::new()))
        .probe("/livez/{id}")
        .probe("/{*rest}")
        .probe("GET /livez")
        .probe("livez")
        .probe("*")
        .probe("/health")
        .public("GET /health", "the same again")
        .probe("/admin/")
        .route("/admin/{*rest}", Policy::authenticated())
        .probe("/readyz")
        .validate(JsonSchema::for_route("GET /readyz", "{}"))
        .build()
        .unwrap_err();
    let told: Vec<_> = error.mistakes().iter().map(|m| (m.setter(), m.value())).collect();
    for expected in [
        ("probe", "/livez/{id}"),
        ("probe", "/{*rest}"),
        ("probe", "GET /livez"),
        ("probe", "GET,HEAD livez"),
        ("probe", "*"),
        ("public", "GET /health"),
        ("probe", "GET,HEAD /admin/"),
        ("validate", "/readyz"),
    ] {
        assert!(told.contains(&expected), "{expected:?} is not in {error}");
    }
    assert_eq!(told.len(), 8, "{error}");
}

#[test]
fn the_manifest_shows_probes() {
    let text = strict().build().unwrap().manifest().to_string();
    assert!(text.contains("GET,HEAD  /livez          health probes"), "{text}");
    let json = strict().build().unwrap().manifest().to_json();
    assert!(json.contains(r#""access": "probe""#), "{json}");
}

/// Waits for keys, until it is told that they have come.
struct Keys(Arc<AtomicBool>);

impl Guard for Keys {
    fn name(&self) -> &'static str {
        "keys"
    }
    fn phase(&self) -> Phase {
        Phase::Authenticate
    }
    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::Continue)
    }
    fn findings(&self, _: &mut Findings) {}
    fn ready(&self, readiness: &mut Readiness) {
        if !self.0.load(Ordering::SeqCst) {
            readiness.wait_for("keys", "the set of `https://id.example`");
        }
    }
}

#[tokio::test]
async fn a_stack_is_ready_once_its_guards_are_and_until_the_service_ends() {
    let (have, records) = (Arc::new(AtomicBool::new(false)), Records::default());
    let parapet = Parapet::builder()
        .guard(tower_parapet::compose::Shadow::of(Keys(have.clone())).unwrap())
        .route("GET /own", Policy::optional().guard(Keys(have.clone())))
        .probe("/readyz")
        .observe(records.clone())
        .build()
        .unwrap();
    let stack = parapet.clone();
    let router = Router::new().route("/readyz", get(async move || stack.ready()));
    let address = support::serve(parapet.protect(router)).await;

    let answer = probe(address, "GET", "/readyz").await;
    assert_eq!((answer.status, &*answer.code()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!answer.text().contains("id.example"), "{}", answer.text());
    let record = records.wait_for(1).remove(0);
    let found = record.rejection.unwrap();
    assert!(found.private_found().unwrap().contains("id.example"));
    assert_eq!(parapet.ready().waiting().count(), 2);

    have.store(true, Ordering::SeqCst);
    assert_eq!(probe(address, "GET", "/readyz").await.status, 200);
    assert_eq!(parapet.ready().to_string(), "ready");
    parapet.withdraw();
    assert_eq!(probe(address, "GET", "/readyz").await.status, 503);
    assert_eq!(parapet.ready().to_string(), "the service waits for its end");
    assert_eq!(probe(address, "GET", "/own").await.status, 404, "what comes is still served");
}

/// A service whose one handler waits until it is let go.
async fn slow(parapet: &Parapet) -> (SocketAddr, Arc<Notify>, Arc<Notify>) {
    let [entered, released] = [(); 2].map(|()| Arc::new(Notify::new()));
    let (inside, outside) = (entered.clone(), released.clone());
    let router = Router::new().route(
        "/slow",
        get(async move |request: Request| {
            inside.notify_one();
            outside.notified().await;
            let lease = Context::of(request.extensions()).unwrap().lease();
            drop(lease);
            "done"
        }),
    );
    (support::serve(parapet.protect(router)).await, entered, released)
}

#[tokio::test]
async fn a_shutdown_waits_for_what_runs_and_loses_no_record() {
    let records = Records::default();
    let parapet =
        Parapet::builder().public("GET /slow", "a test").observe(records.clone()).build().unwrap();
    let (address, entered, released) = slow(&parapet).await;
    let asked = tokio::spawn(async move { request(address, "GET", "/slow", &[], b"").await });
    entered.notified().await;
    let ending = parapet.clone();
    let mut ended = tokio::spawn(async move { ending.shutdown(Duration::from_secs(60)).await });
    let early = tokio::time::timeout(Duration::from_millis(50), &mut ended).await;
    assert!(early.is_err(), "it ended while a request was running");
    assert!(!parapet.ready().is_ready());
    released.notify_one();
    assert_eq!(asked.await.unwrap().status, 200);
    assert_eq!(ended.await.unwrap(), Shutdown::Drained);
    assert_eq!(records.all().len(), 1);
    assert_eq!(parapet.shutdown(Duration::from_secs(1)).await, Shutdown::Drained);
}

#[tokio::test]
async fn a_shutdown_ends_at_its_deadline_and_says_what_was_left() {
    let parapet = Parapet::builder().public("GET /slow", "a test").build().unwrap();
    let (address, entered, released) = slow(&parapet).await;
    let asked = tokio::spawn(async move { request(address, "GET", "/slow", &[], b"").await });
    entered.notified().await;
    assert_eq!(parapet.shutdown(Duration::from_millis(30)).await, Shutdown::StillRunning);
    released.notify_one();
    assert_eq!(asked.await.unwrap().status, 200);
    assert_eq!(parapet.shutdown(Duration::from_secs(60)).await, Shutdown::Drained);
}
