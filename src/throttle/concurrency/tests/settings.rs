//! What a builder takes, what it refuses, and what it says about itself.

use crate::guard::{Guard, Needs, Phase};
use crate::throttle::{Absent, Key};

use super::*;

fn setters(builder: ConcurrencyBuilder) -> Vec<String> {
    let error = builder.build().unwrap_err();
    for mistake in error.mistakes() {
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
    }
    error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect()
}

#[test]
fn every_mistake_is_reported_at_once() {
    let builder = Concurrency::at_most(0)
        .by(Key::header("no spaces"))
        .ipv4_prefix(33)
        .ipv6_prefix(0)
        .max_keys(0)
        .queue(0, Duration::ZERO)
        .share(Priority::Low, 0)
        .named("say \"hello\"")
        .between(1, 2)
        .window(ms(100));
    let expected = [
        "at_most",
        "between",
        "window",
        "queue",
        "queue",
        "share",
        "share",
        "by",
        "ipv4_prefix",
        "ipv6_prefix",
        "max_keys",
        "named",
    ];
    assert_eq!(setters(builder), expected);
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let fixed = || Concurrency::at_most(10);
    let adaptive = Concurrency::adaptive;
    for (builder, setter) in [
        (Concurrency::at_most(0), "at_most"),
        (fixed().queue(4097, ms(1)), "queue"),
        (fixed().queue(1, Duration::from_secs(61)), "queue"),
        (fixed().share(Priority::Normal, 101), "share"),
        (fixed().share(Priority::Normal, 50), "share"),
        (fixed().share(Priority::Critical, 50), "share"),
        (fixed().by(Key::Principal).share(Priority::Low, 50), "share"),
        (fixed().starting_at(5), "starting_at"),
        (fixed().tolerance(50), "tolerance"),
        (fixed().remeasure(Duration::from_secs(60)), "remeasure"),
        (fixed().by(Key::header("authorization")), "by"),
        (fixed().by(Key::header("x-forwarded-for")), "by"),
        (adaptive().by(Key::Principal), "by"),
        (adaptive().between(0, 10), "between"),
        (adaptive().between(11, 10), "between"),
        (adaptive().between(10, 20).starting_at(21), "starting_at"),
        (adaptive().window(ms(9)), "window"),
        (adaptive().window(Duration::from_secs(61)), "window"),
        (adaptive().remeasure(ms(999)), "remeasure"),
        (adaptive().tolerance(4), "tolerance"),
        (adaptive().tolerance(1001), "tolerance"),
        (fixed().named(""), "named"),
    ] {
        assert_eq!(setters(builder), [setter]);
    }
    for good in [
        Concurrency::at_most(u32::MAX),
        fixed().by(Key::Global),
        fixed().by(Key::header("x-tenant")).absent(Absent::Share),
        fixed().share(Priority::Normal, 80).share(Priority::Low, 50),
        fixed().queue(4096, Duration::from_secs(60)),
        adaptive().between(1, 1),
        adaptive().between(100, 200),
        adaptive().between(1, 10).tolerance(5),
    ] {
        assert!(good.build().is_ok());
    }
}

#[test]
fn the_summary_says_how_many_of_whom_and_who_waits() {
    let summary = |builder: ConcurrencyBuilder| builder.build().unwrap().summary().into_owned();
    for (builder, expected) in [
        (Concurrency::at_most(100), "100 at once"),
        (Concurrency::at_most(100).by(Key::Global), "100 at once"),
        (
            Concurrency::at_most(4).by(Key::ClientNet).max_keys(10).queue(20, ms(500)),
            "4 at once by client network (/64 for IPv6), at most 10 keys, 20 may wait for 500ms",
        ),
        (Concurrency::adaptive(), "8 to 1000 at once as latency has it, normal 90%, low 60%"),
    ] {
        assert_eq!(summary(builder), expected);
    }
}

#[test]
fn it_runs_after_authentication_and_needs_what_its_key_does() {
    for (builder, needs) in [
        (Concurrency::at_most(1), Needs::NONE),
        (Concurrency::adaptive(), Needs::NONE),
        (Concurrency::at_most(1).by(Key::ClientNet), Needs::CLIENT),
        (Concurrency::at_most(1).by(Key::Principal), Needs::PRINCIPAL),
        (Concurrency::at_most(1).by(Key::Route), Needs::NONE),
    ] {
        let guard = builder.build().unwrap();
        assert_eq!((guard.phase(), guard.needs()), (Phase::Quota, needs));
    }
}
