//! Plans by claim, by owner and by look-up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::*;
use crate::answer::{Answer, StoreError};
use crate::clock::ManualClock;
use crate::context::{Principal, PrincipalBuilder};
use crate::guard::{Exchange, Guard, drive};
use crate::rejection::{Reason, Rejection};
use crate::throttle::{Key, Throttle};

fn alice() -> PrincipalBuilder {
    Principal::builder("https://id.example", "alice")
}

fn with_claims(claims: Value) -> PrincipalBuilder {
    let Value::Object(claims) = claims else { return alice() };
    alice().claims(claims)
}

/// Of `free` 1, of `pro` 3, and of nobody 2.
fn throttle(plans: Plans) -> Throttle {
    let plans = plans
        .plan("free", [Limit::per_hour(1)])
        .plan("pro", [Limit::per_hour(3)])
        .otherwise("free");
    Throttle::per_hour(2).by(Key::Principal).plans(plans).build().unwrap()
}

struct Desk {
    throttle: Throttle,
    clock: ManualClock,
}

impl Desk {
    fn of(plans: Plans) -> Self {
        Self { throttle: throttle(plans), clock: ManualClock::default() }
    }

    async fn ask(&self, caller: PrincipalBuilder) -> Result<(), Rejection> {
        let mut exchange = Exchange::test(Request::new(()), self.clock.clone());
        exchange.set_principal(caller.build());
        let flow = self.throttle.check(&mut exchange)?;
        drive(flow, &mut exchange).await.map(|_| ())
    }

    /// How many requests pass, up to five.
    async fn passing(&self, caller: impl Fn() -> PrincipalBuilder) -> usize {
        for passed in 0..5 {
            if self.ask(caller()).await.is_err() {
                return passed;
            }
        }
        5
    }
}

#[tokio::test]
async fn a_claim_names_the_plan_and_anything_else_is_none() {
    for (claims, passing) in [
        (json!({"plan": "pro"}), 3),
        (json!({"plan": "free"}), 1),
        (json!({"plan": "PRO"}), 1),
        (json!({"plan": ["pro"]}), 1),
        (json!({"plan": null}), 1),
        (json!({"plan": {"name": "pro"}}), 1),
        (json!({}), 1),
    ] {
        let desk = Desk::of(Plans::by_claim("plan"));
        assert_eq!(desk.passing(|| with_claims(claims.clone())).await, passing, "{claims}");
    }
    let desk = Desk::of(Plans::by_claim("/billing/plan"));
    assert_eq!(desk.passing(|| with_claims(json!({"billing": {"plan": "pro"}}))).await, 3);
    let desk = Desk::of(Plans::by_claim("plan"));
    assert_eq!(desk.passing(alice).await, 1, "without claims");
}

#[tokio::test]
async fn a_table_names_the_plans_of_owners_and_of_nobody_who_is_only_called_alike() {
    let table = || Plans::by_owner([("acme", "pro"), ("tiny", "free")]);
    let key = |owner: &'static str| move || Principal::builder("api-key", owner);
    assert_eq!(Desk::of(table()).passing(key("acme")).await, 3);
    assert_eq!(Desk::of(table()).passing(key("tiny")).await, 1);
    assert_eq!(Desk::of(table()).passing(key("other")).await, 1);
    let token = || Principal::builder("https://id.example", "acme");
    assert_eq!(Desk::of(table()).passing(token).await, 1);
    assert_eq!(Desk::of(table().issuer("https://id.example")).passing(token).await, 3);
}

#[tokio::test]
async fn a_store_of_credentials_names_the_plan() {
    let desk = || Desk::of(Plans::by_store());
    assert_eq!(desk().passing(|| alice().plan("pro")).await, 3);
    assert_eq!(desk().passing(|| alice().plan("gold")).await, 1);
    assert_eq!(desk().passing(|| with_claims(json!({"plan": "pro"}))).await, 1);
}

