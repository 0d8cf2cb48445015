//! The script by the server's own clock, and answers that are not the script's.

use super::support::{self, Server};
use super::*;

#[tokio::test]
async fn several_limits_are_one_call_and_one_key_that_goes_when_it_says_nothing_more() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let counts = Counts::new(patient(Redis::builder(server.url())));
    let limits = limits(&[
        Limit::per_minute(60).burst(10),
        Limit::sliding(100, Duration::from_secs(60)),
        Limit::fixed(1_000, Duration::from_secs(3_600)),
    ]);
    let spend = asked(&limits, 1, Act::Spend, 4);
    for admitted in [true, true, false] {
        assert_eq!(ask(&counts, &spend).await.admitted(), admitted);
    }
    // The first call teaches it the script.
    assert_eq!((server.calls("evalsha"), server.calls("script|load")), (4, 1));
    let keys = server.keys();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let left: u64 = server.command(&["PTTL", &keys[0]]).parse().unwrap();
    assert!((1..=3_600_000).contains(&left), "{left}");
    let rate = super::limits(&[Limit::per_minute(60).burst(10)]);
    ask(&counts, &asked(&rate, 2, Act::Spend, 4)).await;
    let key = server.keys().into_iter().find(|key| !keys.contains(key)).unwrap();
    let left: u64 = server.command(&["PTTL", &key]).parse().unwrap();
    assert!((3_000..=4_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_look_charges_nothing_and_leaves_nothing() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let counts = Counts::new(patient(Redis::builder(server.url())));
    let limits = limits(&[Limit::per_minute(1)]);
    for act in [Act::Peek, Act::Look, Act::Peek] {
        assert!(ask(&counts, &asked(&limits, 1, act, 1)).await.admitted());
    }
    assert_eq!(server.keys(), Vec::<String>::new());
    assert!(ask(&counts, &asked(&limits, 1, Act::Spend, 1)).await.admitted());
    assert!(!ask(&counts, &asked(&limits, 1, Act::Look, 1)).await.admitted());
}

#[tokio::test]
async fn what_is_given_back_was_charged_to_that_very_window_and_is_never_more() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let counts = Counts::with_script(patient(Redis::builder(server.url())), &TIMED);
    let set = |clock: u64| server.command(&["SET", "clock", &clock.to_string()]);
    let minute = Duration::from_secs(60);
    for limit in [Limit::per_minute(10), Limit::fixed(10, minute), Limit::sliding(10, minute)] {
        server.command(&["FLUSHALL"]);
        let limits = limits(std::slice::from_ref(&limit));
        let of = |act, cost| asked(&limits, 1, act, cost);
        set(600_000_000);
        // Nothing was charged: nothing is given.
        ask(&counts, &of(Act::Refund, 3)).await;
        assert_eq!(server.keys(), ["clock"], "{limit:?}");
        let verdict = ask(&counts, &of(Act::Spend, 10)).await;
        assert!(!ask(&counts, &of(Act::Spend, 1)).await.admitted());
        let refund = Asked { verdict, ..of(Act::Refund, 4) };
        ask(&counts, &refund).await;
        assert!(!ask(&counts, &of(Act::Peek, 5)).await.admitted(), "{limit:?}");
        assert!(ask(&counts, &of(Act::Peek, 4)).await.admitted(), "{limit:?}");
        // More than there is makes it empty, and no emptier.
        ask(&counts, &Asked { cost: 1_000, ..refund.clone() }).await;
        assert!(ask(&counts, &of(Act::Spend, 10)).await.admitted());
        assert!(!ask(&counts, &of(Act::Spend, 1)).await.admitted());
        // A debt is paid before anything is admitted again.
        ask(&counts, &of(Act::Charge, 10)).await;
        set(600_000_000 + 59_000_000);
        assert!(!ask(&counts, &of(Act::Peek, 1)).await.admitted(), "{limit:?}");
    }
    // A later window has nothing of it.
    server.command(&["FLUSHALL"]);
    let limits = limits(&[Limit::fixed(10, minute)]);
    set(600_000_000);
    let verdict = ask(&counts, &asked(&limits, 1, Act::Spend, 10)).await;
    set(660_000_000);
    ask(&counts, &asked(&limits, 1, Act::Spend, 10)).await;
    ask(&counts, &Asked { verdict, ..asked(&limits, 1, Act::Refund, 10) }).await;
    assert!(!ask(&counts, &asked(&limits, 1, Act::Peek, 1)).await.admitted());
}

