//! What an admitted request costs in allocations, part by part, over the bare axum service.
//!
//! Each table is built up one part at a time; the difference that a part makes is asserted, and so
//! is the sum, against the stack as a service would build it.
#![cfg(all(
    feature = "axum",
    feature = "jwt",
    feature = "throttle",
    feature = "validate",
    feature = "audit",
    feature = "testing"
))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/token.rs"]
mod token;

use std::{
    alloc::System,
    convert::Infallible,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, routing::get};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::Service;
use tower_parapet::{
    Body, Exchange, Flow, Guard, Observer, Parapet, ParapetBuilder, Peer, Phase, Policy, Record,
    Rejection,
    address::{IpFilter, IpFilterBuilder},
    audit::{JsonLines, JsonLinesBuilder},
    auth::Authenticate,
    clock::ManualClock,
    context::Tls,
    throttle::{Exempt, Key, Limit, Plans, Throttle, ThrottleBuilder},
    transport::{Cors, Csrf, Sanity, SecurityHeaders},
    validate::JsonLimits,
    version::{Deprecation, Versions},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One row: what a part adds to an admitted `GET`, and why.
struct Part(&'static str, usize, &'static str, fn(ParapetBuilder) -> ParapetBuilder);

/// The stack without any part: no route table, no default guard.
fn bare() -> ParapetBuilder {
    Parapet::builder().with_clock(CLOCK.clone()).dangerous().bare()
}

const BARE: &[Part] = &[
    Part("adapter", 0, "the exchange and the tail live in the future", |s| s),
    Part("six trivial guards", 0, "a guard that lets through at once costs a call", |s| {
        (0..6).fold(s, |s, _| s.guard(Trivial))
    }),
];

const OBSERVED: &[Part] = &[
    Part("adapter and six trivial guards", 0, "as above", |s| {
        (0..6).fold(s, |s, _| s.guard(Trivial))
    }),
    Part(
        "observer",
        3,
        "the ticket with the record; the answer's body, boxed with its hold on the ticket; the \
         context, boxed in the request's extensions, since handlers may add notes and lease",
        |s| s.observe(Deaf),
    ),
];

const FULL: &[Part] = &[
    Part("peer", 1, "the context, boxed in the request's extensions", |s| {
        s.peer(Peer::ConnectInfo)
    }),
    Part("routes", 0, "the route is shared with the table", |s| {
        s.route("GET /orders", Policy::optional())
    }),
    Part("sanity", 0, "looks only", |s| s.guard(Sanity::default())),
    Part("json limits", 0, "there is no body", |s| s.guard(JsonLimits::default())),
    Part("list of 100 addresses", 0, "searched in place", |s| {
        s.guard(addresses().build().unwrap())
    }),
    Part(
        "security headers",
        4,
        "the list of reply headers, long enough for the throttles too; a copy of the set, which is \
         two buffers; the regrowth of one as the handler's own headers join",
        |s| s.guard(SecurityHeaders::default()),
    ),
    Part(
        "policy for other origins, of a request without one",
        0,
        "`Vary` is static and fits into the list of reply headers",
        |s| s.cors(Cors::builder().origins(["https://app.example.com"]).credentials()),
    ),
    Part("look for other sites, without cookies", 0, "looks only", |s| s.csrf(Csrf::builder())),
    Part("throttle by client network", 0, "`RateLimit` is kept once written: few can occur", |s| {
        s.guard(by_client().build().unwrap())
    }),
    Part("token seen before", 0, "the principal is shared with the cache", |s| {
        s.guard(Authenticate::with(token::jwt().build().unwrap()))
    }),
    Part(
        "throttle by principal",
        3,
        "`RateLimit`, written anew: too many can occur to keep them; the two fields, of this \
         throttle and the other one",
        |s| s.guard(by_caller().build().unwrap()),
    ),
    Part("record", 2, "the ticket; the answer's body, boxed with its hold on the ticket", |s| {
        s.observe(Deaf)
    }),
    Part(
        "audit to a file",
        1,
        "the path, copied out of the request's buffer; the queue's two lists change hands with \
         the writer and keep their size",
        |s| s.audit(audit()),
    ),
];

const VERSIONED: &[Part] = &[
    Part("peer", 1, "the context, boxed in the request's extensions", |s| {
        s.peer(Peer::ConnectInfo)
    }),
    Part("version", 0, "found in place and shared; the current one is told nothing", |s| {
        s.guard(Versions::by_path().current("v2").otherwise("v2").build().unwrap())
    }),
    Part("deprecated version", 1, "the list of reply headers, which were made beforehand", |s| {
        let ending = Deprecation::since("2020-01-31").sunset("9999-12-31").link("/news");
        let versions = Versions::by_path().current("v2").deprecated("v1", ending);
        s.guard(versions.otherwise("v1").build().unwrap())
    }),
];

const CHOSEN: &[Part] = &[
    Part("peer", 1, "the context, boxed in the request's extensions", |s| {
        s.peer(Peer::ConnectInfo)
    }),
    Part("token seen before", 0, "the principal is shared with the cache", |s| {
        s.guard(Authenticate::with(token::jwt().build().unwrap()))
    }),
    Part("throttle by principal that tells nothing", 0, "the key is hashed as it is read", |s| {
        s.guard(by_caller().quiet().build().unwrap())
    }),
    Part(
        "the same by a claim and a key of its own, with plans, overrides and exemptions",
        0,
        "claims are read once for a token; limits are found in place and not cloned",
        |s| {
            let key =
                Key::claim("iss").and(Key::of("path", |exchange| Some(exchange.path().len())));
            let plans =
                Plans::by_claim("plan").plan("free", [Limit::per_second(1_000)]).otherwise("free");
            let throttle = by_caller()
                .quiet()
                .by(key)
                .exempt(Exempt::network("203.0.113.0/24"), "the office")
                .exempt(Exempt::principal("https://id.example", "robot"), "our own")
                .exempt(Exempt::scope("internal"), "our own")
                .exempt(Exempt::route("/health"), "load balancers")
                .for_principal("https://id.example", "partner", [Limit::per_second(9)])
                .on_route("POST /orders", [Limit::per_second(9)])
                .plans(plans);
            s.guard(throttle.build().unwrap())
        },
    ),
];

/// The same as [`FULL`], as a service would write it.
fn full() -> ParapetBuilder {
    Parapet::builder()
        .with_clock(CLOCK.clone())
        .peer(Peer::ConnectInfo)
        .ip(addresses())
        .cors(Cors::builder().origins(["https://app.example.com"]).credentials())
        .csrf(Csrf::builder())
        .throttle(by_client())
        .authenticate(token::jwt())
        .throttle(by_caller())
        .route("GET /orders", Policy::authenticated())
        .audit(audit())
}

#[test]
fn the_bare_stack_allocates_what_its_table_says() {
    assert_table("bare stack", BARE);
}

#[test]
fn a_bare_stack_with_an_observer_allocates_what_its_table_says() {
    assert_table("bare stack with an observer", OBSERVED);
}

#[test]
fn limits_that_are_chosen_allocate_what_their_table_says() {
    assert_table("limits that are chosen", CHOSEN);
}

#[test]
fn versions_allocate_what_their_table_says() {
    assert_table("versions", VERSIONED);
}

#[test]
fn the_full_stack_allocates_what_its_table_says_and_nothing_beside() {
    let sum = assert_table("full stack", FULL);
    let built = measure(full().build().unwrap().protect(router())) - measure(router());
    println!("{built:>3}  the same stack, as a service writes it");
    assert_eq!(built, sum, "the full stack allocates what no row of its table explains");
}

/// Asserts every row and gives their sum.
fn assert_table(title: &str, parts: &[Part]) -> usize {
    println!("{title}, over the bare axum service:");
    let service = measure(router());
    let (mut wrong, mut before) = (Vec::new(), 0);
    for (index, Part(name, expected, why, _)) in parts.iter().enumerate() {
        let stack = parts[..=index].iter().fold(bare(), |stack, part| part.3(stack));
        let after = measure(stack.build().unwrap().protect(router())) - service;
        let found = after - before;
        println!("{found:>3}  {name}: {why}");
        if found != *expected {
            wrong.push(format!("{name}: {found} instead of {expected}"));
        }
        before = after;
    }
    assert!(wrong.is_empty(), "{title}: {wrong:#?}");
    parts.iter().map(|part| part.1).sum()
}

/// The allocations of one request, regrowths included, from its call until its answer is dropped.
///
/// The tests of this file run at once, and the audit's writer has a thread of its own; both are
/// heard in a few requests only, so the median of many is the request's own. The first ones warm
/// up: the token is verified, the first items of `RateLimit` are written, the queue grows.
fn measure<S>(mut service: S) -> usize
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let once = |_| {
        CLOCK.advance(Duration::from_millis(20));
        let request = request();
        let region = Region::new(ALLOCATOR);
        let response = service.call(request).now_or_never().unwrap().unwrap();
        let (status, body) = (response.status(), response.into_body());
        body.collect().now_or_never().unwrap().unwrap();
        let change = region.change();
        assert_eq!(status, 200);
        change.allocations + change.reallocations
    };
    let mut counts: Vec<usize> = (0..301).map(once).skip(100).collect();
    counts.sort_unstable();
    counts[counts.len() / 2]
}

