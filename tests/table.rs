//! Ways past the route table that must not be any.
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

use std::time::Duration;

use axum::{Router, routing::get};
use http::Request;
use support::caller::{ByHeader, Only};
use tower::{Layer, ServiceExt};
use tower_parapet::{
    Body, Parapet, ParapetBuilder, Policy, Routes,
    compose::All,
    layer,
    transport::{Sanity, SecurityHeaders},
};

fn only(role: &'static str) -> Policy {
    Policy::authenticated().guard(Only(role))
}

fn known() -> ParapetBuilder {
    Parapet::builder().guard(ByHeader)
}

async fn status(
    layer: &impl Layer<Router, Service = tower_parapet::Guarded<Router>>,
    line: &str,
) -> u16 {
    let (who, line) = line.split_once(": ").unwrap_or(("", line));
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).header("x-who", who);
    let app = layer.layer(Router::new().fallback(async || "reached"));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_rule_for_a_method_of_ones_own_judges_that_method() {
    let parapet = known()
        .sanity(Sanity::builder().methods(["GET", "PURGE", "BAN"]))
        .route("/cache/{key}", Policy::authenticated())
        .route("PURGE /cache/{key}", only("admin"))
        .guard_on("BAN /cache/{key}", Only("warden"))
        .build()
        .unwrap();
    for (line, expected) in [
        ("user: GET /cache/a", 200),
        ("user: PURGE /cache/a", 403),
        ("admin: PURGE /cache/a", 200),
        ("admin: PURGE /cache/a/", 200),
        ("user: PURGE /cache/a/", 403),
        ("admin: BAN /cache/a", 403),
        ("warden: BAN /cache/a", 200),
    ] {
        assert_eq!(status(&parapet, line).await, expected, "{line}");
    }
    let text = parapet.manifest().to_string();
    let listed = |line: &str| line.contains("PURGE") && line.contains("/cache/{key}");
    assert!(text.lines().any(listed), "{text}");
}

#[tokio::test]
async fn a_guard_on_a_wide_route_never_takes_the_place_of_a_narrower_rule() {
    let parapet = known()
        .route("/admin", only("admin"))
        .route("/admin/{*rest}", Policy::authenticated())
        .guard_on("/admin/{*rest}", Only("auditor"))
        .route("/shop/", only("clerk"))
        .public("/{page}", "a page")
        .guard_on("/shop", Only("buyer"))
        .build()
        .unwrap();
    for (line, expected) in [
        ("auditor: GET /admin", 403),
        ("admin: GET /admin", 200),
        ("auditor: GET /admin/x", 200),
        ("admin: GET /admin/x", 403),
        ("auditor: GET /admin/", 403),
        ("admin: GET /admin/", 200),
        ("buyer: GET /shop/", 403),
        ("clerk: GET /shop/", 200),
        ("buyer: GET /shop", 200),
        ("GET /shop", 403),
        ("GET /about", 200),
    ] {
        assert_eq!(status(&parapet, line).await, expected, "{line}");
    }
}

#[tokio::test]
async fn a_slash_at_the_end_changes_the_rule_in_no_order_of_the_calls() {
    let exact = |builder: ParapetBuilder| builder.route("/admin", only("admin"));
    let under = |builder: ParapetBuilder| builder.route("/admin/{*rest}", only("user"));
    for builder in [exact(under(known())), under(exact(known()))] {
        let parapet = builder.build().unwrap();
        assert_eq!(status(&parapet, "user: GET /admin").await, 403);
        assert_eq!(status(&parapet, "user: GET /admin/").await, 403);
        assert_eq!(status(&parapet, "user: GET /admin/x").await, 200);
    }
}

#[test]
fn a_guard_on_a_route_that_several_rules_judge_is_refused() {
    for (table, route) in [
        (["/{tenant}/admin", "/{tenant}/{page}"], "/acme/{page}"),
        (["/{tenant}/{page}", "/other"], "/acme/{*rest}"),
    ] {
        let [first, second] = table;
        let error = known()
            .route(first, only("admin"))
            .public(second, "pages")
            .guard_on(route, Only("buyer"))
            .build()
            .unwrap_err();
        let text = error.to_string();
        assert_eq!(error.mistakes().len(), 1, "{text}");
        assert!(text.contains(&format!("`guard_on`: `{route}` is judged by")), "{text}");
    }
}

#[tokio::test]
async fn guards_on_routes_add_up_in_whatever_order_they_were_given() {
    let wide = |builder: ParapetBuilder| builder.guard_on("/a/{*rest}", Only("wide"));
    let narrow = |builder: ParapetBuilder| builder.guard_on("GET /a/b", Only("narrow"));
    for builder in [narrow(wide(known())), wide(narrow(known()))] {
        let parapet = builder.build().unwrap();
        assert_eq!(status(&parapet, "narrow: GET /a/b").await, 403);
        assert_eq!(status(&parapet, "wide: GET /a/b").await, 403);
        assert_eq!(status(&parapet, "wide+narrow: GET /a/b").await, 200);
        assert_eq!(status(&parapet, "narrow: GET /a/b/").await, 403);
        assert_eq!(status(&parapet, "wide: GET /a/c").await, 200);
    }
}

