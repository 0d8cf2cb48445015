//! Whose bucket, and which limits apply, over the whole stack: tokens, API keys, tenants, claims,
//! plans, overrides and exemptions.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "plans/keys.rs"]
mod keys;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, routing::any};
use http::{Request, Response};
use tower::ServiceExt;
use tower_parapet::{
    ApiKeys, Guarded, Parapet, ParapetBuilder, Peer, PeerAddr, Policy, Principal, StoreError,
    auth::api_key::{ApiKey, MemoryKeys},
    clock::ManualClock,
    context::Tls,
    testing::{Recorder, TestIssuer, TestToken},
    throttle::{Exempt, Key, Limit, Plans, Throttle, ThrottleBuilder},
};

const NOW: Duration = Duration::from_secs(1_700_000_000);

struct Service {
    app: Guarded<Router>,
    issuer: TestIssuer,
    store: MemoryKeys,
    seen: Recorder,
    clock: ManualClock,
}

impl Service {
    fn with(throttle: ThrottleBuilder) -> Self {
        Self::new(|stack| stack.throttle(throttle))
    }

    fn new(more: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> Self {
        let clock = ManualClock::at_unix(NOW);
        let issuer =
            TestIssuer::new("https://id.example").audience("api").with_clock(clock.clone());
        let (store, seen) = (MemoryKeys::new(), Recorder::default());
        let stack = Parapet::builder()
            .peer(Peer::Extension)
            .with_clock(clock.clone())
            .authenticate(issuer.jwt())
            .authenticate(ApiKeys::builder(store.clone()))
            .observe(seen.clone())
            .public("/open", "test")
            .route("/news", Policy::optional());
        let router = ["/open", "/news", "/orders", "/orders/{id}", "/health"]
            .into_iter()
            .fold(Router::new(), |router, path| router.route(path, any(async || "here")));
        let app = more(stack).build().unwrap().protect(router);
        Self { app, issuer, store, seen, clock }
    }

    fn key(&self, owner: &str, plan: Option<&str>) -> String {
        let key = ApiKey::generate("api").unwrap();
        let stored = key.stored().owner(owner);
        let stored = plan.into_iter().fold(stored, |stored, plan| stored.plan(plan));
        self.store.insert(stored.build().unwrap());
        key.text().expose().to_owned()
    }

    fn token(&self, subject: &str) -> TestToken {
        self.issuer.token().subject(subject)
    }

    async fn send(&self, call: Call<'_>) -> Response<Body> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header("host", "api.example")
            .extension(PeerAddr::new(SocketAddr::new(call.ip.parse().unwrap(), 4711)))
            .extension(Tls::new());
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = call.token {
            request = request.header("authorization", format!("Bearer {}", token.sign()));
        }
        if let Some(key) = call.key {
            request = request.header("x-api-key", key);
        }
        let request = request.body(Body::empty()).unwrap();
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn status(&self, call: Call<'_>) -> u16 {
        self.send(call).await.status().as_u16()
    }

    /// How many requests pass, up to twelve.
    async fn passing(&self, call: Call<'_>) -> usize {
        let mut passed = 0;
        while passed < 12 && self.status(call).await == 200 {
            passed += 1;
        }
        passed
    }
}

#[derive(Clone, Copy)]
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    ip: &'a str,
    headers: &'a [(&'a str, &'a str)],
    token: Option<&'a TestToken>,
    key: Option<&'a str>,
}

fn get(path: &str) -> Call<'_> {
    Call { method: "GET", path, ip: "192.0.2.1", headers: &[], token: None, key: None }
}

impl<'a> Call<'a> {
    fn token(self, token: &'a TestToken) -> Self {
        Self { token: Some(token), ..self }
    }
    fn key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }
    fn method(self, method: &'a str) -> Self {
        Self { method, ..self }
    }
    fn from(self, ip: &'a str) -> Self {
        Self { ip, ..self }
    }
    fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }
}

fn per_hour(limit: u32, key: Key) -> ThrottleBuilder {
    Throttle::per_hour(limit).by(key)
}

