use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum_core::body::Body;
use futures_util::FutureExt;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::{BusinessFlow, BusinessFlowBuilder};
use crate::{
    Guard, Parapet, Peer, PeerAddr, Phase,
    clock::ManualClock,
    guard::IntoGuard,
    throttle::{Count, Key, Limit, Throttle},
};

fn checkout(throttle: crate::throttle::ThrottleBuilder) -> BusinessFlowBuilder {
    BusinessFlow::named("checkout").routes(["POST /basket", "POST /orders/{id}"]).at_most(throttle)
}

fn stack(guard: impl IntoGuard, clock: &ManualClock) -> Parapet {
    let stack = Parapet::builder().dangerous().bare().peer(Peer::Extension);
    stack.with_clock(clock.clone()).guard(guard).build().unwrap()
}

fn ask(stack: &Parapet, method: &str, path: &str, peer: &str) -> Response<Body> {
    let handler = service_fn(|_: Request<Body>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
    });
    let peer: SocketAddr = peer.parse().unwrap();
    let request = Request::builder().method(method).uri(path).extension(PeerAddr::new(peer));
    let request = request.body(Body::empty()).unwrap();
    stack.layer(handler).oneshot(request).now_or_never().unwrap().unwrap()
}

#[test]
fn the_routes_of_a_flow_have_one_bucket_and_others_none() {
    let clock = ManualClock::default();
    let stack = stack(checkout(Throttle::per_hour(4).by(Key::ClientNet)), &clock);
    let status = |method, path| ask(&stack, method, path, "192.0.2.1:1").status().as_u16();
    for path in ["/basket", "/orders/1", "/orders/2", "/basket"] {
        assert_eq!(status("POST", path), 200);
    }
    for path in ["/basket", "/orders/3", "/orders/3/", "/%62asket"] {
        assert_eq!(status("POST", path), 429, "{path}");
    }
    for (method, path) in [("GET", "/basket"), ("POST", "/else"), ("POST", "/orders")] {
        assert_eq!(status(method, path), 200, "{method} {path}");
    }
    assert_eq!(ask(&stack, "POST", "/basket", "192.0.2.2:1").status(), 200);
    let refused = ask(&stack, "POST", "/basket", "192.0.2.1:1");
    let policy = refused.headers()["ratelimit-policy"].to_str().unwrap();
    assert_eq!(policy, "\"checkout-per-hour\";q=4;w=3600");
    assert!(refused.headers().contains_key("retry-after"));
    let other = ask(&stack, "GET", "/basket", "192.0.2.1:1");
    assert!(!other.headers().contains_key("ratelimit"));
}

#[test]
fn who_is_too_fast_for_a_person_is_refused() {
    let clock = ManualClock::default();
    let pace = Throttle::of(Limit::rate(1, Duration::from_secs(2))).by(Key::ClientNet);
    let stack = stack(checkout(pace), &clock);
    let status = |path| ask(&stack, "POST", path, "192.0.2.1:1").status().as_u16();
    assert_eq!(status("/basket"), 200);
    clock.advance(Duration::from_millis(1_900));
    assert_eq!(status("/orders/1"), 429);
    clock.advance(Duration::from_millis(100));
    assert_eq!(status("/orders/1"), 200);
}

#[test]
fn the_phase_follows_from_the_key() {
    let phase = |key| checkout(Throttle::per_hour(1).by(key)).build().unwrap().phase();
    assert_eq!((phase(Key::ClientNet), phase(Key::Principal)), (Phase::EdgeThrottle, Phase::Quota));
}

#[test]
fn limits_without_a_name_bear_the_flows() {
    let limits =
        Throttle::per_hour(4).and(Limit::per_day(9)).and(Limit::per_minute(2).named("own"));
    let stack = stack(checkout(limits), &ManualClock::default());
    let answer = ask(&stack, "POST", "/basket", "192.0.2.1:1");
    let told = answer.headers()["ratelimit-policy"].to_str().unwrap();
    let told: Vec<_> = told.split(", ").map(|policy| policy.split(';').next().unwrap()).collect();
    assert_eq!(told, ["\"checkout-per-hour\"", "\"checkout-per-day\"", "\"own\""]);
}

#[test]
fn every_mistake_is_reported_at_once_with_its_value_and_its_remedy() {
    let setters = |builder: BusinessFlowBuilder| -> Vec<_> {
        let error = builder.build().unwrap_err();
        for mistake in error.mistakes() {
            assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
        }
        error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect()
    };
    assert_eq!(setters(BusinessFlow::named("a b")), ["named", "routes", "at_most"]);
    let nonsense = checkout(Throttle::per_minute(0).max_keys(0)).routes(["basket"]);
    assert_eq!(setters(nonsense), ["routes", "at_most.per_minute", "at_most.max_keys"]);
    let guesses = checkout(Throttle::per_minute(1).counting(Count::ForgedCredentials));
    assert_eq!(setters(guesses), ["at_most.counting"]);
    assert!(checkout(Throttle::per_minute(1)).build().is_ok());
}
