use std::time::{Duration, UNIX_EPOCH};

use http::Request;
use proptest::prelude::*;

use crate::{
    clock::ManualClock,
    guard::{Exchange, Guard},
    rejection::Reason,
};

use super::{Date, Deprecation, Versions, VersionsBuilder};

/// 2026-06-01.
const NOW: Duration = Duration::from_secs(1_780_272_000);

fn ask(versions: &Versions, target: &str, headers: &[(&str, &[u8])]) -> Result<String, Reason> {
    let mut request = Request::builder().uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut exchange = Exchange::test(request.body(()).unwrap(), ManualClock::at_unix(NOW));
    versions.check(&mut exchange).map_err(|rejection| rejection.reason())?;
    Ok(exchange.version().map(|version| version.name().to_owned()).unwrap_or_default())
}

fn of(builder: VersionsBuilder) -> Versions {
    builder
        .current("v3")
        .deprecated("v2", Deprecation::since("2026-01-31").sunset("2026-12-31"))
        .retired("v1", "2025-06-30")
        .build()
        .unwrap()
}

const NONE: Result<&str, Reason> = Ok("");
const UNKNOWN: Result<&str, Reason> = Err(Reason::UnknownVersion);
const MISSING: Result<&str, Reason> = Err(Reason::MissingVersion);
const SEVERAL: Result<&str, Reason> = Err(Reason::AmbiguousVersion);
const GONE: Result<&str, Reason> = Err(Reason::RetiredVersion);

#[test]
fn the_first_segment_of_the_path_names_the_version() {
    let versions = of(Versions::by_path());
    for (path, expected) in [
        ("/v3/orders", Ok("v3")),
        ("/v3", Ok("v3")),
        ("/v3/", Ok("v3")),
        ("/v3?v=v2", Ok("v3")),
        ("http://api.example/v3/orders", Ok("v3")),
        ("/v2/v3", Ok("v2")),
        ("/v1/orders", GONE),
        ("/v9/orders", UNKNOWN),
        ("/v33", UNKNOWN),
        ("/V3/orders", UNKNOWN),
        ("/v03", UNKNOWN),
        ("/", NONE),
        ("/orders/v3", NONE),
        ("/v3beta", NONE),
        ("/v3.1/orders", NONE),
        ("/version", NONE),
        ("//v3", NONE),
        ("/v2/caf%C3%A9%2Fau", Ok("v2")),
        ("/caf%C3%A9", NONE),
    ] {
        assert_eq!(ask(&versions, path, &[]).as_deref(), expected.as_deref(), "{path}");
    }
}

#[test]
fn an_escape_never_hides_a_version() {
    let versions = of(Versions::by_path());
    for path in ["/%761/orders", "/v%31", "/%56%33", "/%7633", "/v3%2", "/%ff/v3"] {
        assert_eq!(ask(&versions, path, &[]).as_deref(), SEVERAL.as_deref(), "{path}");
    }
    let under = of(Versions::by_path().under("/api"));
    for path in ["/%61pi/v1", "/api/%761", "/%61pi/v3"] {
        assert_eq!(ask(&under, path, &[]).as_deref(), SEVERAL.as_deref(), "{path}");
    }
}

#[test]
fn a_path_may_be_asked_to_name_one_or_stand_for_one() {
    let required = of(Versions::by_path().required());
    assert_eq!(ask(&required, "/orders", &[]).as_deref(), MISSING.as_deref());
    assert_eq!(ask(&required, "/v2/orders", &[]).as_deref(), Ok("v2"));
    let old = of(Versions::by_path().otherwise("v2"));
    assert_eq!(ask(&old, "/orders", &[]).as_deref(), Ok("v2"));
    assert_eq!(ask(&old, "/v9/orders", &[]).as_deref(), UNKNOWN.as_deref());
}

