//! Many processes, requests at random, answers that take their time: what is admitted, against the
//! bound that is stated.

use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;

use super::super::super::limit::Limit;
use super::super::super::order::Mode;
use super::super::super::rule::{Moment, Rate, State};
use super::super::Settings;
use super::shelf::*;
use crate::answer::Answer;
use crate::clock::Clock;

/// What happens next: a request at a process, time that passes, answers that come.
#[derive(Clone, Copy, Debug)]
enum Event {
    Request { process: usize, cost: u64 },
    Pass(Duration),
    Turns(usize),
    Slow(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => (0..4_usize, 1..4_u64).prop_map(|(process, cost)| Event::Request { process, cost }),
        3 => (0..20_000_u64).prop_map(|us| Event::Pass(Duration::from_micros(us))),
        1 => (0..1_500_u64).prop_map(|ms| Event::Pass(Duration::from_millis(ms))),
        3 => (0..20_usize).prop_map(Event::Turns),
        1 => (0..8_u64).prop_map(Event::Slow),
    ];
    // Bursts of the same kind: a key is hot for a while.
    let run = (event, 1..60_usize).prop_map(|(event, times)| vec![event; times]);
    prop::collection::vec(run, 1..60).prop_map(|runs| runs.concat())
}

/// One request that was admitted: when it was made, and what it cost.
type Admitted = (Moment, u64);

fn admitted(limit: Limit, settings: Settings, events: &[Event]) -> Vec<Admitted> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let clock = clock();
        let (shelf, limits) = (Shelf::new(&clock), limits(&[limit]));
        let process = |secret| Process::new(&shelf, &clock, &limits, settings, secret);
        let processes: Vec<_> = [11, 22, 33, 44].map(process).into();
        let mut admitted = Vec::new();
        let mut waiting = FuturesUnordered::<BoxFuture<'_, Option<Admitted>>>::new();
        for event in events {
            match *event {
                Event::Request { process, cost } => {
                    let at = moment(&clock);
                    match processes[process].start(1, cost, Mode::Spend) {
                        Answer::Now(verdict) => {
                            admitted.extend(verdict.unwrap().admitted().then_some((at, cost)));
                        }
                        Answer::Later(asked) => {
                            let clock = clock.clone();
                            waiting.push(Box::pin(async move {
                                let verdict = asked.await.unwrap();
                                // It is let in when its answer has come.
                                verdict.admitted().then_some((moment(&clock), cost))
                            }));
                        }
                    }
                }
                // Time passes for what is under way, too, but no longer than a call may take.
                Event::Pass(by) => {
                    while let Some(done) = waiting.next().await {
                        admitted.extend(done);
                    }
                    settle().await;
                    clock.advance(by);
                }
                Event::Turns(turns) => {
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                        while let Some(done) =
                            futures_util::future::FutureExt::now_or_never(waiting.next()).flatten()
                        {
                            admitted.extend(done);
                        }
                    }
                }
                Event::Slow(turns) => shelf.set_turns(turns),
            }
        }
        while let Some(done) = waiting.next().await {
            admitted.extend(done);
        }
        admitted
    })
}