#[tokio::test]
async fn a_clock_set_back_neither_refills_a_bucket_nor_holds_it_up() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let counts = Counts::with_script(patient(Redis::builder(server.url())), &TIMED);
    let set = |clock: u64| server.command(&["SET", "clock", &clock.to_string()]);
    let (minute, hour) = (60_000_000, 3_600_000_000);
    let length = Duration::from_secs(60);
    for limit in [Limit::per_minute(2), Limit::fixed(2, length), Limit::sliding(2, length)] {
        server.command(&["FLUSHALL"]);
        let limits = limits(std::slice::from_ref(&limit));
        let of = |act| asked(&limits, 1, act, 2);
        set(10 * hour);
        assert!(ask(&counts, &of(Act::Spend)).await.admitted());
        set(9 * hour);
        assert!(!ask(&counts, &of(Act::Spend)).await.admitted(), "{limit:?}");
        set(9 * hour + minute - 1);
        assert!(!ask(&counts, &of(Act::Look)).await.admitted(), "{limit:?}");
        set(9 * hour + 2 * minute);
        assert!(ask(&counts, &of(Act::Spend)).await.admitted(), "{limit:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_something_else_wrote_is_an_error_and_admits_nothing() {
    if support::is_missing() {
        return;
    }
    let server = Server::start();
    let counts = Counts::new(patient(Redis::builder(server.url())));
    let limits = limits(&[Limit::per_minute(60)]);
    let spend = asked(&limits, 1, Act::Spend, 1);
    let key = counts.key(&spend);
    let name = String::from_utf8(key.clone()).unwrap();
    for value in
        ["", "x", "1", "1 2 3", "-1 2", "1 -2", "1 0.5", "1 nan", "1 inf", "1 9007199254740993"]
    {
        server.command(&["SET", &name, value]);
        let error = counts.ask(&key, &spend).await.unwrap_err();
        assert!(!error.is_outage(), "{value}: {error}");
        assert_eq!(server.command(&["GET", &name]), value);
    }
    server.command(&["DEL", &name]);
    server.command(&["LPUSH", &name, "1"]);
    counts.ask(&key, &spend).await.unwrap_err();
}

#[tokio::test]
async fn answers_that_are_not_the_scripts_are_refused() {
    if support::is_missing() {
        return;
    }
    static WRONG: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('TIME')"));
    let answers = [
        "1",
        "'text'",
        "{}",
        "{1}",
        "{1, 1}",
        "{1, 1, -1}",
        "{1, 1, 'x'}",
        "{1, 1, 0, 0}",
        "{-1, 1, 0}",
        // It says no where the rules say yes.
        "{1, 0, 0}",
        "{1, 1, 60000000}",
    ];
    let server = Server::start();
    let redis = patient(Redis::builder(server.url()));
    let limits = limits(&[Limit::per_minute(1)]);
    let spend = asked(&limits, 1, Act::Spend, 1);
    for answer in answers {
        let script: &'static Script = Box::leak(Box::new(Script::new(format!("return {answer}"))));
        let counts = Counts::with_script(redis.clone(), script);
        let key = counts.key(&spend);
        assert!(counts.ask(&key, &spend).await.is_err(), "{answer}");
    }
    let counts = Counts::with_script(redis, &WRONG);
    assert!(counts.ask(&counts.key(&spend), &spend).await.is_err());
}
