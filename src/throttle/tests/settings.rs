//! What a builder takes, what it refuses, and what it says about itself.

use std::time::Duration;

use crate::guard::{Guard, Needs, Phase};
use crate::inspect::Findings;
use crate::throttle::{Absent, Count, Exempt, Key, Limit, Plans, Throttle, ThrottleBuilder};

fn setters(builder: ThrottleBuilder) -> Vec<String> {
    let error = builder.build().unwrap_err();
    error.mistakes().iter().map(|mistake| mistake.setter().to_owned()).collect()
}

#[test]
fn every_mistake_is_reported_at_once_with_its_value_and_its_remedy() {
    let error = Throttle::per_minute(0)
        .burst(0)
        .cost(0)
        .by(Key::header("no spaces")
            .and(Key::header("Authorization"))
            .and(Key::header("X-Forwarded-For")))
        .counting(Count::ForgedCredentials)
        .named("say \"hello\"")
        .ipv4_prefix(33)
        .ipv6_prefix(0)
        .max_keys(0)
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(
        setters,
        [
            "per_minute",
            "burst",
            "cost",
            "by",
            "by",
            "counting",
            "by",
            "counting",
            "named",
            "ipv4_prefix",
            "ipv6_prefix",
            "max_keys",
        ],
        "{error}"
    );
    let text = error.to_string();
    for value in ["`no spaces`", "`authorization`", "`x-forwarded-for`", "`33`", "`say \"hello\"`"]
    {
        assert!(text.contains(value), "{value} in {text}");
    }
    for mistake in error.mistakes() {
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
    }
}

#[test]
fn values_that_only_together_make_no_sense_are_refused() {
    assert_eq!(setters(Throttle::per_minute(10).burst(5).cost(6)), ["cost"]);
    assert_eq!(setters(Throttle::per_day(1).burst(367)), ["burst"]);
    assert_eq!(setters(Throttle::per_day(1).burst(u32::MAX)), ["burst"]);
    assert_eq!(setters(Throttle::per_second(u32::MAX)), ["per_second"]);
    assert_eq!(setters(Throttle::per_second(1).by(Key::all([]))), ["by"]);
    let counting = Throttle::per_minute(1).by(Key::Principal).counting(Count::ForgedCredentials);
    assert_eq!(setters(counting), ["counting"]);
    for good in [
        Throttle::per_day(1).burst(366),
        Throttle::per_day(u32::MAX),
        Throttle::per_second(1_000_000_000),
        Throttle::per_hour(1).ipv4_prefix(1).ipv6_prefix(128).max_keys(1),
    ] {
        assert!(good.build().is_ok());
    }
}

#[test]
fn keys_overrides_and_exemptions_that_make_no_sense_are_refused() {
    let plain = || Throttle::per_hour(10);
    let one = || [Limit::per_hour(1)];
    let five = [1, 2, 3, 4, 5].map(|n| Limit::rate(9, Duration::from_secs(n)));
    let typed = |name: &str| Key::of(name, |_| Some(1_u8));
    let forged = || plain().by(Key::Global).counting(Count::ForgedCredentials);
    let plans = || Plans::by_store().plan("a", [Limit::per_hour(1)]).otherwise("a");
    for (builder, expected) in [
        (plain().by(Key::claim("")), vec!["by"]),
        (plain().by(Key::claim("/a~b")), vec!["by"]),
        (plain().by(typed("")), vec!["by"]),
        (plain().by(typed("a b")), vec!["by"]),
        (plain().by(typed(&"x".repeat(33))), vec!["by"]),
        (plain().on_route("/orders", []), vec!["on_route"]),
        (plain().on_route("/orders", five.clone()), vec!["on_route"]),
        (plain().on_route("orders", one()), vec!["on_route"]),
        (plain().on_route("get /orders", one()), vec!["on_route"]),
        (plain().on_route("/orders/{", one()), vec!["on_route"]),
        (plain().on_route("/a", one()).on_route("/a", one()), vec!["on_route"]),
        (plain().on_route("GET,PUT /a", one()).on_route("PUT /a", one()), vec!["on_route"]),
        (plain().on_route("/a/{b}", one()).on_route("/a/{c}", one()), vec!["on_route"]),
        (plain().on_route("/a", [Limit::per_hour(0)]), vec!["on_route(/a).per_hour"]),
        (
            plain().on_route("/a", [Limit::per_hour(1), Limit::per_hour(2)]),
            vec!["on_route(/a).named"],
        ),
        (plain().for_principal("", "b", one()), vec!["for_principal"]),
        (plain().for_principal("a", "", one()), vec!["for_principal"]),
        (plain().for_principal("a", "b", []), vec!["for_principal"]),
        (
            plain().for_principal("a", "b", one()).for_principal("a", "b", one()),
            vec!["for_principal"],
        ),
        (plain().cost(5).for_principal("a", "b", one()), vec!["cost"]),
        (plain().exempt(Exempt::network("10.0.0.0/8"), " "), vec!["exempt"]),
        (plain().exempt(Exempt::network("10.0.0.1/8"), "mesh"), vec!["exempt"]),
        (plain().exempt(Exempt::network("mesh"), "mesh"), vec!["exempt"]),
        (plain().exempt(Exempt::principal("a", ""), "robot"), vec!["exempt"]),
        (plain().exempt(Exempt::scope(""), "robot"), vec!["exempt"]),
        (plain().exempt(Exempt::scope("a b"), "robot"), vec!["exempt"]),
        (plain().exempt(Exempt::route("health"), "probes"), vec!["exempt"]),
        (
            plain().exempt(Exempt::route("/a"), "one").exempt(Exempt::route("/a"), "two"),
            vec!["exempt"],
        ),
        (forged().plans(plans()), vec!["counting"]),
        (forged().exempt(Exempt::scope("internal"), "jobs"), vec!["counting"]),
        (forged().for_principal("a", "b", one()), vec!["counting"]),
        (forged().by(Key::Tenant), vec!["counting"]),
        (forged().by(Key::ApiKey), vec!["counting"]),
        (forged().by(Key::claim("org")), vec!["counting"]),
        (forged().by(typed("half")), vec!["counting"]),
    ] {
        let error = builder.clone().build().unwrap_err();
        for mistake in error.mistakes() {
            assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
        }
        assert_eq!(setters(builder), expected, "{error}");
    }
    for good in [
        plain().on_route("/a", one()).on_route("POST /a", one()).on_route("/a/", one()),
        plain().for_principal("a", "b", one()).for_principal("b", "b", one()),
        plain().on_route("/a", five.into_iter().take(4)),
        forged().on_route("/login", one()).exempt(Exempt::network("192.0.2.7"), "scanner"),
        plain().by(Key::claim("https://id.example/org")),
    ] {
        let error = good.build().err();
        assert!(error.is_none(), "{error:?}");
    }
}

