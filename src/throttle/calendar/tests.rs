use proptest::prelude::*;

use super::*;
use crate::throttle::{Key, Throttle};

/// Zones that change by an hour, by half of one, over midnight, skip it, skip a whole date, or lie
/// half an hour or three quarters of one beside UTC.
const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Zurich",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Atlantic/Azores",
];

fn zoned(unit: Unit, zone: &str) -> Zoned {
    Zoned { unit, zone: TimeZone::get(zone).unwrap(), present: Present::default() }
}

/// A time on the clocks of a zone, the first of two.
fn at(zone: &str, time: &str) -> u64 {
    let zone = TimeZone::get(zone).unwrap();
    let at = zone.to_timestamp(time.parse().unwrap()).unwrap();
    u64::try_from(at.as_second()).unwrap()
}

/// Hours of the period around a time.
fn hours(unit: Unit, zone: &str, time: &str) -> f64 {
    let Period { begin, end } = zoned(unit, zone).around(at(zone, time));
    (end - begin) as f64 / 3_600.0
}

#[test]
fn days_have_the_hours_the_clocks_give_them() {
    for (zone, time, expected) in [
        ("UTC", "2026-03-29T12:00", 24.0),
        ("Europe/Zurich", "2026-03-28T12:00", 24.0),
        ("Europe/Zurich", "2026-03-29T12:00", 23.0),
        ("Europe/Zurich", "2026-10-25T12:00", 25.0),
        ("Australia/Lord_Howe", "2026-04-05T12:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04T12:00", 23.5),
        // Midnight is skipped: the date begins at one o'clock.
        ("America/Sao_Paulo", "2018-11-04T12:00", 23.0),
        ("America/Sao_Paulo", "2018-02-17T12:00", 25.0),
        // The date after this one was skipped.
        ("Pacific/Apia", "2011-12-29T12:00", 24.0),
        ("Pacific/Apia", "2011-12-31T12:00", 24.0),
        // One past midnight the clocks showed one past eleven again.
        ("America/St_Johns", "2010-11-06T12:00", 24.0),
        ("America/St_Johns", "2010-11-07T12:00", 25.0),
    ] {
        let hours = hours(Unit::Day, zone, time);
        assert!((hours - expected).abs() < 1e-9, "{zone} {time}: {hours}");
    }
}

#[test]
fn a_skipped_midnight_begins_the_day_when_the_clocks_go_on() {
    let zone = "America/Sao_Paulo";
    let day = zoned(Unit::Day, zone).around(at(zone, "2018-11-04T12:00"));
    assert_eq!(day.begin, at(zone, "2018-11-04T01:00"));
    assert_eq!(zoned(Unit::Day, zone).around(day.begin - 1).end, day.begin);
}

#[test]
fn hours_begin_when_the_clocks_of_the_place_show_a_full_one() {
    let hour = zoned(Unit::Hour, "Asia/Kolkata").around(at("UTC", "2026-01-01T10:45"));
    let (begin, end) = (at("UTC", "2026-01-01T10:30"), at("UTC", "2026-01-01T11:30"));
    assert_eq!(hour, Period { begin, end });
    // The clocks go on from two to half past two.
    let zone = "Australia/Lord_Howe";
    assert!((hours(Unit::Hour, zone, "2026-10-04T02:40") - 0.5).abs() < 1e-9);
    assert!((hours(Unit::Hour, zone, "2026-10-04T03:40") - 1.0).abs() < 1e-9);
    // An hour the clocks show twice is two.
    let zone = "Europe/Zurich";
    assert!((hours(Unit::Hour, zone, "2026-10-25T02:30") - 1.0).abs() < 1e-9);
}

#[test]
fn months_have_the_days_and_hours_the_calendar_gives_them() {
    for (time, expected) in [
        ("2026-01-15T00:00", 31 * 24),
        ("2026-02-15T00:00", 28 * 24),
        ("2028-02-15T00:00", 29 * 24),
        ("2026-03-15T00:00", 31 * 24 - 1),
        ("2026-10-15T00:00", 31 * 24 + 1),
    ] {
        let hours = hours(Unit::Month, "Europe/Zurich", time);
        assert!((hours - f64::from(expected)).abs() < 1e-9, "{time}: {hours}");
    }
}