proptest! {
    #[test]
    fn a_rate_is_exceeded_by_what_the_processes_may_hold_and_by_no_more(
        events in events(), quota in 1..2_000_u32, burst in 1..500_u32, batch in 1..100_u32,
        denies: bool,
    ) {
        let settings = if denies { both(batch) } else { leases(batch) };
        let limit = Limit::rate(quota, Duration::from_secs(1)).burst(burst);
        // Between any two instants no more than the burst, what comes back, and what was held.
        let most = Rate::new(quota, 1_000_000_000, burst + 4 * batch.min(burst / 4)).unwrap();
        let most = super::super::super::rule::Rule::Rate(most);
        let mut state: Option<State> = None;
        for (at, cost) in admitted(limit, settings, &events) {
            let (standing, after) = most.weigh(state, at, cost);
            prop_assert!(standing.admitted, "{at:?}");
            state = Some(after);
        }
    }

    #[test]
    fn a_fixed_window_is_never_exceeded(
        events in events(), quota in 1..2_000_u32, batch in 1..100_u32, denies: bool,
    ) {
        let settings = if denies { both(batch) } else { leases(batch) };
        let limit = Limit::fixed(quota, Duration::from_secs(1));
        let mut windows = std::collections::HashMap::<u64, u64>::new();
        for (at, cost) in admitted(limit, settings, &events) {
            let count = windows.entry(at.unix / 1_000_000_000).or_default();
            *count += cost;
            prop_assert!(*count <= quota.into(), "{at:?}");
        }
    }

    #[test]
    fn denials_alone_never_admit_more_than_the_limit(
        events in events(), quota in 1..2_000_u32, burst in 1..500_u32,
    ) {
        let limit = Limit::rate(quota, Duration::from_secs(1)).burst(burst);
        let rule = Rate::new(quota, 1_000_000_000, burst).unwrap();
        let rule = super::super::super::rule::Rule::Rate(rule);
        let mut state: Option<State> = None;
        for (at, cost) in admitted(limit, denials(), &events) {
            let (standing, after) = rule.weigh(state, at, cost);
            prop_assert!(standing.admitted, "{at:?}");
            state = Some(after);
        }
    }
}

/// Each process asks so often in each millisecond; what they got in ten seconds.
async fn shares(limit: Limit, settings: Settings, asks: &[u64]) -> Vec<u64> {
    let clock = clock();
    let (shelf, limits) = (Shelf::new(&clock), limits(&[limit]));
    let process = |i| Process::new(&shelf, &clock, &limits, settings, 1_000 + 77 * i as u64);
    let processes: Vec<_> = (0..asks.len()).map(process).collect();
    let mut got = vec![0; asks.len()];
    for turn in 0..10_000_usize {
        for i in 0..asks.len() {
            // Nobody is always the first.
            let i = (i + turn) % asks.len();
            for _ in 0..asks[i] {
                got[i] += u64::from(processes[i].admits(1).await);
            }
        }
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(1));
    }
    assert!(clock.now() > Duration::ZERO);
    got
}

#[tokio::test]
async fn processes_at_ten_times_the_limit_get_all_of_it_and_each_its_share() {
    for burst in [1_000, 100, 20, 1] {
        let limit = Limit::per_second(1_000).burst(burst);
        let got = shares(limit, both(100), &[3, 3, 4]).await;
        let all: u64 = got.iter().sum();
        let most = 10_000 + u64::from(burst) + 3 * 100;
        println!("burst {burst}: {got:?}, {all} of {most}");
        assert!(all <= most, "{got:?}");
        assert!(all >= 9_000, "{got:?}");
        assert!(got.iter().all(|got| *got > all / 10), "{got:?}");
    }
}

#[tokio::test]
async fn a_quiet_process_is_not_starved_by_a_hot_one() {
    let limit = Limit::fixed(10_000, Duration::from_secs(10));
    let got = shares(limit, both(200), &[5, 1]).await;
    println!("{got:?}");
    assert!(got.iter().sum::<u64>() >= 10_000 - 1, "{got:?}");
    assert!(got[1] >= 1_000, "{got:?}");
}

#[tokio::test]
async fn the_last_of_a_quota_goes_one_by_one() {
    let limit = Limit::rate(100, Duration::from_secs(86_400));
    let got = shares(limit, both(50), &[1, 1, 1]).await;
    println!("{got:?}");
    let all: u64 = got.iter().sum();
    assert_eq!(all, 100, "{got:?}");
}

#[tokio::test]
async fn demand_below_the_limit_is_never_refused() {
    let got = shares(Limit::per_second(1_000).burst(100), both(100), &[0, 0]).await;
    assert_eq!(got, [0, 0]);
    let clock = clock();
    let (shelf, limits) = (Shelf::new(&clock), limits(&[Limit::per_second(1_000).burst(100)]));
    let one = Process::new(&shelf, &clock, &limits, both(100), 1);
    let two = Process::new(&shelf, &clock, &limits, both(100), 2);
    for turn in 0..9_000 {
        // 900 a second at two processes, which also hold leases.
        let process = if turn % 2 == 0 { &one } else { &two };
        assert!(process.admits(1).await, "{turn}");
        tokio::task::yield_now().await;
        clock.advance(Duration::from_micros(1_111));
    }
}
