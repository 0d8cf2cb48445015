//! Which limits a request falls under, and that each set of them counts by itself.

use std::sync::Arc;

use http::{Method, Request};
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::context::{Access, ClientAddr, Principal, PrincipalBuilder, Provenance, Route};
use crate::error::Mistakes;
use crate::guard::{Exchange, Guard, Phase};
use crate::inspect::Findings;
use crate::observe::{Record, Ticket};
use crate::rejection::Reason;
use crate::throttle::{Count, Key, Limit, Plans, Throttle, ThrottleBuilder};

fn call(method: &str, path: &str) -> Exchange {
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    let mut exchange = Exchange::test(request, ManualClock::default());
    exchange.set_client(ClientAddr::new("192.0.2.1".parse().unwrap(), Provenance::Peer));
    exchange
}

fn by(caller: PrincipalBuilder) -> Exchange {
    let mut exchange = call("GET", "/orders");
    exchange.set_principal(caller.build());
    exchange
}

fn alice() -> PrincipalBuilder {
    Principal::builder("https://id.example", "alice")
}

/// How many requests like this one pass, up to ten.
fn passing(throttle: &ThrottleBuilder, request: impl Fn() -> Exchange) -> usize {
    let throttle = throttle.clone().build().unwrap();
    (0..10).take_while(|_| throttle.check(&mut request()).is_ok()).count()
}

fn patterns(rules: &[(&str, usize)], is_widened: bool) -> (Patterns, Mistakes) {
    let (mut patterns, mut mistakes) = (Patterns::default(), Mistakes::default());
    for (pattern, place) in rules {
        patterns.add("on_route", pattern, *place, &mut mistakes);
    }
    (patterns.build("on_route", is_widened, &mut mistakes), mistakes)
}

#[test]
fn the_narrowest_pattern_counts_and_one_for_the_method_before_one_for_all() {
    let rules = [
        ("/{*rest}", 0),
        ("/orders/{id}", 1),
        ("POST /orders/{id}", 2),
        ("GET,DELETE /orders/late", 3),
        ("/admin/{*rest}", 4),
    ];
    let (patterns, mistakes) = patterns(&rules, true);
    assert!(mistakes.is_empty());
    let of = |method: &str, path| {
        patterns.find(&Method::from_bytes(method.as_bytes()).unwrap(), path, false)
    };
    assert_eq!(of("GET", "/orders/7"), Some(1));
    assert_eq!(of("POST", "/orders/7"), Some(2));
    assert_eq!(of("POST", "/orders/late"), Some(2));
    assert_eq!(of("GET", "/orders/late"), Some(3));
    assert_eq!(of("HEAD", "/orders/late"), Some(3), "HEAD follows GET");
    assert_eq!(of("PUT", "/orders/late"), Some(1));
    assert_eq!(of("BREW", "/orders/7"), Some(1));
    assert_eq!(of("GET", "/"), Some(0));
    for covered in ["/admin", "/admin/", "/admin/users/7"] {
        assert_eq!(of("GET", covered), Some(4), "{covered}");
    }
    assert_eq!(of("GET", "/orders/7/"), Some(1), "what a requirement of that pattern covers");
}

#[test]
fn a_path_in_disguise_is_held_by_an_override_and_not_set_free_by_an_exemption() {
    let (wide, _) = patterns(&[("/orders", 1)], true);
    let (narrow, _) = patterns(&[("/orders", 1)], false);
    for path in ["/orders", "/%6frders", "/order%73"] {
        assert_eq!(wide.find(&Method::GET, path, false), Some(1), "{path}");
    }
    assert_eq!(narrow.find(&Method::GET, "/orders", true), Some(1));
    for path in ["/%6frders", "/orders/", "/orders/7", "/ORDERS", "/orders%2f", "/orders%"] {
        assert_eq!(narrow.find(&Method::GET, path, true), None, "{path}");
    }
    let (any, _) = patterns(&[("/files/{name}", 1), ("/files/secret", 2)], false);
    assert_eq!(any.find(&Method::GET, "/files/%73ecret", true), None, "it reads as two of them");
    assert_eq!(any.find(&Method::GET, "/files/a%20b", true), Some(1));
}

