use std::time::Duration;

use super::super::super::ledger::Ledger;
use super::super::super::limit::Limit;
use super::super::super::order::Mode;
use super::shelf::*;
use crate::answer::Answer;

#[tokio::test]
async fn a_cold_key_borrows_exactly_what_it_needs() {
    let (clock, shelf, process) = alone(Limit::per_second(1_000), leases(100));
    for key in 0..50 {
        assert!(process.admits(key).await);
        clock.advance(ms(300));
    }
    assert_eq!((shelf.calls(), shelf.charged()), (50, 50));
}

#[tokio::test]
async fn a_hot_key_costs_a_fiftieth_of_a_call_per_request() {
    let (clock, shelf, process) = alone(Limit::per_second(20_000), leases(200));
    for _ in 0..50_000 {
        assert!(process.admits(1).await);
        clock.advance(Duration::from_micros(100));
        tokio::task::yield_now().await;
    }
    let share = shelf.calls() as f64 / 50_000.0;
    println!("10,000 requests a second: {:.2} % of one call per request", share * 100.0);
    assert!(share <= 0.02, "{share}");
    let calls = process.near.calls().unwrap();
    assert_eq!(calls.asked() + calls.borrowed(), shelf.calls());
    assert_eq!(calls.asked() + calls.leased(), 50_000);
}

#[tokio::test]
async fn a_key_at_its_limit_costs_little_too_and_gets_all_of_it() {
    let (clock, shelf, process) = alone(Limit::per_second(1_000), both(200));
    let mut admitted = 0;
    for _ in 0..50_000 {
        admitted += u64::from(process.admits(1).await);
        clock.advance(Duration::from_micros(100));
        tokio::task::yield_now().await;
    }
    let share = shelf.calls() as f64 / 50_000.0;
    println!(
        "ten times the limit: {:.2} % of one call per request, {admitted} admitted",
        share * 100.0
    );
    assert!(share <= 0.02, "{share}");
    assert!((5_500..=6_000).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn requests_that_arrive_together_wait_for_one_batch() {
    let (_, shelf, process) = alone(Limit::per_second(10_000), leases(100));
    for _ in 0..40 {
        assert!(process.admits(1).await);
    }
    settle().await;
    while process.balance(1) > 0 {
        assert!(process.start(1, 1, Mode::Spend).wait().await.unwrap().admitted());
    }
    let before = shelf.calls();
    shelf.set_turns(20);
    let waiting = (0..30).map(|_| process.start(1, 1, Mode::Spend).wait());
    let answers = futures_util::future::join_all(waiting).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().admitted()));
    assert!(shelf.calls() - before <= 2, "{}", shelf.calls() - before);
}

#[tokio::test]
async fn a_batch_is_borrowed_ahead_so_that_nobody_waits() {
    let (clock, _, process) = alone(Limit::per_second(10_000), leases(100));
    let mut waited = 0;
    for _ in 0..10_000 {
        match process.start(1, 1, Mode::Spend) {
            Answer::Now(verdict) => assert!(verdict.unwrap().admitted()),
            Answer::Later(asked) => {
                waited += 1;
                assert!(asked.await.unwrap().admitted());
            }
        }
        clock.advance(Duration::from_micros(200));
        tokio::task::yield_now().await;
    }
    assert!(waited < 100, "{waited}");
}

#[tokio::test]
async fn a_lease_ends_after_its_hold_and_what_is_left_is_given_back() {
    let (clock, shelf, process) =
        alone(Limit::rate(10_000, Duration::from_secs(86_400)), leases(100));
    let mut spent = 0;
    for _ in 0..60 {
        spent += i64::from(process.admits(1).await);
        settle().await;
    }
    let balance = process.balance(1) as i64;
    assert!(balance > 0);
    assert_eq!(shelf.charged(), spent + balance);
    clock.advance(ms(1_001));
    assert!(process.admits(1).await);
    settle().await;
    assert_eq!(shelf.charged(), spent + 1);
    assert_eq!(process.near.calls().unwrap().returned(), 1);
}