fn plans(plans: Plans) -> ThrottleBuilder {
    let plans = plans
        .plan("free", [Limit::per_hour(1)])
        .plan("pro", [Limit::per_hour(4), Limit::per_day(100).named("pro-daily")])
        .otherwise("free");
    per_hour(2, Key::Principal).plans(plans)
}

#[tokio::test]
async fn a_claim_chooses_the_plan_and_the_fields_name_its_limits() {
    let service = Service::with(plans(Plans::by_claim("plan")));
    let pro = service.token("alice").claim("plan", "pro");
    let answer = service.send(get("/orders").token(&pro)).await;
    let policies: Vec<_> = answer
        .headers()
        .get_all("ratelimit-policy")
        .iter()
        .flat_map(|value| value.to_str().unwrap().split(", "))
        .collect();
    assert_eq!(policies, ["\"pro-per-hour\";q=4;w=3600", "\"pro-daily\";q=100;w=86400"]);
    assert_eq!(service.passing(get("/orders").token(&pro)).await, 3);
    assert_eq!(service.passing(get("/orders").token(&service.token("bob"))).await, 1);
    let odd = service.token("eve").claim("plan", "unlimited");
    assert_eq!(service.passing(get("/orders").token(&odd)).await, 1, "nobody's plan");
    assert_eq!(service.passing(get("/news")).await, 2, "nobody at all");
}

#[tokio::test]
async fn a_table_of_owners_or_the_key_itself_chooses_the_plan() {
    let service = Service::with(plans(Plans::by_owner([("acme", "pro")])));
    let (acme, tiny) = (service.key("acme", None), service.key("tiny", None));
    assert_eq!(service.passing(get("/orders").key(&acme)).await, 4);
    assert_eq!(service.passing(get("/orders").key(&tiny)).await, 1);
    let token = service.token("acme");
    assert_eq!(service.passing(get("/orders").token(&token)).await, 1, "no owner of a key");

    let service = Service::with(plans(Plans::by_store()));
    let (acme, tiny) = (service.key("acme", Some("pro")), service.key("tiny", None));
    assert_eq!(service.passing(get("/orders").key(&acme)).await, 4);
    assert_eq!(service.passing(get("/orders").key(&tiny)).await, 1);
}

