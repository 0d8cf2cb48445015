//! Path and route rules, against a real axum router.
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

use axum::{
    Router,
    routing::{any, get, post},
};
use http::HeaderValue;
use support::caller::{ByHeader, Only};
use tower_parapet::{
    Context, Exchange, Flow, Guard, IpFilter, Parapet, Peer, Phase, Policy, Rejection,
};

fn stack() -> Parapet {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(ByHeader)
        .public("/health", "probe")
        .public("/shop/{*rest}", "shop window")
        .public("GET /notes/{id}", "notes are public to read")
        .route("/admin/{*rest}", Policy::authenticated().guard(Only("admin")))
        .route("POST /admin/open", Policy::authenticated())
        .route("/maybe", Policy::optional())
        .build()
        .unwrap()
}

fn router() -> Router {
    let inner =
        Router::new().route("/report", get(async || "report")).route("/", any(async || "base"));
    Router::new()
        .route("/health", get(async || "well"))
        .route("/orders", get(async || "orders").post(async || "made"))
        .route("/shop/{*rest}", get(async || "shop"))
        .route("/notes/{id}", get(async || "note").put(async || "put"))
        .route("/maybe", get(whoami))
        .route("/admin/open", post(async || "opened").get(async || "read"))
        .nest("/admin/nested", inner)
        .nest_service("/admin/service", Router::new().route("/deep", get(async || "deep")))
        .merge(Router::new().route("/admin/merged", get(async || "merged")))
        .route("/admin", get(async || "admin"))
        .fallback(async || (http::StatusCode::NOT_FOUND, "router's own 404"))
}

async fn whoami(request: axum::extract::Request) -> String {
    let context = Context::of(request.extensions()).unwrap();
    context.principal().map_or("nobody".to_owned(), |caller| caller.subject().to_owned())
}

async fn status(method: &str, target: &str, who: Option<&str>) -> u16 {
    let address = support::serve(stack().protect(router())).await;
    let headers: Vec<_> = who.into_iter().map(|who| ("x-who", who)).collect();
    support::request(address, method, target, &headers, b"").await.status
}

#[tokio::test]
async fn every_route_answers_as_the_table_says() {
    let rows: &[(&str, &str, Option<&str>, u16)] = &[
        ("GET", "/health", None, 200),
        ("HEAD", "/health", None, 200),
        ("POST", "/health", None, 405),
        ("GET", "/health/", None, 401),
        ("GET", "/orders", None, 401),
        ("GET", "/orders", Some("user"), 200),
        ("DELETE", "/orders", None, 401),
        ("DELETE", "/orders", Some("user"), 405),
        ("GET", "/nowhere", None, 401),
        ("GET", "/nowhere", Some("user"), 404),
        ("GET", "/shop/a/b", None, 200),
        ("GET", "/shop", None, 401),
        ("GET", "/shop/", None, 401),
        ("GET", "/notes/7", None, 200),
        ("HEAD", "/notes/7", None, 200),
        ("PUT", "/notes/7", None, 401),
        ("PUT", "/notes/7", Some("user"), 200),
        ("GET", "/maybe", None, 200),
        ("GET", "/admin", None, 401),
        ("GET", "/admin", Some("user"), 403),
        ("GET", "/admin/", Some("user"), 403),
        ("GET", "/admin", Some("admin"), 200),
        ("GET", "/admin/nested/report", Some("user"), 403),
        ("GET", "/admin/nested/report", Some("admin"), 200),
        ("GET", "/admin/nested", Some("user"), 403),
        ("GET", "/admin/service/deep", Some("user"), 403),
        ("GET", "/admin/service/deep", Some("admin"), 200),
        ("GET", "/admin/merged", Some("user"), 403),
        ("GET", "/admin/merged", Some("admin"), 200),
        ("POST", "/admin/open", Some("user"), 200),
        ("GET", "/admin/open", Some("user"), 403),
        ("GET", "/admin/open", Some("admin"), 200),
        ("OPTIONS", "*", None, 401),
    ];
    let address = support::serve(stack().protect(router())).await;
    for (method, target, who, expected) in rows {
        let headers: Vec<_> = who.iter().map(|who| ("x-who", *who)).collect();
        let answer = support::request(address, method, target, &headers, b"").await;
        assert_eq!(answer.status, *expected, "{method} {target} as {who:?}: {answer:?}");
    }
}

#[tokio::test]
async fn an_encoded_letter_does_not_skip_the_rule_of_the_plain_path() {
    for target in ["/%61dmin/nested/report", "/admi%6E", "/%61dmin/%6Eested/report"] {
        assert_eq!(status("GET", target, Some("user")).await, 400, "{target}");
    }
}

#[tokio::test]
async fn an_encoded_letter_within_one_rule_reaches_the_handler() {
    assert_eq!(status("GET", "/shop/caf%C3%A9", None).await, 200);
}