/// A source that counts how often it was really asked, and waits at a gate.
#[derive(Clone)]
struct Source {
    plan: Arc<Mutex<Result<Option<&'static str>, &'static str>>>,
    asked: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Source {
    fn new(plan: Result<Option<&'static str>, &'static str>) -> Self {
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { plan: Arc::new(Mutex::new(plan)), asked: Arc::default(), gate }
    }

    fn set(&self, plan: Result<Option<&'static str>, &'static str>) {
        *self.plan.lock().unwrap() = plan;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn plans(&self) -> Plans {
        let source = self.clone();
        Plans::by_source(move |_: Principal| {
            let source = source.clone();
            async move {
                source.asked.fetch_add(1, Ordering::SeqCst);
                let _turn = source.gate.acquire().await.map_err(StoreError::new)?;
                let plan = *source.plan.lock().unwrap();
                plan.map(|plan| plan.map(str::to_owned)).map_err(StoreError::new)
            }
        })
    }
}

#[tokio::test]
async fn a_plan_that_was_looked_up_is_remembered_for_its_time() {
    let source = Source::new(Ok(Some("pro")));
    let desk = Desk::of(source.plans().ttl(Duration::from_secs(30)));
    assert_eq!(desk.passing(alice).await, 3);
    assert_eq!(source.asked(), 1);
    source.set(Ok(None));
    desk.clock.advance(Duration::from_secs(29));
    assert!(desk.ask(alice()).await.is_err(), "pro, and used up");
    assert_eq!(source.asked(), 1);
    desk.clock.advance(Duration::from_secs(1));
    assert!(desk.ask(alice()).await.is_ok(), "free");
    assert_eq!(source.asked(), 2);
    assert!(desk.ask(Principal::builder("https://id.example", "bob")).await.is_ok());
    assert_eq!(source.asked(), 3, "each caller by itself");
}

#[tokio::test]
async fn however_many_ask_a_caller_is_looked_up_once() {
    let source = Source::new(Ok(Some("pro")));
    source.gate.forget_permits(Semaphore::MAX_PERMITS);
    let desk = Desk::of(source.plans());
    let asking = join_all((0..100).map(|_| desk.ask(alice())));
    let opening = async {
        while source.asked() == 0 {
            tokio::task::yield_now().await;
        }
        source.gate.add_permits(1);
    };
    let (answers, ()) = tokio::join!(asking, opening);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn a_source_that_fails_closes_the_door_unless_a_plan_was_named_for_it() {
    let source = Source::new(Err("out of order"));
    let desk = Desk::of(source.plans());
    let refused = desk.ask(alice()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Unavailable);
    assert!(refused.headers().iter().any(|(name, _)| name == "retry-after"));
    assert_eq!(desk.ask(alice()).await.unwrap_err().reason(), Reason::Unavailable);
    assert_eq!(source.asked(), 1, "a source in trouble is left alone for a second");
    source.set(Ok(Some("pro")));
    desk.clock.advance(Duration::from_secs(1));
    assert!(desk.ask(alice()).await.is_ok());

    let source = Source::new(Err("out of order"));
    let desk = Desk::of(source.plans().fallback("pro"));
    assert_eq!(desk.passing(alice).await, 3);
    source.set(Ok(Some("free")));
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(desk.passing(alice).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_says_nothing_is_waited_for_no_longer_than_said() {
    let source = Source::new(Ok(Some("pro")));
    source.gate.forget_permits(Semaphore::MAX_PERMITS);
    let desk = Desk::of(source.plans().timeout(Duration::from_millis(300)));
    let begun = tokio::time::Instant::now();
    assert_eq!(desk.ask(alice()).await.unwrap_err().reason(), Reason::Unavailable);
    assert_eq!(begun.elapsed(), Duration::from_millis(300));
}

#[tokio::test]
async fn more_look_ups_than_let_fail_at_once_and_are_not_remembered() {
    let source = Source::new(Ok(Some("pro")));
    source.gate.forget_permits(Semaphore::MAX_PERMITS);
    let desk = Desk::of(source.plans().parallel(1));
    let mut first = Box::pin(desk.ask(alice()));
    assert!((&mut first).now_or_never().is_none());
    let bob = || Principal::builder("https://id.example", "bob");
    assert_eq!(desk.ask(bob()).await.unwrap_err().reason(), Reason::Unavailable);
    source.gate.add_permits(1);
    assert!(first.await.is_ok());
    assert!(desk.ask(bob()).await.is_ok());
}

#[tokio::test]
async fn whoever_leaves_takes_nobodys_look_up_along() {
    let source = Source::new(Ok(Some("pro")));
    source.gate.forget_permits(Semaphore::MAX_PERMITS);
    let desk = Desk::of(source.plans());
    let (mut one, mut other) = (Box::pin(desk.ask(alice())), Box::pin(desk.ask(alice())));
    assert!((&mut one).now_or_never().is_none());
    assert!((&mut other).now_or_never().is_none());
    drop(one);
    source.gate.add_permits(1);
    assert!(other.await.is_ok());
    assert_eq!(source.asked(), 1);
}

#[tokio::test]
async fn strangers_in_any_number_push_nothing_out_of_bounds() {
    let source = Source::new(Ok(None));
    let plans = source.plans().capacity(100);
    let desk = Desk::of(plans);
    for number in 0..2_000 {
        let caller = Principal::builder("https://id.example", format!("caller-{number}"));
        assert!(desk.ask(caller).await.is_ok());
    }
    // All but the last hundred at most have been forgotten.
    let before = source.asked();
    for number in 0..1_000 {
        let caller = Principal::builder("https://id.example", format!("caller-{number}"));
        let _ = desk.ask(caller).await;
    }
    assert!(source.asked() - before >= 900, "{}", source.asked() - before);
}

#[tokio::test]
async fn what_a_source_has_at_hand_is_never_stale() {
    struct AtHand(Arc<Mutex<&'static str>>);
    impl PlanSource for AtHand {
        fn plan_of(&self, _: &Principal) -> Answer<Result<Option<String>, StoreError>> {
            Answer::Now(Ok(Some((*self.0.lock().unwrap()).to_owned())))
        }
    }
    let plan = Arc::new(Mutex::new("free"));
    let desk = Desk::of(Plans::by_source(AtHand(plan.clone())));
    assert_eq!(desk.passing(alice).await, 1);
    *plan.lock().unwrap() = "pro";
    assert_eq!(desk.passing(alice).await, 3);
}

fn setters(plans: Plans) -> Vec<String> {
    let error = Throttle::per_hour(1).plans(plans).build().unwrap_err();
    for mistake in error.mistakes() {
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
    }
    error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect()
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let one = || Plans::by_claim("plan").plan("free", [Limit::per_hour(1)]);
    let five = [1, 2, 3, 4, 5].map(|n| Limit::rate(9, Duration::from_secs(n)));
    let source = || Source::new(Ok(None)).plans().plan("free", [Limit::per_hour(1)]);
    for (plans, expected) in [
        (one(), vec!["plans"]),
        (Plans::by_store(), vec!["plans", "plans"]),
        (one().otherwise("pro"), vec!["otherwise"]),
        (one().plan("pro", []).otherwise("free"), vec!["plan"]),
        (one().plan("pro", five).otherwise("free"), vec!["plan"]),
        (one().plan("free", [Limit::per_hour(2)]).otherwise("free"), vec!["plan"]),
        (one().plan("", [Limit::per_hour(2)]).otherwise("free"), vec!["plan"]),
        (one().plan("pro", [Limit::per_hour(0)]).otherwise("free"), vec!["plan(pro).per_hour"]),
        (
            one().plan("pro", [Limit::per_hour(1).named("a b")]).otherwise("free"),
            vec!["plan(pro).named"],
        ),
        (
            one().plan("pro", [Limit::per_hour(1), Limit::per_hour(2)]).otherwise("free"),
            vec!["plan(pro).named"],
        ),
        (one().otherwise("free").fallback("free"), vec!["fallback"]),
        (Plans::by_claim("").plan("a", [Limit::per_hour(1)]).otherwise("a"), vec!["by_claim"]),
        (Plans::by_claim("/a~2").plan("a", [Limit::per_hour(1)]).otherwise("a"), vec!["by_claim"]),
        (
            Plans::by_owner([("acme", "gold"), ("tiny", "free"), ("tiny", "free")])
                .plan("free", [Limit::per_hour(1)])
                .issuer("")
                .otherwise("free"),
            vec!["issuer", "by_owner", "by_owner"],
        ),
        (
            source().otherwise("free").fallback("gold").timeout(Duration::ZERO),
            vec!["timeout", "fallback"],
        ),
        (source().otherwise("free").capacity(0).parallel(0), vec!["capacity", "parallel"]),
    ] {
        assert_eq!(setters(plans.clone()), expected, "{plans:?}");
    }
}
