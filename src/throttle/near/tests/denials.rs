use std::time::Duration;

use super::super::super::ledger::Ledger;
use super::super::super::limit::Limit;
use super::super::super::order::Mode;
use super::shelf::*;
use crate::answer::Answer;

#[tokio::test]
async fn a_key_that_is_known_to_be_empty_is_refused_without_a_call() {
    let (clock, shelf, process) = alone(Limit::per_minute(60).burst(5), denials());
    for _ in 0..5 {
        assert!(process.admits(1).await);
    }
    assert!(!process.admits(1).await);
    let before = shelf.calls();
    clock.advance(ms(400));
    let Answer::Now(Ok(verdict)) = process.start(1, 1, Mode::Spend) else { panic!("it asked") };
    assert_eq!((verdict.admitted(), verdict.wait()), (false, 600_000_000));
    assert_eq!(shelf.calls(), before);
    clock.advance(ms(600));
    assert!(process.admits(1).await);
    assert_eq!(process.near.calls().unwrap().denied(), 1);
}

#[tokio::test]
async fn a_denial_is_of_one_key_and_one_set_of_limits() {
    let clock = clock();
    let shelf = Shelf::new(&clock);
    let free = limits(&[Limit::per_minute(60).burst(1)]);
    let process = Process::new(&shelf, &clock, &free, denials(), 7);
    assert!(process.admits(1).await && !process.admits(1).await);
    assert!(process.admits(2).await);
    let mut mistakes = crate::error::Mistakes::default();
    let pro = Limit::per_minute(600).burst(100).ruled("pro", &mut mistakes);
    let pro = super::super::super::limits::Limits::new(1, vec![pro], String::new());
    let upgraded = process.with_limits(&std::sync::Arc::new(pro));
    let before = shelf.calls();
    let _ = upgraded.ask(1, 1).await;
    assert_eq!(shelf.calls(), before + 1);
}

#[tokio::test]
async fn a_cheaper_request_is_still_asked_about_and_a_dearer_one_is_not() {
    let (_, shelf, process) = alone(Limit::per_minute(60).burst(10), denials());
    assert!(process.ask(1, 8).await.admitted());
    assert!(!process.ask(1, 5).await.admitted());
    let before = shelf.calls();
    assert!(!process.ask(1, 6).await.admitted());
    assert_eq!(shelf.calls(), before);
    assert!(process.ask(1, 2).await.admitted());
    assert_eq!(shelf.calls(), before + 1);
}

#[tokio::test]
async fn a_denial_lasts_no_longer_than_it_may() {
    let (clock, shelf, process) = alone(Limit::fixed(1, Duration::from_secs(86_400)), denials());
    assert!(process.admits(1).await && !process.admits(1).await);
    let before = shelf.calls();
    assert!(!process.admits(1).await);
    clock.advance(ms(1_000));
    assert!(!process.admits(1).await);
    assert_eq!(shelf.calls(), before + 1);
}

#[tokio::test]
async fn what_is_given_back_here_ends_a_denial() {
    let (_, _, process) = alone(Limit::per_hour(10), denials());
    let verdict = process.ask(1, 10).await;
    assert!(verdict.admitted() && !process.admits(1).await);
    process.near.settle(&process.receipt(1, verdict), -4).wait().await;
    assert!(process.admits(1).await);
}

#[tokio::test]
async fn a_look_is_refused_from_memory_too() {
    let (_, shelf, process) = alone(Limit::per_hour(1), denials());
    let look = || async { process.start(1, 1, Mode::Look).wait().await.unwrap().admitted() };
    assert!(look().await);
    assert!(process.admits(1).await);
    assert!(!look().await);
    let before = shelf.calls();
    assert!(!look().await);
    assert_eq!(shelf.calls(), before);
}

#[tokio::test]
async fn a_lost_store_is_no_denial() {
    let (_, shelf, process) = alone(Limit::per_hour(100), both(10));
    shelf.lose(true);
    assert!(process.start(1, 1, Mode::Spend).wait().await.is_err());
    shelf.lose(false);
    assert!(process.admits(1).await);
}
