//! What a policy must not be talked into, and where it must not be left out.

use axum::{Router, routing::get};
use http::{HeaderMap, HeaderValue, Request};
use tower::{Layer, ServiceExt};
use tower_parapet::{
    Body, Exchange, Flow, Guard, IpFilter, Key, Parapet, Phase, Policy, Reason, Rejection,
    Throttle, compose::Routes, transport::Cors,
};

use super::{
    APP, allows, app, preflight, serve, stack,
    support::{self, request},
};

const EVIL: &str = "https://evil.example";

#[test]
fn a_star_among_names_is_no_way_around_the_rule_of_credentials() {
    let star = ["*"];
    for (setter, cors) in [
        ("headers", app().headers(star)),
        ("methods", app().methods(star)),
        ("expose", app().expose(star)),
        ("expose_any", app().expose_any()),
    ] {
        let error = cors.build().unwrap_err();
        let [mistake] = error.mistakes() else { panic!("{error}") };
        assert_eq!(mistake.setter(), setter);
    }
}

#[test]
fn a_method_that_browsers_would_compare_in_vain_is_a_mistake() {
    let error = app().methods(["patch", "BREW", "Delete"]).build().unwrap_err();
    let told: Vec<_> = error.mistakes().iter().map(|m| (m.value(), m.remedy())).collect();
    assert_eq!(told, [("patch", "write `PATCH`"), ("Delete", "write `DELETE`")]);
}

#[tokio::test]
async fn a_closure_is_never_asked_about_null() {
    let cors = Cors::builder().origin_if(|_| true).credentials();
    let router = Router::new().route("/", get(async || "open"));
    let address = support::serve(cors.build().unwrap().layer(router)).await;
    for (origin, expected) in [
        ("https://a.example", Some("https://a.example")),
        ("null", None),
        ("a.example", None),
        ("https://a.example/", None),
    ] {
        let answer = request(address, "GET", "/", &[("origin", origin)], b"").await;
        assert_eq!(allows(&answer), expected, "{origin}");
    }
}

#[test]
fn findings_of_a_routes_policy_are_told_once_however_many_routes_it_is_for() {
    let wide = || Cors::builder().origins(["https://*.example.com"]).credentials();
    let stack = Parapet::builder()
        .public("GET /open", "anyone")
        .route("/files/{*rest}", Policy::optional().cors(wide()));
    let findings = stack.build().unwrap().findings();
    let broad = findings.iter().filter(|finding| finding.code == "broad-origins").count();
    assert_eq!(broad, 1, "{findings}");
}

#[test]
fn a_table_by_itself_does_not_drop_a_policy_in_silence() {
    let table = Routes::builder().route("GET /a", Policy::optional().cors(app()));
    let error = table.build().unwrap_err();
    let [mistake] = error.mistakes() else { panic!("{error}") };
    assert_eq!((mistake.setter(), mistake.value()), ("route", "GET /a"));
}

struct Closing;

impl Guard for Closing {
    fn name(&self) -> &'static str {
        "closing"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
        Err(Rejection::new(Reason::Unavailable))
    }
}

#[tokio::test]
async fn a_refusal_in_the_very_first_phase_carries_the_headers_too() {
    let address = serve(stack().guard(Closing)).await;
    for (target, origin, allowed) in
        [("/open", APP, APP), ("/prices", EVIL, "*"), ("/unlisted", APP, APP)]
    {
        let answer = request(address, "GET", target, &[("origin", origin)], b"").await;
        assert_eq!((answer.status, allows(&answer)), (503, Some(allowed)), "{target}");
    }
}

#[tokio::test]
async fn a_guard_of_ones_own_keeps_no_front_end_from_reading_its_refusal() {
    let closed = support::does(|_| Err(Rejection::new(Reason::Unavailable)));
    let address = serve(stack().guard(closed)).await;
    let answer = preflight(address, "/orders", APP, "DELETE").await;
    assert_eq!((answer.status, allows(&answer)), (204, Some(APP)));
    let answer = request(address, "GET", "/open", &[("origin", APP)], b"").await;
    assert_eq!((answer.status, allows(&answer)), (503, Some(APP)));
}

#[tokio::test]
async fn a_denied_address_is_refused_its_preflight_with_the_headers() {
    let address = serve(stack().ip(IpFilter::builder().deny("127.0.0.0/8"))).await;
    let answer = preflight(address, "/orders", APP, "DELETE").await;
    assert_eq!((answer.status, allows(&answer)), (403, Some(APP)));
}

#[tokio::test]
async fn a_preflight_is_answered_where_nobody_knows_the_peer() {
    // Served without `ConnectInfo`, so a limit by client network refuses what it cannot count.
    let stack = stack().throttle(Throttle::per_hour(1).by(Key::ClientNet)).build().unwrap();
    let app = stack.protect(Router::new().route("/open", get(async || "open")));
    let send = async |method: &str| {
        let asked = Request::builder()
            .method(method)
            .uri("/open")
            .header("host", "api.example.com")
            .header("origin", APP)
            .header("access-control-request-method", "GET");
        let answer = app.clone().oneshot(asked.body(Body::empty()).unwrap()).await.unwrap();
        let allowed = answer.headers().get("access-control-allow-origin").cloned();
        assert_eq!(allowed.unwrap(), APP);
        answer.status().as_u16()
    };
    assert_eq!(send("OPTIONS").await, 204);
    assert!(send("GET").await >= 400);
}

