//! Versions of an API over a real server: found, told, announced as ending, refused when over.
#![cfg(feature = "axum")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod support;

use std::{
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use axum::{Router, response::IntoResponse, routing::get as on_get};
use support::{Answer, Records, get, serve};
use tower_parapet::{
    ApiVersion, Context, IpFilter, Parapet, ParapetBuilder, Policy, Versions,
    clock::ManualClock,
    compose::Shadow,
    inspect::Severity,
    transport::Cors,
    version::{Date, Deprecation, VersionsBuilder},
};

/// 2026-06-01, between the deprecation of `v2` and its sunset.
const NOW: Duration = Duration::from_secs(1_780_272_000);
const SINCE: &str = "@1769817600";
const SUNSET: &str = "Thu, 31 Dec 2026 00:00:00 GMT";
const SUNSET_UNIX: Duration = Duration::from_secs(1_798_675_200);

fn lives(builder: VersionsBuilder) -> VersionsBuilder {
    builder
        .current("v3")
        .deprecated(
            "v2",
            Deprecation::since("2026-01-31").sunset("2026-12-31").link("https://api.example/news"),
        )
        .retired("v1", "2025-06-30")
}

async fn whoami(version: Option<ApiVersion>, context: axum::Extension<Context>) -> String {
    assert_eq!(version.as_ref(), context.version());
    version.map_or("none".to_owned(), |version| {
        format!("{version}{}", if version.is_deprecated() { ", ending" } else { "" })
    })
}

async fn own() -> impl IntoResponse {
    let own = [("sunset", "Fri, 01 Jan 2027 00:00:00 GMT"), ("link", "</own>; rel=\"next\"")];
    (own, "own")
}

fn router() -> Router {
    Router::new()
        .route("/orders", on_get(whoami))
        .route("/must", on_get(async |version: ApiVersion| version.to_string()))
        .route("/health", on_get(async || "well"))
        .route("/{version}/orders", on_get(whoami))
        .route("/{version}/own", on_get(own))
        .route("/{version}/path", on_get(async |uri: http::Uri| uri.path().to_owned()))
}

fn stack() -> ParapetBuilder {
    Parapet::builder().public("GET /{*rest}", "these tests")
}

async fn start(versions: VersionsBuilder) -> (SocketAddr, Records, ManualClock) {
    let (records, clock) = (Records::default(), ManualClock::at_unix(NOW));
    let stack = stack().versions(versions).observe(records.clone()).with_clock(clock.clone());
    (serve(stack.build().unwrap().protect(router())).await, records, clock)
}

fn verdict(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

fn says(answer: &Answer) -> [Vec<&str>; 4] {
    ["deprecation", "sunset", "link", "vary"].map(|name| answer.all(name))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_version_reaches_handler_and_record_and_is_told_nothing() {
    let (address, records, _) = start(lives(Versions::by_path())).await;
    let answer = get(address, "/v3/orders", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "v3"));
    assert_eq!(says(&answer), [[""; 0]; 4]);
    assert_eq!(records.wait_for(1)[0].version, Some(ApiVersion::new("v3")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deprecated_version_is_served_and_says_how_long_and_what_comes_after() {
    let (address, records, _) = start(lives(Versions::by_path())).await;
    let answer = get(address, "/v2/orders", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "v2, ending"));
    let link = "<https://api.example/news>; rel=\"deprecation\", \
        <https://api.example/news>; rel=\"sunset\", </v3>; rel=\"successor-version\"";
    assert_eq!(says(&answer), [vec![SINCE], vec![SUNSET], vec![link], vec![]]);
    let record = records.wait_for(1)[0].clone();
    assert!(record.version.is_some_and(|version| version == "v2" && version.is_deprecated()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deprecated_version_is_refused_from_the_very_second_of_its_sunset() {
    let (address, records, clock) = start(lives(Versions::by_path())).await;
    clock.set_unix(SUNSET_UNIX - Duration::from_millis(1));
    assert_eq!(get(address, "/v2/orders", &[]).await.status, 200);
    clock.set_unix(SUNSET_UNIX);
    let answer = get(address, "/v2/orders", &[]).await;
    assert_eq!(verdict(&answer), (410, "retired-version".to_owned()));
    assert_eq!(answer.json()["detail"], "`v2` is over, use `v3`");
    assert_eq!(answer.all("sunset"), [SUNSET]);
    assert!(answer.header("link").unwrap().ends_with("</v3>; rel=\"successor-version\""));

    let record = records.wait_for(2)[1].clone();
    assert_eq!(record.version, records.all()[0].version);
    let rejection = record.rejection.unwrap();
    assert_eq!(rejection.guard(), Some("version"));
    assert_eq!(rejection.private_found(), Some("`v2` after its sunset"));
    assert_eq!(get(address, "/v3/orders", &[]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_to_retire_is_served_with_its_sunset_until_then() {
    let versions = Versions::by_path().current("v2").retired("v1", UNIX_EPOCH + SUNSET_UNIX);
    let (address, _, clock) = start(versions).await;
    let answer = get(address, "/v1/orders", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "v1, ending"));
    let link = "</v2>; rel=\"successor-version\"";
    assert_eq!(says(&answer), [vec![], vec![SUNSET], vec![link], vec![]]);
    clock.set_unix(SUNSET_UNIX);
    let answer = get(address, "/v1/orders", &[]).await;
    assert_eq!(verdict(&answer), (410, "retired-version".to_owned()));
    assert_eq!(says(&answer), [vec![], vec![SUNSET], vec![link], vec![]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_missing_and_contradicting_versions_are_told_apart() {
    let versions = lives(Versions::by_path().or_header("api-version"));
    let (address, records, _) = start(versions).await;
    for (path, headers, code, detail) in [
        ("/v9/orders", &[] as &[_], "unknown-version", "there is `v3`, `v2`"),
        ("/orders", &[("api-version", "9")], "unknown-version", "there is `v3`, `v2`"),
        (
            "/orders",
            &[],
            "missing-version",
            "name one of `v3`, `v2`, by path or header `api-version`",
        ),
        ("/v3/orders", &[("api-version", "v2")], "ambiguous-version", "name one version, once"),
        (
            "/orders",
            &[("api-version", "v3"), ("Api-Version", "v3")],
            "ambiguous-version",
            "name one version, once",
        ),
    ] {
        let answer = get(address, path, headers).await;
        assert_eq!(verdict(&answer), (400, code.to_owned()), "{path} {headers:?}");
        assert_eq!(answer.json()["detail"], detail);
        assert_eq!(says(&answer), [vec![], vec![], vec![], vec!["api-version"]]);
    }
    let records = records.wait_for(5);
    assert!(records.iter().all(|record| record.version.is_none()));
    let found = records[1].rejection.as_ref().unwrap().private_found().unwrap().to_owned();
    assert_eq!(found, "`9`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_by_header_varies_and_names_a_successor_only_where_one_is_given() {
    let versions = || lives(Versions::by_header("api-version"));
    let (address, ..) = start(versions()).await;
    let current = get(address, "/orders", &[("api-version", "v3")]).await;
    assert_eq!((current.status, &*current.text()), (200, "v3"));
    assert_eq!(says(&current), [vec![], vec![], vec![], vec!["api-version"]]);
    let gone = get(address, "/orders", &[("api-version", "v1")]).await;
    assert_eq!(verdict(&gone), (410, "retired-version".to_owned()));
    assert_eq!(gone.all("link"), [""; 0]);

    let (address, ..) = start(versions().successor("https://api.example/v3")).await;
    let gone = get(address, "/orders", &[("api-version", "v1")]).await;
    let link = "<https://api.example/v3>; rel=\"successor-version\"";
    assert_eq!(
        says(&gone),
        [vec![], vec!["Mon, 30 Jun 2025 00:00:00 GMT"], vec![link], vec!["api-version"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_names_none_gets_the_one_that_stands_in() {
    let versions = lives(Versions::by_header("api-version").otherwise("v2"));
    let (address, _, clock) = start(versions).await;
    let answer = get(address, "/orders", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "v2, ending"));
    assert_eq!(answer.all("deprecation"), [SINCE]);
    clock.set_unix(SUNSET_UNIX);
    let answer = get(address, "/orders", &[]).await;
    assert_eq!(verdict(&answer), (410, "retired-version".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_behind_the_prefix_is_left_alone() {
    let (address, ..) = start(lives(Versions::by_header("api-version").under("/v3"))).await;
    let answer = get(address, "/health", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "well"));
    assert_eq!(answer.all("vary"), [""; 0]);
    let answer = get(address, "/v3/orders", &[]).await;
    assert_eq!(verdict(&answer), (400, "missing-version".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_says_about_itself_wins_and_its_links_stay() {
    let (address, ..) = start(lives(Versions::by_path())).await;
    let answer = get(address, "/v2/own", &[]).await;
    assert_eq!(answer.all("sunset"), ["Fri, 01 Jan 2027 00:00:00 GMT"]);
    assert_eq!(answer.all("deprecation"), [SINCE]);
    let links = answer.all("link");
    assert_eq!((links.len(), links[0]), (2, "</own>; rel=\"next\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_not_rewritten() {
    let (address, ..) = start(lives(Versions::by_path())).await;
    assert_eq!(get(address, "/v2/path", &[]).await.text(), "/v2/path");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_judged_after_addresses_and_before_credentials() {
    let stack = Parapet::builder().public("GET /health", "load balancer");
    let stack = stack.versions(lives(Versions::by_path())).with_clock(ManualClock::at_unix(NOW));
    let address = serve(stack.build().unwrap().protect(router())).await;
    for (path, expected) in [
        ("/v1/orders", (410, "retired-version")),
        ("/v1/nothing-there", (410, "retired-version")),
        ("/v9/orders", (400, "unknown-version")),
        ("/v3/orders", (401, "missing-credentials")),
        ("/v%31/orders", (400, "ambiguous-version")),
    ] {
        let answer = get(address, path, &[]).await;
        assert_eq!((answer.status, &*answer.code()), expected, "{path}");
    }

    let stack = stack_of_denied().versions(lives(Versions::by_path()));
    let address = serve(stack.build().unwrap().protect(router())).await;
    let answer = get(address, "/v9/orders", &[]).await;
    assert_eq!(verdict(&answer), (403, "address-denied".to_owned()));
}

fn stack_of_denied() -> ParapetBuilder {
    let filter = IpFilter::builder().deny(["127.0.0.0/8"]);
    stack().peer(tower_parapet::Peer::ConnectInfo).ip(filter)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_have_versions_of_its_own_and_a_shadow_settles_none() {
    let policy = Policy::optional().guard(lives(Versions::by_path()).build().unwrap());
    let shadowed = Shadow::of(lives(Versions::by_header("api-version")).build().unwrap()).unwrap();
    let stack = stack().route("GET /v2/{*rest}", policy).guard(shadowed);
    let stack = stack.with_clock(ManualClock::at_unix(NOW));
    let address = serve(stack.build().unwrap().protect(router())).await;
    let answer = get(address, "/v2/orders", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "v2, ending"));
    let answer = get(address, "/orders", &[("api-version", "v1")]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "none"));
    assert_eq!(says(&answer), [[""; 0]; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_needs_a_version_refuses_a_path_without_one() {
    let (address, ..) = start(lives(Versions::by_path())).await;
    let answer = get(address, "/must", &[]).await;
    assert_eq!(verdict(&answer), (400, "missing-version".to_owned()));
    let (address, ..) = start(lives(Versions::by_path().otherwise("v3"))).await;
    assert_eq!(get(address, "/must", &[]).await.text(), "v3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_probe_has_no_version() {
    let stack = stack().probe("/health").versions(lives(Versions::by_header("api-version")));
    let address = serve(stack.build().unwrap().protect(router())).await;
    let answer = get(address, "/health", &[]).await;
    assert_eq!((answer.status, &*answer.text()), (200, "well"));
    assert_eq!(verdict(&get(address, "/orders", &[]).await), (400, "missing-version".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_apis_beside_each_other_have_versions_of_their_own() {
    let shop = Versions::by_path().under("/shop").current("v2").retired("v1", "2025-06-30");
    let pay = Versions::by_path().under("/pay").current("v1");
    let stack = stack().versions(shop).versions(pay).with_clock(ManualClock::at_unix(NOW));
    let router = Router::new().route("/{api}/{version}/orders", on_get(whoami));
    let address = serve(stack.build().unwrap().protect(router)).await;
    for (path, status, text) in [
        ("/shop/v2/orders", 200, "v2"),
        ("/shop/v1/orders", 410, ""),
        ("/pay/v1/orders", 200, "v1"),
        ("/pay/v2/orders", 400, ""),
    ] {
        let answer = get(address, path, &[]).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(status != 200 || answer.text() == text, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_needs_no_version_and_refusals_can_be_read_by_other_origins() {
    let app = "https://app.example.com";
    let cors = Cors::builder().origins([app]).headers(["api-version"]).expose(["sunset"]);
    let stack = stack().cors(cors).versions(lives(Versions::by_header("api-version")));
    let stack = stack.with_clock(ManualClock::at_unix(NOW));
    let address = serve(stack.build().unwrap().protect(router())).await;
    let asks = [
        ("origin", app),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "api-version"),
    ];
    let answer = support::request(address, "OPTIONS", "/orders", &asks, b"").await;
    assert!(answer.status < 300, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-headers"), Some("api-version"));
    let refused = get(address, "/orders", &[("origin", app), ("api-version", "v1")]).await;
    assert_eq!(verdict(&refused), (410, "retired-version".to_owned()));
    assert_eq!(refused.header("access-control-allow-origin"), Some(app));
    assert_eq!(refused.header("access-control-expose-headers"), Some("sunset"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_an_inner_stack_settles_is_in_the_one_record() {
    let inner = stack().versions(lives(Versions::by_path()));
    let inner = inner.with_clock(ManualClock::at_unix(NOW)).build().unwrap();
    let records = Records::default();
    let outer = stack().observe(records.clone()).build().unwrap();
    let inner = Router::new().fallback_service(inner.protect(router()));
    let address = serve(outer.protect(inner)).await;
    assert_eq!(get(address, "/v2/orders", &[]).await.text(), "v2, ending");
    assert_eq!(get(address, "/v1/orders", &[]).await.status, 410);
    let records = records.wait_for(2);
    let versions: Vec<_> = records.iter().filter_map(|record| record.version.clone()).collect();
    assert_eq!(versions, ["v2", "v1"]);
}

#[test]
fn the_manifest_lists_the_versions_and_where_they_stand() {
    let versions = lives(Versions::by_path().or_header("api-version").under("/api"));
    let manifest = stack().versions(versions.otherwise("v2")).build().unwrap().manifest();
    let line = "by path or header `api-version` under `/api`: v3 current; \
        v2 deprecated 2026-01-31, sunset 2026-12-31; v1 retired 2025-06-30; \
        v2 where none is named";
    assert!(manifest.to_string().contains(line), "{manifest}");
}

#[test]
fn a_version_past_its_sunset_is_a_finding_until_it_is_called_retired() {
    let found = |unix, versions| {
        let clock = ManualClock::at_unix(unix);
        let parapet = stack().versions(versions).with_clock(clock).build().unwrap();
        let findings = parapet.findings();
        let of_versions = findings.iter().filter(|finding| finding.code == "past-sunset");
        of_versions
            .map(|finding| {
                assert_eq!(finding.severity, Severity::Low);
                format!("{}: {}", finding.subject, finding.evidence)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(found(NOW, lives(Versions::by_path())), [""; 0]);
    assert_eq!(
        found(SUNSET_UNIX, lives(Versions::by_path())),
        ["v2: v2 deprecated 2026-01-31, sunset 2026-12-31, which is past"]
    );
    let retired = Versions::by_path().current("v3").retired("v2", Date::day(2026, 12, 31));
    assert_eq!(found(SUNSET_UNIX, retired), [""; 0]);
}

#[test]
fn mistakes_of_versions_are_told_with_those_of_the_stack() {
    let versions = Versions::by_path()
        .current("v3")
        .current("v2")
        .deprecated("v1", Deprecation::since("2026-12-31").sunset("2026-01-31").link("here"));
    let error = stack().versions(versions).hosts(["a b"]).build().unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert_eq!(
        setters,
        ["versions.current", "versions.deprecated", "versions.deprecated.link", "hosts.allow"]
    );
}
