//! The shapes of patterns and documents, and the comparison held to itself by random tables.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use proptest::{collection::vec, prelude::*, sample::subsequence};
use serde_json::{Value, json};

use super::{RouteList, Uncovered, compare, seen::described};
use crate::compose::{Policy, Routes};

fn routes(rules: &[impl AsRef<str>]) -> Routes {
    let rules = rules.iter().map(AsRef::as_ref);
    let table =
        rules.fold(Routes::builder(), |table, rule| table.route(rule, Policy::authenticated()));
    table.build().unwrap()
}

/// What of a list no rule names, and which rules nothing serves.
fn differences(
    rules: &[impl AsRef<str>],
    list: impl Into<RouteList>,
) -> (Vec<String>, Vec<String>) {
    let owned = |lines: &mut dyn Iterator<Item = &str>| lines.map(str::to_owned).collect();
    match compare(Some(&routes(rules)), &list.into()) {
        Ok(()) => Default::default(),
        Err(found) => (owned(&mut found.unnamed()), owned(&mut found.unserved())),
    }
}

#[test]
fn what_is_covered_and_what_is_not() {
    type Row = (
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );
    let rows: &[Row] = &[
        // The rules of the policy, the routes of the service, the unnamed, the unserved.
        (&["GET /a"], &["GET /a"], &[], &[]),
        (&["GET /a/{id}"], &["GET /a/{order}"], &[], &[]),
        (&["GET /a"], &["GET /a", "POST /a"], &["POST /a"], &[]),
        (&["GET /a"], &["GET,POST,PUT /a"], &["POST,PUT /a"], &[]),
        (&["GET,POST /a"], &["GET /a"], &[], &["POST /a"]),
        (&["GET /a"], &[], &[], &["GET /a"]),
        (&["GET /a", "/b"], &["GET /a"], &[], &["/b"]),
        // HEAD follows GET, and not the other way round.
        (&["GET /a"], &["HEAD /a"], &[], &["GET /a"]),
        (&["HEAD /a", "GET /a"], &["GET /a"], &[], &[]),
        (&["HEAD /a"], &["GET /a"], &["GET /a"], &[]),
        // A rule for all methods wants one of them; a route for all methods wants them all named.
        (&["/a"], &["DELETE /a"], &[], &[]),
        (&["/a"], &["/a"], &[], &[]),
        (&["GET /a"], &["/a"], &["/a (by other methods than GET,HEAD)"], &[]),
        (&["GET /b"], &["/a", "GET /b"], &["/a"], &[]),
        (&["PURGE /a"], &["PURGE /a"], &[], &[]),
        (&["/a"], &["PURGE /a"], &[], &[]),
        (&["GET /a"], &["PURGE /a", "GET /a"], &["PURGE /a"], &[]),
        // A rest covers many routes, its base among them, and wants one of them for each method.
        (&["/admin/{*rest}"], &["GET /admin/users/{id}", "PUT /admin"], &[], &[]),
        (&["/admin/{*rest}"], &["GET /admin"], &[], &[]),
        (&["GET,PUT /admin/{*rest}"], &["GET /admin/x"], &[], &["PUT /admin/{*rest}"]),
        (
            &["/admin/{*rest}"],
            &["GET /administrators"],
            &["GET /administrators"],
            &["/admin/{*rest}"],
        ),
        (&["/f/{*rest}"], &["GET /f/{*path}"], &[], &[]),
        (&["/f/{name}"], &["GET /f/{*path}"], &["GET /f/{*path}"], &[]),
        (&["/f/open/{*rest}"], &["GET /f/{*path}"], &["GET /f/{*path}"], &["/f/open/{*rest}"]),
        // What is listed only by a parameter may be a slip where the policy has it by name.
        (&["/o/{id}", "/o/serach"], &["GET /o/{id}", "GET /o/search"], &[], &["/o/serach"]),
        (&["/o/search"], &["GET /o/{id}"], &["GET /o/{id}"], &["/o/search"]),
        (&["/{page}"], &["GET /about"], &[], &[]),
        (&["/about"], &["GET /about/"], &[], &[]),
        (&["/"], &["GET /"], &[], &[]),
        // Parameters that are a part of their segment, which OpenAPI has and axum 0.8 has not.
        (&["/r/{name}"], &["GET /r/{id}.json", "GET /r/{a}-{b}"], &[], &[]),
    ];
    for (rules, list, unnamed, unserved) in rows {
        let owned = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = (owned(unnamed), owned(unserved));
        assert_eq!(differences(rules, *list), expected, "{rules:?} and {list:?}");
    }
}

#[test]
fn a_public_pattern_covers_no_more_than_it_says() {
    let table = Routes::builder().public("GET /shop/{*rest}", "shop window").build().unwrap();
    let found = compare(Some(&table), &["GET /shop", "GET /shop/x"].into()).unwrap_err();
    assert_eq!(found.unnamed().collect::<Vec<_>>(), ["GET /shop"]);
}