#[tokio::test]
async fn a_prefix_of_a_public_path_opens_nothing() {
    assert_eq!(status("GET", "/healthy", None).await, 401);
    assert_eq!(status("GET", "/health/../admin", None).await, 400);
}

#[tokio::test]
async fn a_stack_inside_of_the_router_judges_the_whole_path_under_nest() {
    let inner = Router::new().route("/report", get(async || "report")).layer(stack());
    let app = Router::new().nest("/admin/nested", inner);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let answer = support::get(address, "/admin/nested/report", &[("x-who", "user")]).await;
    assert_eq!((answer.status, answer.code()), (403, "insufficient-scope".to_owned()));
    let answer = support::get(address, "/admin/nested/report", &[("x-who", "admin")]).await;
    assert_eq!(answer.text(), "report");
}

#[tokio::test]
async fn a_router_that_matched_another_path_than_was_judged_is_refused() {
    let rewritten = axum::middleware::from_fn(
        async |mut request: axum::extract::Request, next: axum::middleware::Next| {
            let other = axum::extract::OriginalUri("/health".parse().unwrap());
            request.extensions_mut().insert(other);
            request.headers_mut().insert("x-who", HeaderValue::from_static("user"));
            next.run(request).await
        },
    );
    let app =
        Router::new().route("/orders", get(async || "orders")).layer(stack()).layer(rewritten);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let answer = support::get(address, "/orders", &[]).await;
    assert_eq!((answer.status, answer.code()), (403, "route-mismatch".to_owned()));
}

#[test]
fn routes_that_overlap_and_disagree_are_refused_all_at_once() {
    let error = Parapet::builder()
        .guard(ByHeader)
        .route("/a/{x}", Policy::authenticated())
        .route("/a/{y}", Policy::optional())
        .route("GET /b", Policy::authenticated())
        .public("GET /b", "why not")
        .route("/c/{*rest}", Policy::authenticated())
        .public("/c", "looser than what covers it")
        .public("/d", " ")
        .route("nonsense", Policy::authenticated())
        .build()
        .unwrap_err();
    let text = error.to_string();
    assert!(error.mistakes().len() >= 5, "{text}");
    for expected in [
        "`/a/{y}`",
        "`GET /b` is declared twice",
        "`/c` overlaps `/c/{*rest}`",
        "`/d`",
        "`nonsense`",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[tokio::test]
async fn a_guard_on_a_route_joins_its_rule_and_loosens_nothing() {
    let parapet = Parapet::builder()
        .guard(ByHeader)
        .public("/shop/{*rest}", "shop window")
        .route("/admin/{*rest}", Policy::authenticated().guard(Only("admin")))
        .guard_on("GET /admin/report", Only("auditor"))
        .guard_on("POST /shop/order", Only("buyer"))
        .guard_on("/new", Only("user"))
        .build()
        .unwrap();
    let router = Router::new().fallback(async || "reached");
    let address = support::serve(parapet.protect(router)).await;
    let rows = [
        ("GET", "/admin/report", "admin", 403),
        ("GET", "/admin/report/", "admin", 403),
        ("HEAD", "/admin/report", "admin", 403),
        ("POST", "/admin/report", "admin", 200),
        ("GET", "/admin/other", "admin", 200),
        ("GET", "/shop/order", "", 200),
        ("POST", "/shop/order", "user", 403),
        ("POST", "/shop/order", "buyer", 200),
        ("PUT", "/new", "user", 200),
        ("PUT", "/new", "other", 403),
    ];
    for (method, target, who, expected) in rows {
        let answer = support::request(address, method, target, &[("x-who", who)], b"").await;
        assert_eq!(answer.status, expected, "{method} {target} as {who}");
    }
}

#[test]
fn a_guard_that_runs_before_routes_are_judged_cannot_stand_in_a_rule() {
    struct Early;
    impl Guard for Early {
        fn name(&self) -> &'static str {
            "early"
        }
        fn phase(&self) -> Phase {
            Phase::Record
        }
        fn check(&self, _: &mut Exchange) -> Result<Flow, Rejection> {
            Ok(Flow::Continue)
        }
    }
    let error = Parapet::builder()
        .guard(ByHeader)
        .route("/a", Policy::authenticated().guard(Early))
        .guard_on("/b", Early)
        .build()
        .unwrap_err();
    assert_eq!(error.mistakes().len(), 2, "{error}");
}

#[tokio::test]
async fn a_route_may_take_encoded_slashes_as_text_and_no_other_route_does() {
    async fn tell(axum::extract::Path(name): axum::extract::Path<String>) -> String {
        name
    }
    let parapet = Parapet::builder()
        .guard(ByHeader)
        .route("/files/{name}", Policy::optional().encoded_slashes())
        .route("/files/{name}/{part}", Policy::optional())
        .route("/plain/{name}", Policy::optional())
        .build()
        .unwrap();
    let router = Router::new()
        .route("/files/{name}", get(tell))
        .route("/files/{name}/{part}", get(async || "part"))
        .route("/plain/{name}", get(tell));
    let address = support::serve(parapet.protect(router)).await;
    for (target, status, text) in [
        ("/files/a%2Fb", 200, "a/b"),
        ("/files/a%5cb", 200, "a\\b"),
        ("/files/%61%2fb", 200, "a/b"),
        ("/files/a/b", 200, "part"),
        ("/files/..%2fb", 400, "bad-path"),
        ("/files/a%2f%2e%2e", 400, "bad-path"),
        ("/files/a%2fb/c", 400, "bad-path"),
        ("/plain/a%2fb", 400, "bad-path"),
        ("/%66iles/a%2fb", 400, "bad-path"),
    ] {
        let answer = support::request(address, "GET", target, &[], b"").await;
        let told = if status == 200 { answer.text() } else { answer.code() };
        assert_eq!((answer.status, &*told), (status, text), "{target}");
    }
}

#[tokio::test]
async fn a_route_has_headers_of_its_own_in_place_of_the_defaults() {
    let parapet = Parapet::builder()
        .route("/prices", Policy::optional().cacheable())
        .route("/docs/{*rest}", Policy::optional().docs())
        .route("/plain", Policy::optional())
        .build()
        .unwrap();
    let own = async || ([("cache-control", "max-age=60")], "own");
    let router = Router::new()
        .route("/prices", get(async || "").post(own))
        .route("/docs/index.html", get(async || ""))
        .route("/plain", get(async || ""));
    let address = support::serve(parapet.protect(router)).await;
    let bare = "default-src 'none'; frame-ancestors 'none'";
    let docs = "script-src 'self'";
    for (method, target, cache, policy) in [
        ("GET", "/prices", "private, no-cache", bare),
        ("POST", "/prices", "max-age=60", bare),
        ("GET", "/docs/index.html", "no-store", docs),
        ("GET", "/plain", "no-store", bare),
    ] {
        let answer = support::request(address, method, target, &[], b"").await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.all("cache-control"), [cache], "{method} {target}");
        let [sent] = answer.all("content-security-policy")[..] else { panic!("{answer:?}") };
        assert!(sent.contains(policy), "{target}: {sent}");
    }
}