proptest! {
    #[test]
    fn no_path_and_no_method_is_too_odd_to_be_matched(path in "/[%a-f0-9/{}é ]{0,12}", odd in "[A-Z]{1,9}") {
        let (patterns, _) = patterns(&[("/a/{b}", 1), ("GET /{*c}", 2)], true);
        let method = Method::from_bytes(odd.as_bytes()).unwrap();
        for is_strict in [true, false] {
            let _ = patterns.find(&method, &path, is_strict);
            let _ = patterns.find(&Method::GET, &path, is_strict);
        }
    }
}

fn everything() -> ThrottleBuilder {
    Throttle::per_hour(1)
        .by(Key::Principal)
        .plans(
            Plans::by_store()
                .plan("free", [Limit::per_hour(2)])
                .plan("pro", [Limit::per_hour(5), Limit::per_day(4).named("daily")])
                .otherwise("free"),
        )
        .on_route("POST /orders", [Limit::per_hour(3)])
        .for_principal("https://id.example", "robot", [Limit::per_hour(6)])
        .exempt(Exempt::route("GET /health"), "load balancers")
        .exempt(Exempt::scope("internal"), "our own jobs")
        .exempt(Exempt::principal("https://id.example", "probe"), "monitoring")
        .exempt(Exempt::network("10.0.0.0/8"), "the mesh")
}

#[test]
fn the_most_specific_one_wins() {
    let throttle = everything();
    let robot = || Principal::builder("https://id.example", "robot");
    let on = |method, path, caller: PrincipalBuilder| {
        let mut exchange = call(method, path);
        exchange.set_principal(caller.build());
        exchange
    };
    assert_eq!(passing(&throttle, || by(alice())), 2, "no plan");
    assert_eq!(passing(&throttle, || by(alice().plan("platinum"))), 2, "an unknown plan");
    assert_eq!(passing(&throttle, || by(alice().plan("pro"))), 4, "the tightest of its plan");
    assert_eq!(passing(&throttle, || on("POST", "/orders", alice().plan("pro"))), 3, "the route");
    assert_eq!(passing(&throttle, || on("POST", "/orders", robot().plan("pro"))), 6, "the caller");
    assert_eq!(passing(&throttle, || on("GET", "/health", robot())), 10, "exempt");
    assert_eq!(passing(&throttle, || on("POST", "/health", alice())), 2, "by another method not");
    assert_eq!(passing(&throttle, || by(robot().scope("internal"))), 10, "exempt");
    let probe = || Principal::builder("https://id.example", "probe");
    assert_eq!(passing(&throttle, || by(probe())), 10, "exempt");
    assert_eq!(passing(&throttle, || by(Principal::builder("https://other.example", "probe"))), 2);
    let mesh = || {
        let mut exchange = by(robot());
        let ip = "::ffff:10.1.2.3".parse().unwrap();
        exchange.set_client(ClientAddr::new(ip, Provenance::Peer));
        exchange
    };
    assert_eq!(passing(&throttle, mesh), 10, "exempt");
}

#[test]
fn who_is_nobody_has_what_the_throttle_began_with() {
    let throttle = everything();
    let stranger = || {
        let mut exchange = call("GET", "/news");
        exchange.set_route(Arc::new(Route::new("/news", Access::Optional)));
        exchange
    };
    assert_eq!(passing(&throttle, stranger), 1);
    let throttle = throttle.build().unwrap();
    let refused = throttle.check(&mut call("GET", "/closed")).err().unwrap();
    assert_eq!(refused.reason(), Reason::MissingCredentials);
}

#[test]
fn each_set_of_limits_has_buckets_of_its_own() {
    let throttle = everything().build().unwrap();
    let ask = |caller: PrincipalBuilder| throttle.check(&mut by(caller)).is_ok();
    assert!(ask(alice()) && ask(alice()) && !ask(alice()));
    for _ in 0..4 {
        assert!(ask(alice().plan("pro")));
    }
    assert!(!ask(alice().plan("pro")));
    assert!(!ask(alice()), "and back is no new one");
}

fn notes(exchange: &Exchange) -> Vec<(&'static str, String)> {
    let later = exchange.later.as_ref();
    let notes = later.into_iter().flat_map(|later| &later.notes);
    notes.map(|(key, value)| (*key, value.to_string())).collect()
}

