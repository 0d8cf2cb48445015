//! The manifest as people keep it: a snapshot that a change of the stack breaks, and the same in
//! JSON.
#![cfg(all(
    feature = "axum",
    feature = "jwt",
    feature = "api-key",
    feature = "throttle",
    feature = "validate"
))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

use std::time::Duration;

use serde_json::{Value, json};
use tower_parapet::{
    Exchange, Flow, Guard, Parapet, Peer, Phase, Policy, Rejection,
    address::IpFilter,
    auth::{
        api_key::{ApiKeys, MemoryKeys},
        jwt::Jwt,
    },
    authorize::{role, scope},
    throttle::{Key, Throttle},
    validate::JsonSchema,
};

const PUBLIC_KEY: &str = include_str!("support/keys/es256.pub.pem");

/// Says nothing about itself.
struct Silent;

impl Guard for Silent {
    fn name(&self) -> &'static str {
        "silent"
    }
    fn phase(&self) -> Phase {
        Phase::Authorize
    }
    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Ok(Flow::Continue)
    }
}

fn shop() -> Parapet {
    let orders = Throttle::per_minute(10).by(Key::Principal).named("orders");
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .hosts(["shop.example"])
        .trusted_proxies(["10.0.3.7"])
        .ip(IpFilter::builder().deny(["192.0.2.0/24", "198.51.100.0/24"]))
        .throttle(Throttle::per_minute(600).burst(100).by(Key::ClientNet).named("client"))
        .authenticate(
            Jwt::builder()
                .issuer("https://id.example")
                .audience("orders")
                .public_key_pem(PUBLIC_KEY),
        )
        .authenticate(ApiKeys::builder(MemoryKeys::new()))
        .throttle(Throttle::per_hour(10_000).by(Key::Principal).named("caller"))
        .public("GET /health", "load balancer")
        .public("/catalogue/{*rest}", "shop window")
        .route("GET /orders", Policy::require(scope("orders:read")))
        .route("POST /orders", Policy::require(scope("orders:write")).throttle(orders))
        .route("/admin/{*rest}", Policy::require(scope("admin").or(role("operator"))))
        .public("POST /admin/login", "how an operator gets in")
        .route(
            "PUT /files/{name}",
            Policy::authenticated()
                .guard(Silent)
                .body_limit(64 << 20)
                .deadline(Duration::from_secs(300)),
        )
        .route("/feed", Policy::optional())
        .route("GET /feed/", Policy::authenticated())
        .validate(JsonSchema::for_route("POST /orders", r#"{"type":"object"}"#))
        .validate(JsonSchema::for_route("POST /carts", r#"{"type":"object"}"#))
        .build()
        .unwrap()
}

#[test]
fn the_text_is_the_one_that_was_kept() {
    let text = shop().manifest().to_string();
    assert_eq!(text, include_str!("manifest/shop.txt"), "the manifest has changed:\n{text}");
}

#[test]
fn the_text_of_a_bare_stack_says_that_no_routes_are_judged() {
    let bare = Parapet::builder().dangerous().bare().guard(Silent).build().unwrap();
    let text = bare.manifest().to_string();
    assert_eq!(text, include_str!("manifest/bare.txt"), "the manifest has changed:\n{text}");
    assert!(json_of(&bare)["routes"].is_null());
}

#[test]
fn the_text_is_the_same_every_time_and_has_no_blanks_at_the_ends_of_lines() {
    let text = shop().manifest().to_string();
    assert_eq!(text, shop().manifest().to_string());
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn no_key_stands_in_it() {
    let key: String = PUBLIC_KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let manifest = shop().manifest();
    assert!(!manifest.to_string().contains(&key[..20]) && !manifest.to_json().contains(&key[..20]));
}

fn json_of(parapet: &Parapet) -> Value {
    serde_json::from_str(&parapet.manifest().to_json()).unwrap()
}

#[test]
fn the_json_parses_and_says_all_that_the_text_says() {
    let (text, json) = (shop().manifest().to_string(), json_of(&shop()));
    let of_routes = json["routes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|route| &route["guards"].as_array().unwrap()[..]);
    let mut said = 0;
    for step in json["guards"].as_array().unwrap().iter().chain(of_routes) {
        let word = |member: &str| step[member].as_str().unwrap().to_owned();
        let line = text.lines().filter(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(&word("phase"))
                && words.next() == Some(&word("name"))
                && line.ends_with(&word("summary"))
        });
        assert!(line.count() >= 1, "{step} is not in {text}");
        said += 1;
    }
    for route in json["routes"].as_array().unwrap().iter().filter(|route| route["listed"] == true) {
        let methods: Vec<_> =
            route["methods"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
        let methods = match methods.last() {
            None => "any".to_owned(),
            Some(&"*") => "others".to_owned(),
            Some(_) => methods.join(","),
        };
        let line = text.lines().filter(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(&methods) && words.next() == route["pattern"].as_str()
        });
        assert_eq!(line.count(), 1, "{route} is not in {text}");
        said += 1;
    }
    // Titles, limits, observers, what is not listed, and what stands below a route's first line.
    assert!(said > 20 && said < text.lines().count());
}

#[test]
fn the_json_has_members_a_program_can_ask_for() {
    let json = json_of(&shop());
    let route = |methods: Value, pattern: &str| {
        let routes = json["routes"].as_array().unwrap();
        let found = routes.iter().find(|r| r["pattern"] == *pattern && r["methods"] == methods);
        found.unwrap_or_else(|| panic!("no {methods} {pattern}")).clone()
    };
    let health = route(json!(["GET", "HEAD"]), "/health");
    assert_eq!(health["access"], json!({ "public": "load balancer" }));
    assert_eq!(route(json!([]), "/feed")["access"], "optional");
    let admin = route(json!([]), "/admin/{*rest}");
    assert_eq!(admin["access"], "authenticated");
    assert_eq!(admin["requires"], json!(["scope admin or role operator"]));
    assert_eq!(admin["covers"], json!(["/admin", "/admin/"]));
    let files = route(json!(["PUT"]), "/files/{name}");
    assert_eq!(
        (&files["body_limit_bytes"], &files["deadline_seconds"]),
        (&json!(67_108_864), &json!(300.0))
    );
    let others = &route(
        json!(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "*"]),
        "/feed/",
    );
    assert_eq!(others["access"], "optional");
    let last = json["routes"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["listed"], &last["access"]), (&json!(false), &json!("authenticated")));
    assert_eq!(json["body_limit_bytes"], 1 << 20);
    assert_eq!(json["handler_deadline_seconds"], 30.0);
}