#[tokio::test]
async fn a_rule_may_keep_addresses_out_before_anything_else_of_it_runs() {
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(ByHeader)
        .route("/admin", Policy::authenticated().guard(IpFilter::builder().allow("10.0.0.0/8")))
        .route("/home", Policy::optional())
        .build()
        .unwrap();
    let router = Router::new().route("/admin", get(async || "")).route("/home", get(async || ""));
    let address = support::serve(parapet.protect(router)).await;
    for (target, status) in [("/admin", 403), ("/home", 200)] {
        let answer = support::request(address, "GET", target, &[], b"").await;
        assert_eq!(answer.status, status, "{target}");
    }
}

const PATTERNS: [&str; 12] = [
    "/",
    "/a",
    "/a/",
    "/b/{x}",
    "/a/{x}",
    "/a/b",
    "/a/{x}/c",
    "/{x}",
    "/{x}/b",
    "/c/{*rest}",
    "/a/b/{*rest}",
    "/%61",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn the_rule_judged_is_the_route_that_axum_takes(
        chosen in proptest::sample::subsequence(&PATTERNS, 1..PATTERNS.len()),
        path in "/([abc]|%61|%62)?(/([abc]|%61)?){0,3}",
    ) {
        let mut parapet = Parapet::builder();
        let mut router = Router::new();
        for pattern in chosen.iter().copied() {
            parapet = parapet.public(pattern, "compared with axum");
            router = router.route(pattern, get(move |request: axum::extract::Request| async move {
                let judged = Context::of(request.extensions()).unwrap().route().unwrap();
                assert_eq!(judged.pattern(), pattern);
                "same"
            }));
        }
        // What axum does not route is not listed, and what is not listed is closed.
        let routes = |path: &str| {
            let bare = chosen.iter().fold(Router::new(), |all, p| all.route(p, get(async || "")));
            (bare, http::Request::get(path).body(tower_parapet::Body::empty()).unwrap())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            use tower::ServiceExt;
            let (bare, request) = routes(&path);
            let routed = bare.oneshot(request).await.unwrap().status();
            let (_, request) = routes(&path);
            let app = parapet.build().unwrap().protect(router);
            let answer = app.oneshot(request).await.unwrap();
            match (routed.as_u16(), answer.status().as_u16()) {
                (200, 200) | (404, 401) => {}
                // Ambiguous when decoded, or not a sane path: refused, never let through wrongly.
                (_, 400) => assert!(path.contains('%') || path.contains("//"), "{path}"),
                other => panic!("{path} over {chosen:?}: {other:?}"),
            }
        });
    }
}
