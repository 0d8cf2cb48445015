//! The script through a real server, decision by decision.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::model::{Model, Spec};
use super::support::{self, Server};
use super::{Act, Counts, SET_CLOCK, TIMED, ask, asked, limits, patient};
use crate::redis::{Redis, Script};
use crate::throttle::limit::Limit;
use crate::throttle::memory::Memory;
use crate::throttle::order::{Mode, Order};
use crate::throttle::rule::Moment;

/// Microseconds since the epoch, at no round time.
const START: u64 = 1_790_000_000_123_457;

fn limit(spec: &Spec) -> Limit {
    let (quota, length) = match *spec {
        Spec::Rate { quota, period, .. } => (quota, period),
        Spec::Fixed { quota, length } | Spec::Sliding { quota, length } => (quota, length),
    };
    let (quota, length) = (u32::try_from(quota).unwrap(), Duration::from_micros(length));
    match *spec {
        Spec::Rate { burst, .. } => Limit::rate(quota, length).burst(burst.try_into().unwrap()),
        Spec::Fixed { .. } => Limit::fixed(quota, length),
        Spec::Sliding { .. } => Limit::sliding(quota, length),
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    let quota = prop_oneof![1_u64..20, 1_u64..2_000, 1_u64..4_000_000_000];
    let length = prop_oneof![
        Just(1_000_000_u64),
        Just(60_000_000),
        1_000_u64..5_000_000,
        1_000_u64..31_622_400_000_000,
    ];
    let burst = prop_oneof![1_u64..10, 1_u64..500];
    (0..3, quota, length, burst)
        .prop_map(|(kind, quota, length, burst)| match kind {
            0 => Spec::Rate { quota, period: length, burst },
            1 => Spec::Fixed { quota, length },
            _ => Spec::Sliding { quota, length },
        })
        .prop_filter("the builder refuses it", |spec| match *spec {
            Spec::Rate { quota, period, burst } => {
                let fits = u128::from(burst) * u128::from(period) <= 1 << 52;
                quota <= period * 1_000 && fits && burst * period / quota < 31_000_000_000_000
            }
            _ => true,
        })
}

/// What is done, how much later than the last thing, and for what cost.
#[derive(Clone, Copy, Debug)]
struct Step {
    act: u8,
    forward: i64,
    cost: u64,
    /// Instead of going forward by that, goes to the very microsecond from which on the last
    /// refusal would have been none, or to the one before it.
    edge: Option<bool>,
}

fn step() -> impl Strategy<Value = Step> {
    let forward = prop_oneof![
        6 => 0_i64..2_000,
        6 => 0_i64..2_000_000,
        2 => 0_i64..120_000_000,
        1 => 0_i64..40_000_000_000_000,
        1 => -5_000_000_i64..0,
        1 => -4_000_000_000_i64..0,
    ];
    let cost = prop_oneof![8 => 1_u64..3, 2 => 1_u64..50, 1 => 1_u64..5_000_000_000];
    let edge = prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    (0_u8..16, forward, cost, edge).prop_map(|(act, forward, cost, edge)| Step {
        act,
        forward,
        cost,
        edge,
    })
}

fn run(
    script: &'static Script,
    redis: &Redis,
    server: &Server,
    specs: &[Spec],
    steps: &[Step],
) -> Result<(), TestCaseError> {
    server.command(&["FLUSHALL"]);
    let counts = Counts::with_script(redis.clone(), script);
    let each: Vec<_> = specs.iter().map(limit).collect();
    let limits = limits(&each);
    let has_windows = specs.iter().any(|spec| !matches!(spec, Spec::Rate { .. }));
    let mut model = Model::new(specs);
    let mut clock = START;
    let mut refused: Option<(u64, u64)> = None;
    for (index, step) in steps.iter().enumerate() {
        let mut step = *step;
        match (step.edge, refused.take()) {
            (Some(is_over), Some((admitted_at, cost))) => {
                clock = admitted_at.saturating_sub(u64::from(!is_over));
                step.cost = cost;
            }
            _ => clock = clock.saturating_add_signed(step.forward),
        }
        server.command(&["SET", "clock", &clock.to_string()]);
        let (act, expected) = match step.act {
            0 => (Act::Peek, Some(model.peek(clock, step.cost))),
            1 => (Act::Look, Some(model.look(clock, step.cost))),
            2 if step.cost < 100 => {
                model.charge(clock, step.cost);
                (Act::Charge, None)
            }
            3 if !has_windows => {
                model.refund(clock, step.cost);
                (Act::Refund, None)
            }
            _ => (Act::Spend, Some(model.spend(clock, step.cost))),
        };
        let verdict = RUNTIME.block_on(ask(&counts, &asked(&limits, 7, act, step.cost)));
        let wait = verdict.wait().div_ceil(1_000);
        if !verdict.admitted() && wait < 40_000_000_000_000 {
            refused = Some((clock + wait, step.cost));
        }
        if let Some(expected) = expected {
            let state = format!("step {index}: {step:?} at {clock}: {model:?}");
            prop_assert_eq!(verdict.admitted(), expected, "{}", state);
        }
    }
    Ok(())
}

static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

/// Whether the script decides as the model does, whatever comes.
fn judge(
    script: &'static Script,
    redis: &Redis,
    server: &Server,
    config: ProptestConfig,
) -> Result<(), String> {
    let strategy = (prop::collection::vec(spec(), 1..=4), prop::collection::vec(step(), 1..120));
    // A file of failures is not kept beside the tests.
    let config = ProptestConfig { failure_persistence: None, ..config };
    let ran = TestRunner::new(config)
        .run(&strategy, |(specs, steps)| run(script, redis, server, &specs, &steps));
    ran.map_err(|error| error.to_string())
}

#[test]
fn the_script_decides_as_the_model_does_whatever_comes_and_wherever_the_clock_is_set() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    let config = ProptestConfig::with_cases(cases());
    judge(&TIMED, &redis, &server, config).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_script_that_is_off_by_the_least_is_found_out() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    let text = format!("{SET_CLOCK}{}", include_str!("../charge.lua"));
    for (right, wrong) in [
        ("owed + cost <= capacity", "owed + cost < capacity"),
        ("count + cost <= quota, {", "count + cost <= quota + 1, {"),
        ("owed = owed - elapsed * drain", "owed = owed - (elapsed - 1) * drain"),
        ("math.max(0, now - held[1])", "math.abs(now - held[1])"),
        ("raw and now < held[1]", "false"),
        ("if c == 0 then return false end", "if c == 0 then return true end"),
        ("rest + length, count, 0", "rest + length, 0, 0"),
        ("math.min(debt, owed + cost)", "owed + cost - 1"),
        ("math.max(0, owed - cost)", "owed"),
        ("admitted = admitted and admits", "admitted = admits"),
    ] {
        assert!(text.contains(right), "{right}");
        let mutant: &'static Script =
            Box::leak(Box::new(Script::new(text.replacen(right, wrong, 1))));
        let config = ProptestConfig { max_shrink_iters: 0, ..ProptestConfig::with_cases(500) };
        let found = judge(mutant, &redis, &server, config);
        assert!(found.is_err(), "nobody notices `{wrong}`");
    }
}