#[tokio::test]
async fn a_look_up_chooses_the_plan_and_fails_as_was_said() {
    let (asked, is_down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let source = || {
        let (asked, is_down) = (asked.clone(), is_down.clone());
        Plans::by_source(move |caller: Principal| {
            let (asked, is_down) = (asked.clone(), is_down.clone());
            async move {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                match is_down.load(Ordering::SeqCst) {
                    true => Err(StoreError::new("billing is down")),
                    false => Ok((caller.subject() == "alice").then(|| "pro".to_owned())),
                }
            }
        })
    };
    let closed = Service::with(plans(source()));
    let open = Service::with(plans(source().fallback("pro")));
    for service in [&closed, &open] {
        let before = asked.load(Ordering::SeqCst);
        assert_eq!(service.passing(get("/orders").token(&service.token("alice"))).await, 4);
        assert_eq!(asked.load(Ordering::SeqCst) - before, 1, "remembered");
        assert_eq!(service.passing(get("/orders").token(&service.token("bob"))).await, 1);
    }
    is_down.store(true, Ordering::SeqCst);
    let answer = closed.send(get("/orders").token(&closed.token("eve"))).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    drop(answer);
    let record = closed.seen.records().pop().unwrap();
    assert!(
        record.rejection.unwrap().private_cause().unwrap().to_string().contains("billing is down")
    );
    assert_eq!(open.passing(get("/orders").token(&open.token("eve"))).await, 4);
    let record = open.seen.records().pop().unwrap();
    let note = record.notes.iter().find(|(key, _)| *key == "throttle-plan").unwrap();
    assert_eq!(note.1, "pro, since it could not be looked up");
    // What is remembered holds on, and what is not is looked up again soon.
    closed.clock.advance(Duration::from_secs(59));
    assert_eq!(closed.status(get("/orders").token(&closed.token("alice"))).await, 429);
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(closed.status(get("/orders").token(&closed.token("eve"))).await, 200);
}

#[tokio::test]
async fn a_route_a_caller_and_a_reason_come_before_plans() {
    let throttle = plans(Plans::by_claim("plan"))
        .on_route("POST /orders/{id}", [Limit::per_hour(3)])
        .for_principal("https://id.example", "robot", [Limit::per_hour(6)])
        .exempt(Exempt::network("10.0.0.0/8"), "the mesh")
        .exempt(Exempt::scope("internal"), "our own jobs")
        .exempt(Exempt::route("GET /health"), "load balancers")
        .named("calls");
    let service = Service::with(throttle);
    let pro = service.token("alice").claim("plan", "pro");
    let robot = service.token("robot").claim("plan", "pro");
    assert_eq!(service.passing(get("/orders/7").method("POST").token(&pro)).await, 3);
    assert_eq!(service.passing(get("/orders/8").method("POST").token(&pro)).await, 0, "one route");
    assert_eq!(service.passing(get("/orders/7").token(&pro)).await, 4, "another bucket");
    assert_eq!(service.passing(get("/orders/7").method("POST").token(&robot)).await, 6);
    assert_eq!(service.passing(get("/health").token(&pro)).await, 12);
    let internal = service.token("job").scope("internal");
    assert_eq!(service.passing(get("/orders").token(&internal)).await, 12);
    let record = service.seen.records().pop().unwrap();
    let note = record.notes.iter().find(|(key, _)| *key == "throttle-exempt").unwrap();
    assert_eq!(note.1, "calls: scope internal (our own jobs)");
    let meshed = service.token("eve");
    assert_eq!(service.passing(get("/orders").token(&meshed).from("10.9.8.7")).await, 12);
    assert_eq!(service.passing(get("/orders").token(&meshed)).await, 1);
}

#[tokio::test]
async fn a_route_in_disguise_is_no_way_around_its_limits_nor_into_an_exemption() {
    let throttle = per_hour(9, Key::Principal)
        .on_route("/orders", [Limit::per_hour(2)])
        .exempt(Exempt::route("/health"), "load balancers");
    let service = Service::with(throttle);
    let token = service.token("alice");
    let mut statuses = Vec::new();
    for path in ["/orders", "/%6frders", "/order%73", "/orders", "/orders/"] {
        statuses.push(service.status(get(path).token(&token)).await);
    }
    assert_eq!(statuses, [200, 404, 429, 429, 429]);
    let mut passed = 0;
    for _ in 0..12 {
        passed += usize::from(service.status(get("/he%61lth").token(&token)).await == 404);
    }
    assert_eq!(passed, 9);
    assert_eq!(service.passing(get("/health").token(&token)).await, 12);
}

#[test]
fn the_manifest_says_who_is_exempt_and_why() {
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .throttle(per_hour(9, Key::ClientNet).exempt(Exempt::network("10.0.0.0/8"), "the mesh"))
        .public("/open", "test")
        .build()
        .unwrap();
    let manifest = stack.manifest().to_string();
    assert!(manifest.contains("exempt network 10.0.0.0/8 (the mesh)"), "{manifest}");
}

#[test]
fn what_asks_for_the_caller_does_not_build_without_anybody_who_authenticates() {
    let build = |throttle: ThrottleBuilder| {
        let stack = Parapet::builder().peer(Peer::ConnectInfo).public("/open", "test");
        stack.throttle(throttle).build()
    };
    for throttle in [
        per_hour(9, Key::Tenant),
        per_hour(9, Key::ApiKey),
        per_hour(9, Key::claim("org")),
        per_hour(9, Key::of("half", |_| Some(1_u8))),
        plans(Plans::by_claim("plan")).by(Key::ClientNet),
        per_hour(9, Key::ClientNet).exempt(Exempt::scope("internal"), "jobs"),
        per_hour(9, Key::ClientNet).for_principal("a", "b", [Limit::per_hour(9)]),
    ] {
        assert!(build(throttle).is_err());
    }
    assert!(build(per_hour(9, Key::at_edge("half", |_| Some(1_u8)))).is_ok());
}
