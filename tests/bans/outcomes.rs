//! What throttles charge once it is known how a request ended.

use tower_parapet::throttle::{Count, Effect, Key, Throttle, ThrottleBuilder};

use super::*;

/// Bans that nobody reaches, and a throttle.
async fn throttled(throttle: ThrottleBuilder) -> Service {
    let patient = Bans::builder().on(Signal::NotFound, 1).threshold(10_000);
    service(patient, |stack| stack.throttle(throttle)).await
}

impl Service {
    /// How many of so many requests are not refused for the limit.
    async fn admitted(&self, client: &str, path: &str, count: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..count {
            admitted += usize::from(self.get(client, path).await != 429);
        }
        admitted
    }
}

#[tokio::test]
async fn what_we_break_and_what_has_not_changed_costs_nothing() {
    let throttle = Throttle::per_hour(3)
        .on(Signal::Fault, Effect::Refund)
        .on(Signal::status(304), Effect::Refund);
    let service = throttled(throttle).await;
    assert_eq!(service.admitted(ALICE, "/broken", 10).await, 10);
    assert_eq!(service.admitted(ALICE, "/same", 10).await, 10);
    assert_eq!(service.admitted(ALICE, "/open", 10).await, 3);
    service.clock.advance(20 * MINUTE);
    assert_eq!(service.admitted(ALICE, "/open", 10).await, 1, "it owes nothing it has not spent");
}

#[tokio::test]
async fn a_penalty_is_charged_once_beside_what_the_request_cost_and_to_nobody_else() {
    let throttle = Throttle::per_hour(10).on(Signal::NotFound, Effect::Penalty(4));
    let service = throttled(throttle).await;
    assert_eq!(service.admitted(MALLORY, "/nothing", 9).await, 2);
    assert_eq!(service.admitted(ALICE, "/open", 20).await, 10);
}

#[tokio::test]
async fn a_penalty_may_be_more_than_is_left_and_is_waited_off() {
    let throttle = Throttle::per_hour(60).burst(2).on(Signal::FailedLogin, Effect::Penalty(10));
    let service = throttled(throttle).await;
    assert_eq!(service.fail(MALLORY).await, 401);
    // Eleven were spent, and two could be: nine are owed, and one more is needed for a request.
    service.clock.advance(9 * MINUTE + Duration::from_secs(59));
    assert_eq!(service.get(MALLORY, "/open").await, 429);
    service.clock.advance(Duration::from_secs(1));
    assert_eq!(service.get(MALLORY, "/open").await, 200);
}

#[tokio::test]
async fn what_the_limit_itself_refuses_costs_nothing_more() {
    let throttle = Throttle::per_hour(60).burst(1).on(Signal::Limited, Effect::Penalty(10));
    let service = throttled(throttle).await;
    assert_eq!(service.admitted(MALLORY, "/open", 50).await, 1);
    service.clock.advance(MINUTE);
    assert_eq!(service.get(MALLORY, "/open").await, 200);
}

#[tokio::test]
async fn the_end_may_say_what_a_request_has_cost_in_all() {
    let throttle =
        Throttle::per_hour(10).cost(2).on(Signal::reported("card-declined"), Effect::Cost(5));
    let service = throttled(throttle).await;
    for _ in 0..2 {
        assert_eq!(service.ask(ALICE, "POST", "/pay", None).await.status, 200);
    }
    assert_eq!(service.get(ALICE, "/open").await, 429);
}

#[tokio::test]
async fn where_only_outcomes_count_requests_are_free_and_nobody_is_told_how_many_are_left() {
    let throttle = Throttle::per_hour(3)
        .counting(Count::Outcomes)
        .on(Signal::FailedLogin, Effect::Penalty(1))
        .on(Signal::NotFound, Effect::Penalty(1));
    let service = throttled(throttle).await;
    assert_eq!(service.admitted(MALLORY, "/open", 20).await, 20);
    assert_eq!(service.fail(MALLORY).await, 401);
    assert_eq!(service.get(MALLORY, "/nothing").await, 401);
    let answer = service.ask(MALLORY, "GET", "/open", None).await;
    assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
    assert_eq!(service.ask(MALLORY, "POST", "/login", None).await.status, 401);
    assert_eq!(service.get(MALLORY, "/open").await, 429);
    assert_eq!(service.get(ALICE, "/open").await, 200);
    service.clock.advance(20 * MINUTE);
    assert_eq!(service.get(MALLORY, "/open").await, 200);
}

#[tokio::test]
async fn a_caller_pays_wherever_they_call_from() {
    let throttle =
        Throttle::per_hour(10).by(Key::Principal).on(Signal::NotFound, Effect::Penalty(9));
    let service = throttled(throttle).await;
    let ask = async |client, path| service.ask(client, "GET", path, Some("mallory")).await.status;
    assert_eq!(ask(MALLORY, "/nothing").await, 404);
    assert_eq!(ask(ALICE, "/orders").await, 429);
    assert_eq!(service.ask(MALLORY, "GET", "/orders", Some("alice")).await.status, 200);
}