#[test]
fn a_header_names_the_version_alone_and_once() {
    let versions = of(Versions::by_header("Api-Version"));
    let otherwise = of(Versions::by_header("api-version").otherwise("v2"));
    let table: [(&[&[u8]], _); 11] = [
        (&[b"v3"], Ok("v3")),
        (&[b" v3\t"], Ok("v3")),
        (&[b"v1"], GONE),
        (&[b"v9"], UNKNOWN),
        (&[b"V3"], UNKNOWN),
        (&[b""], UNKNOWN),
        (&[b"v3, v3"], UNKNOWN),
        (&[b"v3;q=1"], UNKNOWN),
        (&[b"v\xff3"], UNKNOWN),
        (&[b"v3", b"v2"], SEVERAL),
        (&[b"v3", b"v3"], SEVERAL),
    ];
    for (values, expected) in table {
        let headers: Vec<_> = values.iter().map(|value| ("api-version", *value)).collect();
        for versions in [&versions, &otherwise] {
            let asked = ask(versions, "/v2/orders", &headers);
            assert_eq!(asked.as_deref(), expected.as_deref(), "{values:?}");
        }
    }
    assert_eq!(ask(&versions, "/v2/orders", &[]).as_deref(), MISSING.as_deref());
    assert_eq!(ask(&otherwise, "/v3/orders", &[]).as_deref(), Ok("v2"));
}

#[test]
fn two_places_agree_or_are_refused() {
    let versions = of(Versions::by_path().or_header("api-version").or_header("x-version"));
    for (path, header, other, expected) in [
        ("/v3/orders", None, None, Ok("v3")),
        ("/orders", Some("v3"), None, Ok("v3")),
        ("/orders", None, Some("v2"), Ok("v2")),
        ("/v3/orders", Some("v3"), Some("v3"), Ok("v3")),
        ("/v3/orders", Some("v2"), None, SEVERAL),
        ("/v3/orders", None, Some("v2"), SEVERAL),
        ("/orders", Some("v3"), Some("v2"), SEVERAL),
        ("/v1/orders", Some("v3"), None, SEVERAL),
        ("/v3/orders", Some("v9"), None, SEVERAL),
        ("/v9/orders", Some("v9"), None, UNKNOWN),
        ("/orders", Some("v9"), None, UNKNOWN),
        ("/orders", None, None, MISSING),
    ] {
        let header = header.map(|value: &str| ("api-version", value.as_bytes()));
        let other = other.map(|value: &str| ("x-version", value.as_bytes()));
        let headers: Vec<_> = header.into_iter().chain(other).collect();
        let asked = ask(&versions, path, &headers);
        assert_eq!(asked.as_deref(), expected.as_deref(), "{path} {headers:?}");
    }
}

#[test]
fn what_is_not_behind_the_prefix_has_no_version() {
    let by_path = of(Versions::by_path().under("/shop/api").required());
    let by_header = of(Versions::by_header("api-version").under("/shop/api"));
    let v2: &[(&str, &[u8])] = &[("api-version", b"v2")];
    for (path, of_path, of_header) in [
        ("/shop/api/v3/orders", Ok("v3"), MISSING),
        ("/shop/api/orders", MISSING, MISSING),
        ("/shop/api", MISSING, MISSING),
        ("/shop/apiv3", NONE, NONE),
        ("/shop", NONE, NONE),
        ("/health", NONE, NONE),
        ("/v3/orders", NONE, NONE),
    ] {
        assert_eq!(ask(&by_path, path, v2).as_deref(), of_path.as_deref(), "{path}");
        assert_eq!(ask(&by_header, path, &[]).as_deref(), of_header.as_deref(), "{path}");
        let named = if of_header == NONE { "" } else { "v2" };
        assert_eq!(ask(&by_header, path, v2).as_deref(), Ok(named), "{path}");
    }
}

fn mistakes(builder: VersionsBuilder) -> Vec<(String, String)> {
    let error = builder.build().unwrap_err();
    let named = |mistake: &crate::error::Mistake| {
        assert!(!mistake.problem().is_empty() && !mistake.remedy().is_empty(), "{mistake}");
        (mistake.setter().to_owned(), mistake.value().to_owned())
    };
    error.mistakes().iter().map(named).collect()
}

