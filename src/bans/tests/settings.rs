//! What a builder takes, what it refuses, and what it says about itself.

use super::*;
use crate::inspect::Findings;

fn mistakes(builder: BansBuilder) -> Vec<(String, String)> {
    let error = builder.build().unwrap_err();
    error
        .mistakes()
        .iter()
        .map(|mistake| (mistake.setter().into(), mistake.value().into()))
        .collect()
}

#[test]
fn every_mistake_is_reported_at_once_with_its_value_and_its_remedy() {
    let error = Bans::builder()
        .on(Signal::status(99), 1)
        .on(Signal::NotFound, 0)
        .on(Signal::FailedLogin, 101)
        .on(Signal::NotFound, 2)
        .terms([MINUTE, SECOND, Duration::ZERO])
        .exempt("10.0.0.1/8", "")
        .window(Duration::ZERO)
        .decay(Duration::MAX)
        .ipv4_prefix(0)
        .ipv6_prefix(129)
        .widen(1)
        .max_suspects(0)
        .max_bans(usize::MAX)
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(
        setters,
        [
            "on",
            "on",
            "on",
            "on",
            "terms",
            "terms",
            "exempt",
            "exempt",
            "window",
            "decay",
            "ipv4_prefix",
            "ipv6_prefix",
            "widen",
            "max_suspects",
            "max_bans",
        ],
        "{error}"
    );
    for mistake in error.mistakes() {
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
    }
}

#[test]
fn values_that_only_together_make_no_sense_are_refused() {
    let one = |setter: &str, value: &str| vec![(setter.to_owned(), value.to_owned())];
    assert_eq!(mistakes(Bans::builder().terms([])), one("terms", "0"));
    assert_eq!(mistakes(Bans::builder().threshold(0))[4], one("threshold", "0")[0]);
    assert_eq!(mistakes(Bans::builder().threshold(4)), one("on", "5"));
    assert_eq!(mistakes(Bans::builder().widen(2).ipv6_prefix(48)), one("widen", ""));
    assert_eq!(mistakes(Bans::builder().exempt("office", "the office")), one("exempt", "office"));
    for good in [
        Bans::builder(),
        Bans::builder().threshold(1).on(Signal::NotFound, 1).terms([SECOND]),
        Bans::builder().window(SECOND).decay(SECOND).max_bans(1).max_suspects(1),
        Bans::builder().ipv4_prefix(1).ipv6_prefix(1),
    ] {
        assert!(good.build().is_ok());
    }
}

#[test]
fn the_summary_says_what_counts_how_much_and_who_is_exempt() {
    let bans = builder().exempt("192.0.2.0/24", "the office").widen(8).build().unwrap();
    assert_eq!(
        bans.summary(),
        "3 points in 60 s (failed login 1, not found 1), by caller, else client network (/64 for \
         IPv6): banned for 60, 300, 1800 s, one forgiven in 3600 s, /56 and /48 after 8 within, \
         exempt 192.0.2.0/24 (the office), at most 16384 bans"
    );
}

fn codes(builder: BansBuilder) -> Vec<&'static str> {
    let mut report = Findings::default();
    builder.build().unwrap().findings(&mut report);
    report.iter().map(|finding| finding.code).collect()
}

#[test]
fn what_may_hit_bystanders_or_spares_too_many_is_a_finding() {
    assert_eq!(codes(builder()), ["no-exemption"]);
    let exempt = || builder().exempt("192.0.2.1", "the office");
    assert_eq!(codes(exempt()), [""; 0]);
    assert_eq!(codes(exempt().ipv4_prefix(24)), ["shared-bans"]);
    assert_eq!(codes(exempt().ipv6_prefix(80)), ["ipv6-keys"]);
    assert_eq!(codes(exempt().exempt("10.0.0.0/8", "our cloud")), ["wide-exemption"]);
}

#[test]
fn bans_that_found_no_room_are_a_finding() {
    let service = Service::of(builder().max_bans(1).exempt("198.51.100.1", "monitoring"));
    for ip in ["192.0.2.1", "192.0.2.2"] {
        (0..3).for_each(|_| service.fail(ip));
    }
    let mut report = Findings::default();
    service.bans.findings(&mut report);
    assert_eq!(report.iter().next().unwrap().code, "bans-full");
}