/// A layer that was left in place, or a handler that knows better: it allows whoever asks.
async fn reflects(headers: HeaderMap) -> ([(&'static str, HeaderValue); 3], &'static str) {
    let origin = headers.get("origin").cloned().unwrap_or(HeaderValue::from_static("*"));
    let yes = HeaderValue::from_static("true");
    let all = HeaderValue::from_static("*");
    let names = [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", yes),
        ("access-control-expose-headers", all),
    ];
    (names, "mine")
}

#[tokio::test]
async fn what_a_handler_tells_other_origins_is_not_heard_beside_a_policy() {
    let router = || Router::new().route("/open", get(reflects)).route("/prices", get(reflects));
    let address = support::serve(stack().build().unwrap().protect(router())).await;
    let told = async |target: &str, origin| {
        let answer = request(address, "GET", target, &[("origin", origin)], b"").await;
        assert_eq!(answer.text(), "mine");
        let of_cors = answer.headers.into_iter().filter(|(name, _)| name.starts_with("access-"));
        of_cors.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
    };
    assert!(told("/open", EVIL).await.is_empty());
    let mut ours = told("/open", APP).await;
    ours.sort();
    assert_eq!(
        ours,
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://app.example.com",
            "access-control-expose-headers: ratelimit",
        ]
    );
    // A policy without credentials takes them back.
    assert_eq!(told("/prices", EVIL).await, ["access-control-allow-origin: *"]);

    // Where there is no policy nobody meddles.
    let none = Parapet::builder().public("GET /open", "anyone").build().unwrap();
    let address = support::serve(none.protect(router())).await;
    let answer = request(address, "GET", "/open", &[("origin", EVIL)], b"").await;
    assert_eq!(allows(&answer), Some(EVIL));
}

#[tokio::test]
async fn a_preflight_varies_by_all_that_it_was_judged_by() {
    let address = serve(stack()).await;
    for (target, origin) in [("/open", APP), ("/open", EVIL), ("/prices", APP), ("/no/path", APP)] {
        let answer = preflight(address, target, origin, "GET").await;
        let vary = "origin, access-control-request-method, access-control-request-headers";
        assert_eq!(answer.all("vary"), [vary], "{target} {origin}");
    }
    // What is the same for everybody depends on nothing.
    let answer = request(address, "GET", "/prices", &[("origin", APP)], b"").await;
    assert!(answer.all("vary").is_empty());
}

#[tokio::test]
async fn preflights_of_what_cannot_be_judged_get_the_answer_of_the_stack() {
    let address = serve(stack()).await;
    for target in ["*", "/prices%2F", "/%70rices", "/prices/../open"] {
        for method in ["GET", "BREW", "G(T"] {
            let answer = preflight(address, target, EVIL, method).await;
            assert_eq!(allows(&answer), None, "{target} {method}");
            let answer = preflight(address, target, APP, method).await;
            assert_eq!(allows(&answer), Some(APP), "{target} {method}");
        }
    }
}

#[tokio::test]
async fn an_inner_stack_goes_by_its_own_policy_and_an_outer_one_has_the_last_word() {
    let outer = || {
        let any = Policy::optional().cors(Cors::builder().any_origin());
        Parapet::builder().public("GET /open", "anyone").route("GET /prices", any)
    };
    let nested = async |outer: Parapet, origin: &'static str| {
        let mine = Cors::builder().origins([APP]).credentials();
        let inner = Parapet::builder().cors(mine).dangerous().bare().build().unwrap();
        let prices = || get(async || "prices");
        let router = Router::new().route("/open", prices()).route("/prices", prices());
        let address = support::serve(outer.protect(router.layer(inner))).await;
        let open = request(address, "GET", "/open", &[("origin", origin)], b"").await;
        let prices = request(address, "GET", "/prices", &[("origin", origin)], b"").await;
        assert_eq!(prices.header("access-control-allow-credentials"), None);
        [open, prices].map(|answer| allows(&answer).map(str::to_owned))
    };
    let told = nested(outer().build().unwrap(), APP).await;
    assert_eq!(told, [Some(APP.to_owned()), Some("*".to_owned())]);
    let told = nested(outer().build().unwrap(), EVIL).await;
    assert_eq!(told, [None, Some("*".to_owned())]);
}

#[test]
fn credentials_for_others_without_a_guard_on_the_rest_are_a_finding() {
    let codes = |stack: tower_parapet::ParapetBuilder| {
        let findings = stack.build().unwrap().findings();
        findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    let csrf = || tower_parapet::transport::Csrf::builder().trust([APP]);
    assert!(codes(stack()).contains(&"no-csrf"));
    assert!(!codes(stack().csrf(csrf())).contains(&"no-csrf"));
    let by_route = Parapet::builder()
        .public("GET /open", "anyone")
        .route("GET /a", Policy::optional().cors(app()));
    assert!(codes(by_route).contains(&"no-csrf"));
    let plain = Cors::builder().origins(["http://app.example.com"]);
    assert!(!codes(stack().cors(plain.clone())).contains(&"plain-origin"));
    assert!(codes(stack().cors(plain.credentials())).contains(&"plain-origin"));
    let local = Cors::builder().origins(["http://localhost:3000"]).credentials();
    assert!(!codes(stack().cors(local)).contains(&"plain-origin"));
}