#[test]
fn every_mistake_is_reported_at_once() {
    let early = Deprecation::since("2026-01-31").sunset("2026-01-30");
    let undated = Deprecation::since("soon").sunset("2026-02-29");
    let lost = Deprecation::since(Date::day(2026, 1, 31)).link("news").successor("//evil.example");
    let found = mistakes(
        Versions::by_header("host")
            .or_header("api-version")
            .or_header("Api-Version")
            .or_header("api version")
            .under("api/")
            .successor("mailto:api@example.com")
            .otherwise("v1")
            .required()
            .current("v7")
            .current("v6")
            .deprecated("v5", early)
            .deprecated("v4", undated)
            .deprecated("v3", lost)
            .supported("v3")
            .supported("v 2")
            .supported("")
            .retired("v1", "31.01.2026"),
    );
    let expected = [
        ("header", "host"),
        ("header", "Api-Version"),
        ("header", "api version"),
        ("under", "api/"),
        ("supported", "v3"),
        ("supported", "v 2"),
        ("supported", ""),
        ("current", "v6"),
        ("successor", "mailto:api@example.com"),
        ("deprecated", "v5"),
        ("deprecated", "soon"),
        ("deprecated", "2026-02-29"),
        ("deprecated.successor", "//evil.example"),
        ("deprecated.link", "news"),
        ("retired", "31.01.2026"),
        ("otherwise", "v1"),
        ("otherwise", "v1"),
    ];
    let expected = expected.map(|(setter, value)| (setter.to_owned(), value.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn versions_without_a_current_one_or_with_a_name_that_is_none_do_not_build() {
    let named = |setter: &str, value: &str| [(setter.to_owned(), value.to_owned())];
    assert_eq!(mistakes(Versions::by_path().supported("v1")), named("current", ""));
    for name in ["a/b", "..", "v2 ", "v%32", "ä", "v2,v3", &"v".repeat(33)] {
        assert_eq!(mistakes(Versions::by_path().current(name)), named("current", name), "{name}");
    }
    for under in ["/", "/api/", "//api", "/a/../b", "/a%62", "api", "/a?b"] {
        let builder = Versions::by_path().under(under).current("v1");
        assert_eq!(mistakes(builder), named("under", under), "{under}");
    }
}

#[test]
fn a_sunset_on_the_very_day_of_the_deprecation_is_fine() {
    let at_once = Deprecation::since("2026-01-31").sunset(UNIX_EPOCH + NOW);
    let same = Deprecation::since("2026-01-31").sunset("2026-01-31");
    for ending in [at_once, same] {
        Versions::by_path().current("v2").deprecated("v1", ending).build().unwrap();
    }
}

proptest! {
    /// Whatever is sent, either one served version is settled that stands there in plain letters, or
    /// none; a retired one never is.
    #[test]
    fn no_request_gets_a_version_that_it_does_not_name(
        path in "(/(v[0-9]|V3|%76[123]|v%3[123]|[a-z0-9%/.]{0,6})){0,3}",
        header in proptest::option::of("(v[0-9]| ?v3 ?|V2|[ -~]{0,6})"),
    ) {
        let versions = of(Versions::by_path().or_header("api-version"));
        let target = if path.is_empty() { "/" } else { &*path };
        prop_assume!(Request::builder().uri(target).body(()).is_ok());
        let headers: Vec<_> =
            header.iter().map(|value| ("api-version", value.as_bytes())).collect();
        let in_path = target.split('/').nth(1).unwrap_or_default();
        let in_header = header.as_deref().map(str::trim);
        if let Ok(version) = ask(&versions, target, &headers) {
            prop_assert!(version == "v3" || version == "v2", "{}", version);
            prop_assert!(in_path == version || in_header == Some(version.as_str()));
            prop_assert!(in_header.is_none_or(|named| named == version));
            prop_assert!(in_path == version || !["v1", "v2", "v3"].contains(&in_path));
        }
    }
}