fn table() -> Routes {
    Routes::builder()
        .route("/admin/{*rest}", only("admin"))
        .public("/open", "these tests")
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_table_enforces_what_it_says_wherever_it_stands() {
    let bare = || Parapet::builder().dangerous().bare().guard(ByHeader);
    let both = All::of("both").and(table()).and(ByHeader).build().unwrap();
    let stacks = [
        bare().guard(table()).build().unwrap(),
        bare().guard(both).build().unwrap(),
        bare().route("/admin/{*rest}", only("admin")).public("/open", "yes").build().unwrap(),
    ];
    for parapet in stacks {
        assert_eq!(status(&parapet, "user: GET /admin/x").await, 403);
        assert_eq!(status(&parapet, "admin: GET /admin/x").await, 200);
        assert_eq!(status(&parapet, "GET /other").await, 401);
        assert_eq!(status(&parapet, "GET /open").await, 200);
    }
    assert_eq!(status(&layer(table()), "GET /admin/x").await, 401);
    assert_eq!(status(&table(), "GET /admin/x").await, 401);
    assert_eq!(status(&layer(table()), "GET /open").await, 200);
}

#[tokio::test]
async fn a_table_within_a_stack_tightens_and_never_loosens() {
    let loose = Routes::builder().public("/admin/{*rest}", "looser").build().unwrap();
    let parapet = known().route("/admin/{*rest}", only("admin")).guard(loose).build().unwrap();
    assert_eq!(status(&parapet, "GET /admin/x").await, 401);
    assert_eq!(status(&parapet, "user: GET /admin/x").await, 403);
    assert_eq!(status(&parapet, "admin: GET /admin/x").await, 200);
}

#[tokio::test]
async fn a_bare_stack_says_so_in_its_findings_and_keeps_what_it_was_given() {
    let headers = SecurityHeaders::builder().set("x-own", "yes");
    let parapet = Parapet::builder().security_headers(headers).dangerous().bare().build().unwrap();
    let findings = parapet.findings();
    assert!(findings.iter().any(|finding| finding.evidence.contains("no route table")));
    let app = parapet.layer(Router::new());
    let answer = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["x-own"], "yes");
    let closed = known().build().unwrap();
    assert!(closed.findings().iter().all(|finding| finding.code != "bare-stack"));
}

#[tokio::test]
async fn a_catch_all_with_a_prefix_is_judged_like_axum_routes_it() {
    let parapet = known().route("/files/v{*rest}", only("reader")).build().unwrap();
    let app = Router::new().route("/files/v{*rest}", get(async || "file")).layer(parapet);
    for (path, who, expected) in
        [("/files/v1/a", "reader", 200), ("/files/v1", "reader", 200), ("/files/v1/a", "user", 403)]
    {
        let request = Request::get(path).header("x-who", who).body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{path} as {who}");
    }
}

#[test]
fn one_conflict_is_one_mistake() {
    let error = known()
        .route("/a/{x}", Policy::authenticated())
        .route("/a/{y}", Policy::authenticated())
        .build()
        .unwrap_err();
    assert_eq!(error.mistakes().len(), 1, "{error}");
}

#[test]
fn the_manifest_tells_rules_apart_that_differ_in_their_limits_alone() {
    let parapet = known()
        .route("GET /a", Policy::authenticated())
        .route("POST /a", Policy::authenticated().body_limit(7))
        .build()
        .unwrap();
    let text = parapet.manifest().to_string();
    let routes = text.split_once("routes, and who").unwrap().1;
    let (get, post) = routes.split_once("POST").unwrap();
    assert!(post.contains("body at most 7 bytes"), "{text}");
    assert!(get.contains("/a") && !get.contains("at most"), "{text}");
}

#[test]
fn what_cannot_work_is_refused_before_it_runs() {
    let early = All::of("early").and(Only("admin")).and(Sanity::default()).build().unwrap();
    let error = known()
        .guard(early)
        .handler_deadline(Duration::ZERO)
        .body_deadline(Duration::ZERO)
        .route("/a", Policy::authenticated().deadline(Duration::ZERO))
        .build()
        .unwrap_err();
    let text = error.to_string();
    assert_eq!(error.mistakes().len(), 4, "{text}");
    for expected in
        ["`guard`: `early` needs", "`handler_deadline`", "`body_deadline`", "`route.deadline`"]
    {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[tokio::test]
async fn a_stack_inside_of_a_router_judges_whole_paths_however_the_router_is_put_together() {
    let parapet = known().route("/t/{id}/{*rest}", only("admin")).build().unwrap();
    let deep = || Router::new().route("/deep/{x}", get(async || "deep"));
    let inside = Router::new()
        .nest("/t/{id}/nest", deep())
        .nest_service("/t/{id}/service", deep().layer(parapet.clone()))
        .nest("/t/{id}/twice", Router::new().nest("/more", deep()))
        .fallback(async || "fallback")
        .layer(parapet);
    for (path, expected) in [
        ("/t/7/nest/deep/a", 200),
        ("/t/7/service/deep/a", 200),
        ("/t/7/twice/more/deep/a", 200),
        ("/t/7/service/nothing", 404),
        ("/t/7/nothing", 200),
    ] {
        for (who, expected) in [("admin", expected), ("user", 403)] {
            let request = Request::get(path).header("x-who", who).body(Body::empty()).unwrap();
            let answer = inside.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), expected, "{path} as {who}");
        }
    }
}

#[tokio::test]
async fn targets_without_a_path_fall_under_rules_of_their_own_alone() {
    let parapet = known()
        .sanity(Sanity::builder().methods(["GET", "OPTIONS", "CONNECT"]))
        .public("/{*rest}", "everything with a path")
        .public("OPTIONS *", "what this service can do")
        .build()
        .unwrap();
    let app = parapet.layer(Router::new().fallback(async || "reached"));
    for (method, target, expected) in [
        ("OPTIONS", "*", 200),
        ("CONNECT", "example.com:443", 401),
        ("GET", "http://example.com/a", 200),
        ("GET", "http://example.com", 401),
        ("GET", "/", 401),
    ] {
        let host = if method == "CONNECT" { target } else { "example.com" };
        let request = Request::builder().method(method).uri(target).header("host", host);
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{method} {target}");
    }
}