#[test]
fn an_exemption_and_its_reason_are_noted_and_in_the_summary() {
    let throttle = everything().named("api").build().unwrap();
    let mut exchange = by(alice().scope("internal"));
    assert!(throttle.check(&mut exchange).is_ok());
    assert_eq!(
        notes(&exchange),
        [("throttle-exempt", "api: scope internal (our own jobs)".to_owned())]
    );
    assert_eq!(
        throttle.summary(),
        "1 per hour, burst 1, by principal, at most 100000 keys; first of: \
         exempt network 10.0.0.0/8 (the mesh), \
         exempt principal probe of https://id.example (monitoring), \
         exempt scope internal (our own jobs), \
         exempt route GET /health (load balancers), \
         principal robot of https://id.example (6 per hour, burst 6), \
         route POST /orders (3 per hour, burst 3), \
         plan by what the store of credentials says: free (2 per hour, burst 2) \
         or pro (5 per hour, burst 5, 4 per day, burst 4), otherwise free"
    );
}

#[test]
fn a_refusal_names_the_limits_that_were_used_up() {
    let throttle = everything().build().unwrap();
    let ask = || throttle.check(&mut by(alice().plan("pro"))).err();
    let refused = std::iter::repeat_with(ask).flatten().next().unwrap();
    assert_eq!(
        refused.private_expected(),
        Some("5 per hour, burst 5, 4 per day, burst 4, for plan pro")
    );
}

#[test]
fn what_asks_for_the_caller_runs_once_it_is_known_and_the_rest_before() {
    let edge = || Throttle::per_hour(1);
    let phase = |builder: ThrottleBuilder| builder.build().unwrap().phase();
    let early = [
        edge().on_route("/orders", [Limit::per_hour(1)]),
        edge().exempt(Exempt::route("/health"), "probes"),
        edge().by(Key::Global).exempt(Exempt::network("10.0.0.0/8"), "mesh"),
    ];
    let late = [
        edge().for_principal("a", "b", [Limit::per_hour(1)]),
        edge().exempt(Exempt::scope("internal"), "jobs"),
        edge().exempt(Exempt::principal("a", "b"), "jobs"),
        edge().plans(Plans::by_claim("plan").plan("a", [Limit::per_hour(1)]).otherwise("a")),
    ];
    for builder in early {
        assert_eq!(phase(builder), Phase::EdgeThrottle);
    }
    for builder in late {
        assert_eq!(phase(builder), Phase::Quota);
    }
}

fn forged(ip: &str) -> Record {
    let mut exchange = call("GET", "/orders");
    exchange.set_client(ClientAddr::new(ip.parse().unwrap(), Provenance::Peer));
    let client = exchange.client();
    let mut record = Ticket::open(&mut exchange, false).lock().record.clone();
    record.client = client;
    record.rejection = Some(Rejection::new(Reason::InvalidCredentials));
    record
}

#[test]
fn forged_credentials_of_an_exempt_network_cost_nobody_anything() {
    let throttle = Throttle::per_hour(1)
        .by(Key::Global)
        .counting(Count::ForgedCredentials)
        .exempt(Exempt::network("198.51.100.0/24"), "the scanner we pay for")
        .build()
        .unwrap();
    let observer = throttle.observer().unwrap();
    let asks = || throttle.check(&mut call("GET", "/orders")).is_ok();
    assert!(asks());
    for _ in 0..5 {
        observer.completed(&forged("198.51.100.7"));
    }
    assert!(asks());
    observer.completed(&forged("203.0.113.7"));
    assert!(!asks());
}

#[test]
fn an_exemption_of_nearly_everybody_is_a_finding() {
    let found = |exempt| {
        let mut report = Findings::default();
        let throttle = Throttle::per_hour(1).exempt(exempt, "convenience").build().unwrap();
        throttle.findings(&mut report);
        report.iter().filter(|finding| finding.code == "wide-exemption").count()
    };
    for wide in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3", "::ffff:0.0.0.0/96"] {
        assert_eq!(found(Exempt::network(wide)), 1, "{wide}");
    }
    assert_eq!(found(Exempt::route("/{*rest}")), 1);
    assert_eq!(found(Exempt::route("GET /{*any}")), 1);
    for narrow in ["10.0.0.0/8", "fc00::/7", "192.0.2.7", "2001:db8::/32"] {
        assert_eq!(found(Exempt::network(narrow)), 0, "{narrow}");
    }
    assert_eq!(found(Exempt::route("/health/{*rest}")), 0);
    assert_eq!(found(Exempt::scope("internal")), 0);
}
