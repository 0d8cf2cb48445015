//! HTTPS for everything, redirects for browsers, and what browsers remember.

use std::time::Duration;

use tower_parapet::{ConfigError, transport::Hsts};

use super::*;

const HOST: (&str, &str) = ("host", "shop.example");

fn required(stack: ParapetBuilder) -> ParapetBuilder {
    stack
        .peer(STRANGER)
        .hosts(["shop.example", "shop.example:8080", "[2001:db8::1]"])
        .https(Https::required())
        .route("/pages/{*rest}", Policy::optional().browser())
}

#[tokio::test]
async fn an_api_route_answers_plain_http_with_403_and_never_with_a_redirect() {
    let stack = Stack::of(required);
    for path in ["/open", "/closed", "/page", "/nowhere"] {
        let answer = stack.get(path, &[HOST]).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "https-required"), "{path}");
        assert!(answer.header("location").is_none());
        let record = stack.records.all().pop().unwrap();
        assert!(record.notes.is_empty() && record.rejection.unwrap().private_found().is_some());
    }
    assert_leaked(&stack.get("/closed", &[HOST, TOKEN]).await, "credentials come first");
}

#[tokio::test]
async fn a_browser_is_sent_on_to_the_same_target_by_https() {
    let stack = Stack::of(required);
    for (host, target, location) in [
        ("shop.example", "/pages/a", "https://shop.example/pages/a"),
        ("SHOP.example:80", "/pages/a", "https://shop.example/pages/a"),
        ("shop.example.:8080", "/pages/a?b=c%20d&e", "https://shop.example/pages/a?b=c%20d&e"),
        ("[2001:DB8::1]:80", "/pages/a", "https://[2001:db8::1]/pages/a"),
        ("shop.example", "/pages/a?//evil.example", "https://shop.example/pages/a?//evil.example"),
        ("shop.example", "http://shop.example/pages/b", "https://shop.example/pages/b"),
    ] {
        let answer = stack.get(target, &[("host", host)]).await;
        assert_eq!((answer.status, answer.header("location")), (308, Some(location)), "{host}");
        assert!(answer.header("strict-transport-security").is_none(), "not over plain HTTP");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let other_port = Stack::of(|stack| required(stack).https(Https::required().port(8443)));
    let answer = other_port.get("/pages/a", &[HOST]).await;
    assert_eq!(answer.header("location"), Some("https://shop.example:8443/pages/a"));
}

#[tokio::test]
async fn a_browser_is_never_sent_to_a_host_that_is_not_ours_nor_with_credentials_or_a_body() {
    let stack = Stack::of(required);
    for host in ["evil.example", "shop.example.evil.example", "shop.example:8081@evil.example"] {
        let answer = stack.get("/pages/a", &[("host", host)]).await;
        assert!([400, 421].contains(&answer.status), "{host}: {answer:?}");
        assert!(answer.header("location").is_none());
    }
    assert_leaked(&stack.get("/pages/a", &[HOST, TOKEN]).await, "credentials");
    let address = serve(stack.app()).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = support::request(address, method, "/pages/a", &[HOST], b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "https-required"), "{method}");
    }
    let head = support::request(address, "HEAD", "/pages/a", &[HOST], b"").await;
    assert_eq!(head.status, 308);
}

#[tokio::test]
async fn a_route_for_browsers_sends_them_on_where_nothing_else_requires_https() {
    let stack = Stack::of(|stack| required(stack).https(Https::builder()));
    assert_eq!(stack.get("/open", &[HOST]).await.text(), "plain");
    assert_eq!(stack.get("/pages/a", &[HOST]).await.status, 308);
    let manifest = stack.parapet.manifest().to_string();
    assert!(manifest.contains("browsers are sent on to https"), "{manifest}");
    let all = Stack::of(|stack| required(stack).https(Https::redirect()));
    assert_eq!(all.get("/open", &[HOST]).await.status, 308);
}

#[tokio::test]
async fn in_a_secure_context_nothing_is_refused_or_sent_on() {
    let stack = Stack::of(|stack| required(stack.trusted_proxies("10.0.3.7")).peer(BALANCER));
    let https = ("x-forwarded-proto", "https");
    for path in ["/open", "/page"] {
        assert_eq!(stack.get(path, &[HOST, https]).await.text(), "proxy");
    }
    let here = Stack::of(|stack| required(stack).peer(Peer::ConnectInfo));
    assert_eq!(here.get("/open", &[HOST]).await.text(), "loopback");
}