/// Each takes about ten milliseconds.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

#[test]
fn the_script_and_the_memory_of_a_process_tell_a_client_the_same() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    let counts = Counts::with_script(redis, &TIMED);
    let steps = prop::collection::vec((step(), 0_u8..4), 1..100);
    let strategy = (prop::collection::vec(spec(), 1..=4), steps);
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases() / 4)
    });
    let ran = runner.run(&strategy, |(specs, steps)| {
        server.command(&["FLUSHALL"]);
        let each: Vec<_> = specs.iter().map(limit).collect();
        let limits = limits(&each);
        let memory = Memory::new(1_000);
        let mut clock = START;
        for (step, digest) in steps {
            // In memory, time never goes back.
            clock += step.forward.unsigned_abs();
            server.command(&["SET", "clock", &clock.to_string()]);
            let at = Moment { now: clock * 1_000, unix: clock * 1_000 };
            let tag = u64::from(digest) + 1;
            let order = Order {
                tag,
                digest: &|| [digest; 16],
                limits: &limits,
                cost: step.cost,
                mode: Mode::Spend,
                at,
            };
            let expected = memory.charge(&order);
            let asked = asked(&limits, digest, Act::Spend, step.cost);
            prop_assert_eq!(RUNTIME.block_on(ask(&counts, &asked)), expected);
        }
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}