#[test]
fn limits_of_a_claim_a_tenant_or_an_api_key_have_names_that_say_so() {
    let name = |key| Throttle::per_hour(1).by(key).build().unwrap().policy_name().to_owned();
    assert_eq!(name(Key::Tenant), "tenant-per-hour");
    assert_eq!(name(Key::ApiKey), "key-per-hour");
    assert_eq!(name(Key::claim("org")), "org-per-hour");
    assert_eq!(name(Key::claim("https://id.example/org id")), "id-per-hour");
    assert_eq!(name(Key::claim("{}")), "claim-per-hour");
    assert_eq!(name(Key::Method.and(Key::of("basket", |_| Some(1_u8)))), "method-basket-per-hour");
}

#[test]
fn the_summary_says_how_much_to_whom_and_how_many() {
    let summary = |builder: ThrottleBuilder| builder.build().unwrap().summary().into_owned();
    assert_eq!(
        summary(Throttle::per_minute(600).burst(100)),
        "600 per minute, burst 100, by client network (/64 for IPv6), at most 100000 keys"
    );
    assert_eq!(
        summary(Throttle::per_hour(9).by(Key::Principal.and(Key::Route)).cost(3).max_keys(5)),
        "9 per hour, burst 9, 3 a request, by principal and route, at most 5 keys"
    );
    assert_eq!(
        summary(
            Throttle::per_day(20)
                .ipv4_prefix(24)
                .ipv6_prefix(48)
                .counting(Count::ForgedCredentials)
        ),
        "20 forged credentials per day, burst 20, by client network (/24 for IPv4, /48 for IPv6), \
         at most 100000 keys"
    );
    assert_eq!(
        summary(Throttle::per_second(5).by(Key::Global)),
        "5 per second, burst 5, by everybody together, at most 100000 keys"
    );
}

#[test]
fn the_phase_follows_from_the_key() {
    let phase = |key: Key| Throttle::per_second(1).by(key).build().unwrap().phase();
    for edge in [Key::ClientNet, Key::Route, Key::Global, Key::header("x-tenant")] {
        assert_eq!(phase(edge.clone()), Phase::EdgeThrottle, "{edge}");
        assert_eq!(phase(edge.clone().and(Key::Principal)), Phase::Quota, "{edge}");
        assert_eq!(phase(Key::all([Key::all([Key::Principal]), edge.clone()])), Phase::Quota);
    }
    assert_eq!(phase(Key::Principal), Phase::Quota);
}

#[test]
fn a_policy_has_a_name_of_its_own_by_default() {
    let name = |builder: ThrottleBuilder| builder.build().unwrap().policy_name().to_owned();
    assert_eq!(name(Throttle::per_minute(1)), "client-per-minute");
    assert_eq!(
        name(Throttle::per_day(1).by(Key::Principal.and(Key::Route))),
        "principal-route-per-day"
    );
    assert_eq!(name(Throttle::per_hour(1).by(Key::header("X-Tenant"))), "x-tenant-per-hour");
    assert_eq!(name(Throttle::per_hour(1).named("login")), "login");
}