fn mistakes(stack: ParapetBuilder) -> Vec<(String, String)> {
    let of = |error: ConfigError| {
        let list = error.mistakes().iter();
        list.map(|mistake| (mistake.setter().to_owned(), mistake.value().to_owned())).collect()
    };
    stack.build().map_or_else(of, |_| Vec::new())
}

#[test]
fn a_redirect_without_a_list_of_hosts_does_not_build() {
    let open = || Parapet::builder().public("GET /open", "test");
    let page = || open().route("/page", Policy::optional().browser());
    let hosts = vec![("hosts".to_owned(), String::new())];
    assert_eq!(mistakes(open().https(Https::redirect())), hosts);
    let signs_in = |stack: ParapetBuilder| stack.guard(support::caller::ByHeader);
    assert_eq!(mistakes(signs_in(page())), hosts);
    assert_eq!(mistakes(signs_in(page()).hosts(["shop.example"])), []);
    let broken = mistakes(signs_in(page()).hosts(["a b"]));
    assert_eq!(broken, [("hosts.allow".to_owned(), "a b".to_owned())]);
}

const HSTS: &str = "strict-transport-security";

async fn remembered(https: tower_parapet::transport::HttpsBuilder, host: &str) -> Option<String> {
    let stack = Stack::of(|stack| stack.peer(BALANCER).trusted_proxies("10.0.3.7").https(https));
    let headers = [("host", host), ("x-forwarded-proto", "https")];
    let answers = [
        stack.get("/open", &headers).await,
        stack.get("/closed", &headers).await,
        stack.get("/nowhere", &headers).await,
    ];
    let values: Vec<_> = answers.iter().map(|answer| answer.header(HSTS)).collect();
    assert!(values.iter().all(|value| *value == values[0]), "refusals too: {values:?}");
    values[0].map(str::to_owned)
}

#[tokio::test]
async fn browsers_remember_https_for_a_name_and_never_for_localhost_or_an_address() {
    let year = Some("max-age=31536000; includeSubDomains".to_owned());
    for host in ["shop.example", "shop.example:8443", "1e100.example", "localhost.example"] {
        assert_eq!(remembered(Https::builder(), host).await, year, "{host}");
    }
    for host in [
        "localhost",
        "LOCALHOST:3000",
        "app.localhost",
        "localhost.",
        "127.0.0.1",
        "192.0.2.1:443",
        "[::1]",
        "[2001:db8::1]:443",
    ] {
        assert_eq!(remembered(Https::builder(), host).await, None, "{host}");
    }
    let preload = Hsts::new().max_age(Duration::from_secs(63_072_000)).preload();
    let value = remembered(Https::builder().hsts(preload), "shop.example").await;
    assert_eq!(value.as_deref(), Some("max-age=63072000; includeSubDomains; preload"));
    let careful = Hsts::new().max_age(Duration::from_secs(300)).host_only();
    let value = remembered(Https::builder().hsts(careful), "shop.example").await;
    assert_eq!(value.as_deref(), Some("max-age=300"));
    assert_eq!(remembered(Https::builder().without_hsts(), "shop.example").await, None);
}

#[tokio::test]
async fn over_plain_http_and_on_this_machine_nothing_is_remembered() {
    for peer in [STRANGER, Peer::ConnectInfo] {
        let stack = Stack::of(|stack| stack.peer(peer));
        assert_eq!(stack.get("/open", &[HOST]).await.header(HSTS), None);
    }
    let mesh = Stack::of(|stack| stack.peer(SIDECAR).mesh("10.128.4.2"));
    assert_eq!(mesh.get("/open", &[HOST]).await.header(HSTS), None);
}

#[test]
fn every_mistake_about_https_is_named_at_once() {
    let hsts = Hsts::new().max_age(Duration::from_millis(86_400_500)).host_only().preload();
    let https = Https::builder().hsts(hsts).port(0).credential("not a name").credential("Host");
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .public("GET /open", "test")
        .https(https)
        .mesh(["0.0.0.0/0", "mesh.example"]);
    let values = [
        ("https.hsts", "86400.5s"),
        ("https.hsts", "preload, max-age=86400"),
        ("https.hsts", "preload, host_only"),
        ("https.port", "0"),
        ("https.credential", "not a name"),
        ("https.credential", "host"),
        ("mesh.peers", "mesh.example"),
        ("mesh.peers", "0.0.0.0/0"),
    ];
    let named = values.map(|(setter, value)| (setter.to_owned(), value.to_owned()));
    assert_eq!(mistakes(stack), named);
    assert_eq!(mistakes(Parapet::builder().public("/", "test").mesh([""; 0])).len(), 2);
}
