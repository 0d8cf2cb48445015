//! Explanations: that they say what a live request would meet, and that asking changes nothing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/token.rs"]
mod token;

mod differential;
mod stack;

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;
use tower_parapet::{
    Exchange, Flow, Guard, Observer, Parapet, Peer, PeerAddr, Phase, Policy, Reason, Record,
    Rejection, Throttle,
    compose::{Shadow, When},
    inspect::{Decision, Verdict},
    scope,
};

use support::{caller::ByHeader, does};

fn shop() -> tower_parapet::ParapetBuilder {
    Parapet::builder()
        .peer(Peer::Extension)
        .guard(ByHeader)
        .throttle(Throttle::per_minute(1).named("shop"))
        .public("GET /catalogue", "shop window")
        .route("/admin/{*rest}", Policy::require(scope("admin")))
        .route("POST /orders", Policy::authenticated().body_limit(8))
}

fn request(method: &str, target: &str, who: &str) -> Request<()> {
    let peer = PeerAddr::new("192.0.2.7:4711".parse().unwrap());
    let request = Request::builder().method(method).uri(target).header("x-who", who);
    request.extension(peer).body(()).unwrap()
}

#[tokio::test]
async fn a_refusal_names_the_guard_what_it_expected_and_what_it_found() {
    let parapet = shop().build().unwrap();
    let request = request("GET", "/admin/users?token=secret", "alice");
    let explanation = parapet.explain(&request).await;
    let rejection = explanation.rejection().unwrap();
    assert_eq!(rejection.reason(), Reason::InsufficientScope);
    assert_eq!(rejection.guard(), Some("authorize"));
    assert_eq!(explanation.status().unwrap(), 403);
    assert_eq!(explanation.route().unwrap().pattern(), "/admin/{*rest}");
    assert_eq!(explanation.client().unwrap().to_string(), "192.0.2.7");
    assert_eq!(explanation.principal().unwrap().subject(), "alice");
    assert_eq!(explanation.replies()["x-content-type-options"], "nosniff");
    let text = explanation.to_string();
    println!("{text}");
    for told in [
        "GET /admin/users: refused with 403 insufficient-scope by authorize\n",
        "  expected   scope admin\n",
        "  found      scopes; roles alice\n",
        "  route      /admin/{*rest}, for authenticated callers\n",
        "  client     192.0.2.7, the peer itself (peer 192.0.2.7:4711)\n",
        "  principal  alice of test, by custom; roles alice\n",
        "  Authorize     route",
        "    authorize",
        "not reached\n",
        "  x-content-type-options: nosniff\n",
    ] {
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
    assert!(text.lines().count() < 50, "{text}");
    for text in [text, format!("{explanation:?}")] {
        assert!(!text.contains("secret"), "{text}");
    }
    assert!(!format!("{explanation:?}").contains("scope admin"));
}

#[tokio::test]
async fn every_guard_is_listed_once_in_its_order_whatever_was_reached() {
    let parapet = shop().build().unwrap();
    let mut lists = Vec::new();
    for (method, target, who) in
        [("GET", "/catalogue", ""), ("GET", "/admin/x", "a"), ("TRACE", "/catalogue", "")]
    {
        let explanation = parapet.explain(&request(method, target, who)).await;
        let of_stack = explanation.steps().iter().filter(|step| step.depth() == 0);
        lists.push(of_stack.map(|step| (step.phase(), step.guard())).collect::<Vec<_>>());
        let mut decisions: Vec<_> = explanation.steps().iter().map(|s| s.decision()).collect();
        decisions.dedup();
        match explanation.verdict() {
            Verdict::Admitted => assert_eq!(decisions, [Decision::Continued]),
            _ => assert_eq!(
                decisions,
                [Decision::Continued, Decision::Refused, Decision::NotReached],
                "{explanation}"
            ),
        }
    }
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0], lists[2]);
    assert!(lists[0].is_sorted_by_key(|(phase, _)| *phase));
}

#[tokio::test]
async fn a_throttle_is_asked_a_thousand_times_and_spends_nothing() {
    let parapet = shop().build().unwrap();
    for _ in 0..1000 {
        let explanation = parapet.explain(&request("GET", "/catalogue", "")).await;
        assert!(explanation.is_admitted(), "{explanation}");
        assert_eq!(explanation.replies()["ratelimit"], "\"shop\";r=0;t=60");
    }
}

struct Told(std::sync::Arc<AtomicUsize>);