#[test]
fn a_probe_is_a_route_like_any_other() {
    let table = Routes::builder().probe("/livez").build().unwrap();
    assert_eq!(compare(Some(&table), &["GET /livez"].into()), Ok(()));
    let found = compare(Some(&table), &RouteList::default()).unwrap_err();
    assert_eq!(found.unserved().collect::<Vec<_>>(), ["GET /livez"]);
}

#[test]
fn a_rule_for_the_other_methods_is_not_served_by_a_rule_of_its_own() {
    let table = Routes::builder().public("GET /a", "a page").route("/a", Policy::authenticated());
    let found = compare(Some(&table.build().unwrap()), &["GET /a"].into()).unwrap_err();
    assert_eq!(found.unserved().collect::<Vec<_>>(), ["/a"]);
}

#[test]
fn the_difference_reads_as_what_to_do() {
    let rules = routes(&["GET /orders", "POST /ordres", "/orders/serach", "GET /orders/{id}"]);
    let list = RouteList::from(["GET,POST /orders", "GET /orders/{order}", "GET /health"]);
    let found: Uncovered = compare(Some(&rules), &list).unwrap_err();
    let expected = "\
the policy and the list of routes differ
served, and no rule names it (any authenticated caller gets through):
  POST /orders
  GET /health
named by a rule, and nothing serves it:
  /orders/serach (the list has `GET /orders/{order}`)
  POST /ordres";
    assert_eq!(found.to_string(), expected);
    assert_eq!(format!("{found:?}"), expected);
    let bare = compare(None, &["GET /health"].into()).unwrap_err();
    assert_eq!(bare.unnamed().collect::<Vec<_>>(), ["GET /health"]);
}

#[test]
fn every_mistake_of_a_list_is_told_at_once() {
    let list = RouteList::from(["orders", "get /orders", "GET /ok"]).under("v1");
    let found = compare(Some(&routes(&["GET /ok"])), &list).unwrap_err();
    let unread = found.unread().unwrap();
    let values: Vec<_> = unread.mistakes().iter().map(|mistake| mistake.value()).collect();
    assert_eq!(values, ["orders", "get /orders", "v1"]);
    assert!(found.to_string().contains("cannot be read"), "{found}");
}

fn document(rest: Value) -> Value {
    let mut document = json!({ "openapi": "3.1.0", "info": { "title": "t", "version": "1" } });
    let (Value::Object(all), Value::Object(rest)) = (&mut document, rest) else { panic!() };
    all.extend(rest);
    document
}

#[test]
fn routes_are_read_of_documents_and_nothing_else() {
    let get = json!({ "/a": { "get": {} } });
    let servers = |urls: &[&str]| urls.iter().map(|url| json!({ "url": url })).collect::<Vec<_>>();
    let variables = json!({ "v": { "default": "v2" }, "host": { "default": "x.example" } });
    for (rest, expected) in [
        (json!({ "paths": get }), "GET /a\n"),
        (json!({}), ""),
        (
            json!({ "paths": { "/a": { "post": {}, "get": {}, "summary": "s", "parameters": [] } } }),
            "GET,POST /a\n",
        ),
        (
            json!({ "paths": { "x-rate": { "get": {} }, "/a": {} }, "webhooks": { "new": { "post": {} } } }),
            "",
        ),
        (
            json!({ "paths": { "/a": { "query": {}, "additionalOperations": { "COPY": {} } } } }),
            "QUERY,COPY /a\n",
        ),
        (json!({ "paths": get, "servers": servers(&["/v1/"]) }), "GET /v1/a\n"),
        (
            json!({ "paths": get, "servers": servers(&["https://x.example/v1", "https://y.example:8443/v1"]) }),
            "GET /v1/a\n",
        ),
        (
            json!({ "paths": get, "servers": servers(&["https://x.example", "http://localhost:3000/", ""]) }),
            "GET /a\n",
        ),
        (
            json!({ "paths": get, "servers": [{ "url": "https://{host}/{v}", "variables": variables }] }),
            "GET /v2/a\n",
        ),
        (json!({ "paths": { "/": { "get": {} } }, "servers": servers(&["/v1"]) }), "GET /v1\n"),
        (
            json!({ "paths": { "/a": { "servers": servers(&["/p"]), "get": {}, "put": { "servers": servers(&["/o"]) } } } }),
            "GET /p/a\nPUT /o/a\n",
        ),
        (
            json!({
                "paths": { "/a": { "$ref": "#/components/pathItems/A", "put": {} } },
                "components": { "pathItems": { "A": { "get": {} } } }
            }),
            "GET,PUT /a\n",
        ),
    ] {
        let document = document(rest);
        let list = RouteList::from_openapi(&document);
        assert_eq!(list.checked(), Ok(()), "{document}");
        assert_eq!(list.to_string(), expected, "{document}");
        assert_eq!(RouteList::from_openapi(&document.to_string()).to_string(), expected);
    }
}