fn router() -> Router {
    Router::new().route("/orders", get(async || "none yet"))
}

/// A request as axum's server hands it on.
fn request() -> Request<Body> {
    let peer = SocketAddr::from(([192, 0, 2, 7], 4000));
    Request::get("/orders")
        .header("host", "localhost")
        .header("authorization", &*AUTHORIZATION)
        .extension(ConnectInfo(peer))
        .extension(Tls::new())
        .body(Body::empty())
        .unwrap()
}

struct Trivial;

impl Guard for Trivial {
    fn name(&self) -> &'static str {
        "trivial"
    }
    fn phase(&self) -> Phase {
        Phase::Transport
    }
    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::Continue)
    }
}

struct Deaf;

impl Observer for Deaf {
    fn completed(&self, _: &Record) {}
}

fn addresses() -> IpFilterBuilder {
    IpFilter::builder()
        .deny((0..100).map(|last| Ipv4Addr::new(198, 51, 100, last)).collect::<Vec<_>>())
}

fn by_client() -> ThrottleBuilder {
    Throttle::per_second(100).by(Key::ClientNet).named("client")
}

fn by_caller() -> ThrottleBuilder {
    Throttle::per_hour(1_000_000).by(Key::Principal).named("caller")
}

fn audit() -> JsonLinesBuilder {
    static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("allocations.jsonl");
        let _ = fs::remove_file(&file);
        file
    });
    JsonLines::to(&*FILE)
}

const NOW: u64 = 1_800_000_000;
static CLOCK: LazyLock<ManualClock> =
    LazyLock::new(|| ManualClock::at_unix(Duration::from_secs(NOW)));

static AUTHORIZATION: LazyLock<String> =
    LazyLock::new(|| format!("Bearer {}", token::alice(NOW + 86_400, "orders:read")));