proptest! {
    #[test]
    fn periods_follow_each_other_without_gap_or_overlap(
        zone in prop::sample::select(&ZONES[..]),
        unit in prop::sample::select(vec![Unit::Hour, Unit::Day, Unit::Month]),
        second in 2 * 86_400_u64..6_000_000_000,
        later in 0_u64..4_000_000,
    ) {
        let zoned = zoned(unit, zone);
        let period = zoned.around(second);
        prop_assert!((period.begin..period.end).contains(&second));
        let within = period.begin + later % (period.end - period.begin);
        for inside in [period.begin, within, period.end - 1] {
            prop_assert_eq!(zoned.around(inside), period);
        }
        prop_assert_eq!(zoned.around(period.end).begin, period.end);
        prop_assert_eq!(zoned.around(period.begin - 1).end, period.begin);
        let clocks = |second| zoned.zone.to_datetime(timestamp(second).unwrap());
        let (before, after) = (clocks(period.end - 1), clocks(period.end));
        match unit {
            Unit::Hour => prop_assert!(period.end - period.begin <= 3_600),
            Unit::Day => prop_assert!(before.date() < after.date()),
            Unit::Month => prop_assert!(before.date().first_of_month() < after.date()),
        }
    }

    #[test]
    fn what_is_remembered_changes_no_answer(
        zone in prop::sample::select(&ZONES[..]),
        unit in prop::sample::select(vec![Unit::Hour, Unit::Day, Unit::Month]),
        start in 2 * 86_400_u64..6_000_000_000,
        steps in prop::collection::vec((-400_000..400_000_i64, 0..SECOND), 1..40),
    ) {
        let remembers = zoned(unit, zone);
        let mut second = start;
        for (step, nanos) in steps {
            second = second.saturating_add_signed(step).max(86_400);
            let unix = second * SECOND + nanos;
            let anew = remembers.around(second);
            prop_assert_eq!(remembers.rest(unix), anew.end * SECOND - unix);
            prop_assert_eq!(remembers.seconds(), anew.end - anew.begin);
        }
    }
}

#[test]
fn the_last_time_that_can_be_asked_about_has_a_period() {
    for zone in ZONES {
        for unit in [Unit::Hour, Unit::Day, Unit::Month] {
            for unix in [0, 1, u64::MAX / SECOND * SECOND - 1] {
                assert!(zoned(unit, zone).rest(unix) >= 1, "{zone} {unit} {unix}");
            }
        }
    }
}

#[test]
fn an_unknown_zone_is_a_mistake_that_says_what_would_do() {
    for zone in ["", "Mars/Olympus", "Europe/Zürich", "CEST", "+01:00", "../etc/passwd"] {
        let error = Throttle::of(Limit::calendar(5, Calendar::daily(zone))).build().unwrap_err();
        let [mistake] = error.mistakes() else { panic!("{zone}: {error}") };
        assert_eq!((mistake.setter(), mistake.value()), ("calendar", zone));
        assert!(mistake.remedy().contains("`Europe/Zurich`"), "{error}");
    }
    let nothing = Throttle::of(Limit::calendar(0, Calendar::daily("nowhere")).burst(3));
    let error = nothing.build().unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(setters, ["calendar", "calendar", "burst"], "{error}");
}

#[test]
fn names_and_summaries_say_the_zone_where_it_can_be_written() {
    use crate::guard::Guard;
    let monthly = Calendar::monthly("America/New_York");
    let throttle = Throttle::of(Limit::calendar(9, monthly)).by(Key::Principal).build().unwrap();
    assert_eq!(throttle.policy_name(), "principal-per-calendar-month");
    assert_eq!(
        throttle.summary(),
        "9 per calendar month in America/New_York, by principal, at most 100000 keys"
    );
}