#[test]
fn what_a_document_leaves_open_is_a_mistake_and_no_guess() {
    let get = json!({ "/a": { "get": {} } });
    for (document, problem) in [
        (json!({ "swagger": "2.0", "paths": get }), "no `openapi`"),
        (json!({ "openapi": "4.0.0", "paths": get }), "version `4.0.0`"),
        (json!("openapi: 3.1.0"), "is not JSON"),
        (json!(7), "no `openapi`"),
        (document(json!({ "paths": { "a": { "get": {} } } })), "is not a path"),
        (document(json!({ "paths": { "/a\u{1b}[31m": { "get": {} } } })), "is not a path"),
        (document(json!({ "paths": { "/a?x={x}": { "get": {} } } })), "is not a path"),
        (
            document(json!({ "paths": { "/a": { "$ref": "other.json#/a" } } })),
            "not in the document",
        ),
        (document(json!({ "paths": { "/a": { "$ref": "#/paths/~1a" } } })), "not in the document"),
        (
            document(json!({ "paths": get, "servers": [{ "url": "/v1" }, { "url": "/v2" }] })),
            "`/v1/`, `/v2/`",
        ),
        (document(json!({ "paths": get, "servers": [{ "url": "v1" }] })), "cannot be told"),
        (document(json!({ "paths": get, "servers": [{ "url": "/{v}" }] })), "cannot be told"),
    ] {
        let error = RouteList::from_openapi(&document).checked().unwrap_err();
        assert!(error.to_string().contains(problem), "{document}: {error}");
        assert!(error.mistakes().iter().all(|m| m.setter() == "from_openapi"), "{error}");
    }
    let two = document(json!({ "paths": get, "servers": [{ "url": "/v1" }, { "url": "/v2" }] }));
    let both = RouteList::from_openapi_at("/v1", &two).and(RouteList::from_openapi_at("/", &two));
    assert_eq!((both.to_string(), both.checked()), ("GET /v1/a\nGET /a\n".to_owned(), Ok(())));
    assert!(RouteList::from_openapi_at("v1", &two).checked().is_err());
}

#[test]
fn a_route_is_described_without_queries_and_values() {
    for (pattern, path, expected) in [
        ("", "/debug/heap", "GET /debug/heap"),
        ("/users/{name}", "/users/bob", "GET /users/{name}"),
        ("/files/{*rest}", "/files/7/raw", "GET /files/{…}/raw"),
        ("/a/{*rest}", "/a", "GET /a"),
        ("", "/orders/0b8f1a52-6a5e-4c4f-9d0e-0c7f6a1b2c3d/lines", "GET /orders/{…}/lines"),
        ("", "/v1/oauth2/token", "GET /v1/oauth2/token"),
        ("", "/reset/bob@example.com", "GET /reset/{…}"),
        ("", "/%1b%5b31m/\u{1b}[31m", "GET /{…}/{…}"),
        ("", "/", "GET /"),
        ("", "/a/", "GET /a/"),
    ] {
        assert_eq!(described("GET", pattern, path), expected);
    }
    assert!(described("GET", "", &"/word".repeat(1_000)).len() <= 200);
}

/// Patterns over a small alphabet, so that they meet.
fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("{x}")];
    (vec(segment, 1..4), prop::bool::weighted(0.2)).prop_map(|(segments, rest)| {
        let rest = if rest { "/{*rest}" } else { "" };
        format!("/{}{rest}", segments.join("/"))
    })
}

proptest! {
    #[test]
    fn a_list_knows_the_paths_that_a_router_of_its_patterns_matches(
        patterns in vec(pattern(), 1..8),
        path in vec(prop_oneof![Just("a"), Just("b"), Just("c")], 1..6),
    ) {
        let mut router = matchit::Router::new();
        let kept: Vec<_> =
            patterns.into_iter().filter(|pattern| router.insert(&**pattern, ()).is_ok()).collect();
        let list: RouteList = kept.iter().collect();
        let path = format!("/{}", path.join("/"));
        let at_base = kept.iter().any(|p| p.strip_suffix("/{*rest}").is_some_and(|base| {
            let mut bases = matchit::Router::new();
            bases.insert(base, ()).is_ok() && bases.at(&path).is_ok()
        }));
        let found = list.tree().find(&path, &|_| true).is_some();
        prop_assert_eq!(found, at_base || router.at(&path).is_ok(), "{} in {:?}", path, kept);
    }

    #[test]
    fn a_policy_covers_its_own_patterns_and_misses_whatever_is_taken_away(
        wanted in subsequence(
            vec!["GET /a", "POST /a", "GET /a/b", "/c/{x}", "PUT /c/{x}/d", "GET /e/{*rest}"], 1..=6,
        ),
        taken in any::<prop::sample::Index>(),
    ) {
        prop_assert_eq!(differences(&wanted, wanted.clone()), Default::default());
        let mut fewer = wanted.clone();
        let gone = vec![fewer.remove(taken.index(wanted.len())).to_owned()];
        prop_assert_eq!(differences(&wanted, fewer.clone()), (vec![], gone.clone()));
        prop_assert_eq!(differences(&fewer, wanted), (gone, vec![]));
    }
}
