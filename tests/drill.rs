//! Two processes, two threads each, one Redis, one limit, ten times as many requests as it admits;
//! and in the middle Redis is killed and started again. Five seconds for each way to set it up, or
//! a minute where `PARAPET_FULL` is set, as `scripts/check --full` does. It prints what it counted.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "drill/calls.rs"]
mod calls;
#[path = "drill/process.rs"]
mod process;
#[path = "drill/report.rs"]
mod report;
#[path = "support/redis.rs"]
mod server;
#[path = "drill/setup.rs"]
mod setup;

use std::{
    sync::{Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use report::{Outage, Report, unix};
use server::Options;
use setup::{LIMIT, Mode, PROCESSES};

/// So many at a time: more would measure each other on a machine of two cores.
static TURNS: [Mutex<()>; 2] = [Mutex::new(()), Mutex::new(())];

fn turn(number: usize) -> MutexGuard<'static, ()> {
    TURNS[number % TURNS.len()].lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// How long it is down.
const OUTAGE: Duration = Duration::from_millis(700);

fn duration() -> Duration {
    let is_full = std::env::var_os("PARAPET_FULL").is_some();
    Duration::from_secs(if is_full { 60 } else { 5 })
}

/// Runs it twice at once, on a Redis that remembers after a restart what it had counted and on one
/// that does not, and says what came of it; nothing where there is no Redis to run it with.
fn drill(mode: Mode) -> Vec<Report> {
    if server::is_missing() {
        return Vec::new();
    }
    let _turn = turn(mode as usize);
    let options = [Options::default().append_only(), Options::default()];
    thread::scope(|scope| {
        let runs = options.map(|options| scope.spawn(move || run(mode, options)));
        let [mut one, other] = runs.map(|run| run.join().unwrap());
        one.remembers = true;
        [one, other].into()
    })
}

fn run(mode: Mode, options: Options) -> Report {
    let mut server = options.start();
    let duration = duration();
    let start = |number| process::start(mode, &server.url(), number, duration);
    let processes: Vec<_> = (0..PROCESSES).map(start).collect();
    let begun = Instant::now();
    let until = |share: f64| thread::sleep(duration.mul_f64(share).saturating_sub(begun.elapsed()));
    let mut calls = 0;
    let mut outages = Vec::new();
    // Once in five seconds, three times in a minute.
    let times: &[f64] = if duration.as_secs() > 5 { &[0.2, 0.4, 0.6] } else { &[0.2] };
    for at in times {
        until(*at);
        calls += server.calls("evalsha");
        let begun = unix();
        server.kill();
        let down = unix();
        thread::sleep(OUTAGE);
        let back = unix();
        server.restart();
        outages.push(Outage { begun, down, back });
    }
    let answers = processes.into_iter().flat_map(process::Running::answers).collect();
    calls += server.calls("evalsha");
    Report { mode, remembers: false, answers, outages, calls }
}

/// Runs it, and holds it against what every mode promises.
fn drilled(mode: Mode) -> Vec<Report> {
    let reports = drill(mode);
    for report in &reports {
        println!("{report}");
        report.every_request_was_answered(duration());
        report.the_store_decides_again();
    }
    reports
}

/// Not a test: what the processes run.
#[test]
fn process() {
    process::run_if_asked();
}

#[test]
fn one_call_a_request_keeps_the_limit() {
    for report in drilled(Mode::Plain) {
        report.admitted_stays_within_the_bound(0);
        assert!(report.refused() > report.admitted(), "the limit was never reached");
    }
}

#[test]
fn a_deny_cache_keeps_the_limit() {
    for report in drilled(Mode::Denials) {
        report.admitted_stays_within_the_bound(0);
    }
}

#[test]
fn leases_keep_the_limit_and_what_was_stated_beyond_it() {
    for report in drilled(Mode::Leases) {
        report.admitted_stays_within_the_bound(Mode::Leases.overshoot());
    }
}

#[test]
fn leases_and_a_deny_cache_keep_it_too() {
    for report in drilled(Mode::Both) {
        report.admitted_stays_within_the_bound(Mode::Both.overshoot());
    }
}

#[test]
fn leases_end_with_their_window() {
    for report in drilled(Mode::Windows) {
        assert_eq!(Mode::Windows.overshoot(), 0);
        report.admitted_stays_within_its_windows(u64::from(LIMIT));
    }
}

#[test]
fn each_process_keeps_its_share_while_the_store_is_lost() {
    for report in drilled(Mode::Share) {
        report.each_process_stays_within_its_share();
        report.admitted_stays_within_the_bound(0);
    }
}

#[test]
fn whatever_the_store_decides_keeps_the_limit_where_the_rest_is_let_through() {
    for report in drilled(Mode::Open) {
        assert_eq!(report.unavailable(), 0);
        assert!(report.let_through() > 0);
        report.counted_stays_within_the_bound();
    }
}