#[test]
fn a_prefix_longer_than_a_customers_is_a_finding() {
    let findings = |bits| {
        let mut report = Findings::default();
        Throttle::per_second(1).ipv6_prefix(bits).build().unwrap().findings(&mut report);
        report.iter().count()
    };
    assert_eq!((findings(64), findings(48), findings(65), findings(128)), (0, 0, 1, 1));
}

#[test]
fn a_limit_on_forged_credentials_that_strangers_share_is_a_finding() {
    let findings = |key| {
        let mut report = Findings::default();
        let throttle = Throttle::per_second(1).by(key).counting(Count::ForgedCredentials);
        throttle.build().unwrap().findings(&mut report);
        report.iter().count()
    };
    assert_eq!((findings(Key::Global), findings(Key::Route)), (1, 1));
    assert_eq!((findings(Key::ClientNet), findings(Key::Route.and(Key::ClientNet))), (0, 0));
}

#[test]
fn a_header_that_holds_credentials_nobody_has_verified_is_no_key() {
    for name in ["Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key"] {
        assert_eq!(setters(Throttle::per_second(1).by(Key::header(name))), ["by"], "{name}");
    }
}

#[test]
fn only_a_throttle_that_counts_afterwards_is_an_observer() {
    assert!(Throttle::per_second(1).build().unwrap().observer().is_none());
    let counting = Throttle::per_second(1).counting(Count::ForgedCredentials).build().unwrap();
    assert!(counting.observer().is_some());
}

#[test]
fn what_it_needs_follows_from_the_key() {
    let needs = |builder: ThrottleBuilder| builder.build().unwrap().needs();
    assert_eq!(needs(Throttle::per_second(1)), Needs::CLIENT);
    let both = Throttle::per_second(1).by(Key::ClientNet.and(Key::Principal));
    assert_eq!(needs(both), Needs::CLIENT.and(Needs::PRINCIPAL));
    let tenant = Throttle::per_second(1).by(Key::header("x-tenant").and(Key::Route));
    assert_eq!(needs(tenant.clone()), Needs::NONE);
    assert_eq!(needs(tenant.absent(Absent::ClientNet)), Needs::CLIENT);
}

#[test]
fn a_cost_that_makes_no_sense_is_refused_with_what_would() {
    let hundred = || Throttle::per_minute(100);
    for (builder, setter, value, remedy) in [
        (hundred().cost(0), "cost", "0", "at least 1"),
        (hundred().cost(101), "cost", "101", "at most the burst, 100"),
        (hundred().cost(u32::MAX), "cost", "4294967295", "at most the burst, 100"),
        (
            hundred().cost_on("POST /reports", 101),
            "cost_on",
            "POST /reports, 101",
            "the burst, 100",
        ),
        (hundred().cost_on("/health", 0), "cost_on", "/health, 0", "exempt"),
        (hundred().cost_on("reports", 2), "cost_on", "reports", "POST /reports"),
        (hundred().cost_on("/a", 2).cost_on("/a", 3), "cost_on", "/a", "once"),
        (hundred().settle_by("x cost"), "settle_by", "x cost", "x-cost"),
        (hundred().show_cost(), "show_cost", "", "settle_by"),
        (hundred().settle_at_most(5), "settle_at_most", "5", "settle_by"),
        (hundred().settle_by("x-cost").settle_at_most(0), "settle_at_most", "0", "at least 1"),
        (
            hundred().and(Limit::per_second(5)).cost_on("/a", 6),
            "cost_on",
            "/a, 6",
            "at most the burst, 5",
        ),
        (
            hundred().counting(Count::ForgedCredentials).settle_by("x-cost"),
            "counting",
            "ForgedCredentials",
            "cost",
        ),
        (
            hundred().counting(Count::ForgedCredentials).cost_by(|_| 1),
            "counting",
            "ForgedCredentials",
            "cost",
        ),
    ] {
        let error = builder.build().unwrap_err();
        let [mistake] = error.mistakes() else { panic!("{error}") };
        assert_eq!((mistake.setter(), mistake.value()), (setter, value), "{error}");
        assert!(mistake.remedy().contains(remedy), "{error}");
    }
}

#[test]
fn the_summary_says_what_requests_cost() {
    let summary = |builder: ThrottleBuilder| builder.build().unwrap().summary().into_owned();
    let summary = summary(
        Throttle::per_minute(100)
            .cost(3)
            .cost_on("POST /reports", 25)
            .settle_by("x-cost")
            .settle_by_handler(),
    );
    assert!(
        summary.starts_with(
            "100 per minute, burst 100, 3 a request, 25 for `POST /reports`, \
             settled by the handler and by `x-cost`, by client network"
        ),
        "{summary}"
    );
}
