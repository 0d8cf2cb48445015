use std::time::Duration;

use crate::redis::Redis;
use crate::throttle::limit::Limit;
use crate::throttle::{Shared, Throttle, ThrottleBuilder};

fn redis() -> Redis {
    Redis::builder("redis://127.0.0.1:1").build().unwrap()
}

fn shared(limit: Limit) -> ThrottleBuilder {
    Throttle::of(limit).shared(Shared::closed(redis()))
}

#[test]
fn limits_that_the_store_cannot_count_are_refused_with_what_would_work() {
    let year = Duration::from_secs(366 * 86_400);
    let split = |processes| Shared::local_share(redis(), processes);
    let table: &[(ThrottleBuilder, &str)] = &[
        (
            shared(Limit::rate(999_999_937, year).burst(500)),
            "over the store's range, which counts exactly up to 2^52; write `burst(142)` or less",
        ),
        (
            shared(Limit::fixed(5, Duration::from_nanos(1_000_500))),
            "counts in microseconds; write a window of whole microseconds",
        ),
        (
            shared(Limit::sliding(5, Duration::from_nanos(1_000_001))),
            "`shared`: `client-per-1ms` is over the store's range",
        ),
        (Throttle::per_minute(5).shared(split(0)), "`shared`: `0` is no number of processes"),
        (
            Throttle::per_minute(600).burst(5).shared(split(6)),
            "`6` leaves less than one of `client-per-minute` to each process; write at most 5",
        ),
        (
            Throttle::per_minute(600).and(Limit::fixed(3, year)).shared(split(4)),
            "write at most 3, or `Shared::closed`",
        ),
    ];
    for (builder, words) in table {
        let told = builder.clone().build().unwrap_err().to_string();
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn usual_limits_are_within_the_range_of_the_store() {
    for limit in [
        Limit::per_second(1_000_000_000),
        Limit::per_second(1),
        Limit::per_minute(600).burst(100_000_000),
        Limit::per_hour(9_973),
        Limit::per_day(10_000_000),
        Limit::per_day(7),
        Limit::rate(1, Duration::from_secs(300 * 86_400)),
        Limit::rate(100, Duration::from_millis(1)),
        Limit::fixed(u32::MAX, Duration::from_secs(366 * 86_400)),
        Limit::sliding(u32::MAX, Duration::from_secs(366 * 86_400)),
    ] {
        shared(limit.clone()).build().unwrap_or_else(|error| panic!("{limit:?}: {error}"));
    }
}

#[test]
fn the_manifest_says_where_counts_are_and_what_happens_without_them() {
    use crate::guard::Guard;
    let throttle = Throttle::per_minute(60).shared(Shared::local_share(redis(), 4));
    assert_eq!(
        throttle.build().unwrap().summary(),
        "60 per minute, burst 60, by client network (/64 for IPv6), shared through redis at \
         127.0.0.1:1, a 4th each by memory when it is lost, refusals kept for up to 1s",
    );
    let throttle = Throttle::per_minute(60)
        .shared(Shared::closed(redis()).leases(50).without_deny_cache().hot_keys(10))
        .build()
        .unwrap();
    assert!(throttle.summary().ends_with(
        "closed when it is lost, leases of up to 50 (as much beyond a rate for each process)"
    ));
    // A quarter of what may be spent at once is the most that is held of a key.
    let overshoot = throttle.overshoot(3).unwrap();
    let limit = &overshoot.limits()[0];
    assert_eq!((limit.extra(), limit.per_restart(), limit.per_outage()), (45, 60, Some(0)));
    assert!(throttle.store_calls().is_some());
}

#[test]
fn nonsense_about_what_is_kept_near_is_refused_with_what_would_work() {
    use std::time::Duration;
    let closed = || Shared::closed(redis());
    for (shared, setter) in [
        (closed().leases(0), "leases"),
        (closed().leases(u32::MAX), "leases"),
        (closed().lease_hold(Duration::ZERO), "lease_hold"),
        (closed().lease_hold(Duration::from_secs(61)), "lease_hold"),
        (closed().deny_cache(Duration::ZERO), "deny_cache"),
        (closed().deny_cache(Duration::MAX), "deny_cache"),
        (closed().hot_keys(0), "hot_keys"),
        (closed().hot_keys(usize::MAX), "hot_keys"),
    ] {
        let error = Throttle::per_minute(60).shared(shared).build().unwrap_err();
        let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
        assert_eq!(setters, [setter]);
    }
}

#[test]
fn an_open_store_states_no_bound_and_memory_states_nothing() {
    let open = Throttle::per_minute(60).shared(Shared::dangerous(redis()).open()).build().unwrap();
    assert_eq!(open.overshoot(2).unwrap().limits()[0].per_outage(), None);
    let memory = Throttle::per_minute(60).build().unwrap();
    assert!(memory.overshoot(2).is_none() && memory.store_calls().is_none());
}