#[tokio::test]
async fn what_a_cold_key_leaves_is_given_back_by_requests_of_others() {
    let settings = super::super::Settings { keys: 64, ..leases(100) };
    let (clock, shelf, process) = alone(Limit::rate(10_000, Duration::from_secs(86_400)), settings);
    process.warm(1, 60).await;
    clock.advance(ms(1_001));
    for key in 100..108 {
        assert!(process.admits(key).await);
    }
    settle().await;
    assert_eq!(shelf.charged(), 60 + 8);
}

#[tokio::test]
async fn a_lease_ends_with_its_window() {
    let (clock, _, process) = alone(Limit::fixed(1_000, Duration::from_secs(1)), leases(100));
    process.warm(1, 100).await;
    assert!(process.balance(1) > 0);
    clock.advance(ms(1_000));
    let mut admitted = 0;
    for _ in 0..3_000 {
        admitted += u64::from(process.admits(1).await);
        tokio::task::yield_now().await;
    }
    assert!(admitted <= 1_000, "{admitted}");
    assert!(admitted + process.balance(1) >= 1_000, "{admitted}");
}

#[tokio::test]
async fn leases_are_spent_to_their_end_while_the_store_is_lost() {
    let (clock, shelf, process) = alone(Limit::per_second(10_000), leases(100));
    process.warm(1, 100).await;
    shelf.lose(true);
    let balance = process.balance(1);
    assert!(balance > 0);
    for _ in 0..balance {
        assert!(process.start(1, 1, Mode::Spend).wait().await.unwrap().admitted());
    }
    assert!(process.start(1, 1, Mode::Spend).wait().await.is_err());
    shelf.lose(false);
    clock.advance(ms(300));
    assert!(process.admits(1).await);
}

#[tokio::test]
async fn more_keys_than_there_is_room_for_ask_the_store() {
    let settings = super::super::Settings { keys: 64, ..leases(100) };
    let (_, _, process) = alone(Limit::per_second(10_000), settings);
    for round in 0..30 {
        for key in 0..1_000 {
            assert!(process.admits(key).await, "{round} {key}");
        }
        settle().await;
    }
    assert!(process.near.0.slots.len() <= 64);
}

#[tokio::test]
async fn a_key_that_becomes_hot_takes_the_place_of_a_cold_one() {
    let settings = super::super::Settings { keys: 8, ..leases(100) };
    let (_, shelf, process) = alone(Limit::per_second(10_000), settings);
    for key in 0..100 {
        assert!(process.admits(key).await);
    }
    let before = shelf.calls();
    for _ in 0..1_000 {
        assert!(process.admits(7_777).await);
        tokio::task::yield_now().await;
    }
    assert!(shelf.calls() - before < 100, "{}", shelf.calls() - before);
}

#[tokio::test]
async fn what_a_request_cost_less_goes_back_to_the_lease_and_more_is_taken_from_it() {
    let (_, shelf, process) = alone(Limit::per_second(10_000), leases(100));
    process.warm(1, 100).await;
    let verdict = process.ask(1, 5).await;
    settle().await;
    let (before, balance) = (shelf.calls(), process.balance(1));
    let receipt = process.receipt(1, verdict);
    assert!(matches!(process.near.settle(&receipt, -3), Answer::Now(())));
    assert_eq!(process.balance(1), (balance + 3).min(100));
    assert!(matches!(process.near.settle(&receipt, 10), Answer::Now(())));
    assert_eq!(process.balance(1), (balance + 3).min(100) - 10);
    assert_eq!(shelf.calls(), before);
    process.near.settle(&receipt, 1_000).wait().await;
    assert_eq!((process.balance(1), shelf.calls()), (0, before + 1));
}

#[tokio::test]
async fn a_rehearsal_spends_nothing() {
    let (_, shelf, process) = alone(Limit::per_second(10_000), leases(100));
    process.warm(1, 100).await;
    let (before, balance) = (shelf.charged(), process.balance(1));
    for _ in 0..200 {
        assert!(process.start(1, 1, Mode::Peek).wait().await.unwrap().admitted());
    }
    assert_eq!((shelf.charged(), process.balance(1)), (before, balance));
}