impl Observer for Told {
    fn completed(&self, _: &Record) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn nobody_is_told_of_what_was_only_explained() {
    let told = std::sync::Arc::new(AtomicUsize::new(0));
    let parapet = shop().observe(Told(told.clone())).build().unwrap();
    let findings = parapet.findings().iter().count();
    let mut request = request("GET", "/catalogue", "");
    request.headers_mut().insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
    for _ in 0..2000 {
        parapet.explain(&request).await;
    }
    request.extensions_mut().clear();
    let explanation = parapet.explain(&request).await;
    assert_eq!(explanation.rejection().unwrap().reason(), Reason::AddressUnknown);
    assert_eq!(told.load(Ordering::Relaxed), 0);
    assert_eq!(parapet.findings().iter().count(), findings);
}

struct Waits;

impl Guard for Waits {
    fn name(&self) -> &'static str {
        "waits"
    }
    fn phase(&self) -> Phase {
        Phase::Transport
    }
    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::suspend(|exchange| {
            Box::pin(async move {
                tokio::task::yield_now().await;
                match exchange.headers().contains_key("x-odd") {
                    true => Err(Rejection::new(Reason::Forbidden)),
                    false => Ok(Flow::Continue),
                }
            })
        }))
    }
}

#[tokio::test]
async fn what_waits_is_on_trial_or_does_not_apply_is_said() {
    let trial = Shadow::of(does(|_| Err(Rejection::new(Reason::Forbidden)))).unwrap();
    let never = When::request(|_| false, does(|_| panic!("never asked"))).unwrap();
    let parapet = shop().guard(Waits).guard(trial).guard(never).build().unwrap();
    let explanation = parapet.explain(&request("GET", "/catalogue", "")).await;
    assert!(explanation.is_admitted());
    let text = explanation.to_string();
    assert!(text.contains("waited, then continued"), "{text}");
    assert!(text.contains("continued: on trial, would refuse: forbidden"), "{text}");
    assert!(text.contains("continued: its condition does not hold"), "{text}");
    assert!(text.contains("would-reject: does: forbidden"), "{text}");
    let mut odd = request("GET", "/catalogue", "");
    odd.headers_mut().insert("x-odd", "1".parse().unwrap());
    let text = parapet.explain(&odd).await.to_string();
    assert!(text.contains("waited, then refused"), "{text}");
}

#[tokio::test]
async fn a_guard_that_panics_is_a_refusal_and_those_behind_it_are_not_reached() {
    let parapet = shop().guard(does(|_| panic!("no luck"))).build().unwrap();
    let explanation = parapet.explain(&request("GET", "/catalogue", "")).await;
    assert_eq!(explanation.rejection().unwrap().reason(), Reason::Panicked);
    let last = explanation.steps().last().unwrap();
    assert_eq!(last.decision(), Decision::NotReached, "{explanation}");
    assert_eq!(explanation.steps().iter().filter(|s| s.decision() == Decision::Refused).count(), 1);
}

#[tokio::test]
async fn a_body_that_is_not_given_is_judged_by_its_announced_length() {
    let parapet = shop().build().unwrap();
    let mut order = request("POST", "/orders", "alice");
    order.headers_mut().insert("content-length", "8".parse().unwrap());
    let explanation = parapet.explain(&order).await;
    assert!(explanation.is_admitted() && explanation.is_body_missing(), "{explanation}");
    assert!(explanation.to_string().contains("announced but not given"));
    order.headers_mut().insert("content-length", "9".parse().unwrap());
    let explanation = parapet.explain(&order).await;
    assert_eq!(explanation.rejection().unwrap().reason(), Reason::BodyTooLarge);
    assert_eq!(explanation.steps().last().unwrap().guard(), "body");
    let explanation = parapet.explain(&order).body("too long by far").await;
    assert_eq!(explanation.rejection().unwrap().reason(), Reason::BodyTooLarge);
    assert!(!explanation.is_body_missing());
}

#[tokio::test]
async fn a_head_alone_can_be_explained() {
    let head = request("GET", "/catalogue", "").into_parts().0;
    assert!(shop().build().unwrap().explain(&head).await.is_admitted());
}

#[tokio::test]
async fn what_was_sent_cannot_speak_to_the_terminal() {
    let found = |_: &mut Exchange| Err(Rejection::new(Reason::Forbidden).found("a\u{1b}[31m\nb"));
    let parapet = shop().guard(does(found)).build().unwrap();
    let text = parapet.explain(&request("GET", "/catalogue", "")).await.to_string();
    assert!(text.contains("  found      a\\u{1b}[31m\\nb\n"), "{text}");
}
