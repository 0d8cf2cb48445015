//! Requests with cookies, by where they come from.

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, routing::any};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_parapet::{
    Body, Parapet,
    transport::{Cors, Csrf, CsrfBuilder},
};

use super::support::{Records, request, serve};

async fn protected(csrf: CsrfBuilder) -> SocketAddr {
    let parapet = Parapet::builder().csrf(csrf).public("/{*rest}", "a web site").build().unwrap();
    serve(parapet.protect(Router::new().route("/form", any(async || "done")))).await
}

type Fields = &'static [(&'static str, &'static str)];

const UPGRADE: Fields = &[("connection", "upgrade"), ("upgrade", "WebSocket")];

async fn status(address: SocketAddr, method: &str, fields: &[Fields]) -> u16 {
    let cookie = [("host", "shop.example:8443"), ("cookie", "session=1")];
    let headers: Vec<_> = cookie.iter().chain(fields.iter().copied().flatten()).copied().collect();
    let text: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let text = format!("{method} /form HTTP/1.1\r\n{text}content-length: 0\r\n\r\n");
    let text = text.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let answer = super::support::send(address, text.as_bytes()).await;
    if answer.status == 403 {
        assert_eq!(answer.code(), "cross-site");
    }
    answer.status
}

#[tokio::test]
async fn a_request_with_cookies_is_judged_by_where_it_comes_from() {
    let address = protected(Csrf::builder().trust(["https://pay.example"])).await;
    let rows: &[(Fields, u16)] = &[
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "Same-Origin")], 403),
        (&[("sec-fetch-site", "")], 403),
        (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")], 403),
        // What the browser says of the site outweighs an origin that looks right.
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example:8443")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://pay.example")], 200),
        (&[("origin", "https://shop.example:8443")], 200),
        (&[("origin", "http://shop.example:8443")], 200),
        (&[("origin", "https://SHOP.example:8443")], 200),
        (&[("origin", "https://shop.example")], 403),
        (&[("origin", "https://shop.example:8444")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "https://shop.example:8443.evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "")], 403),
        (&[("origin", "https://pay.example")], 200),
        (&[("origin", "https://pay.example"), ("origin", "https://evil.example")], 403),
        (&[], 403),
    ];
    for (fields, expected) in rows {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            assert_eq!(status(address, method, &[fields]).await, *expected, "{method} {fields:?}");
        }
        // The handshake of a WebSocket is a GET.
        assert_eq!(status(address, "GET", &[fields, UPGRADE]).await, *expected, "{fields:?}");
        assert_eq!(status(address, "GET", &[fields]).await, 200, "{fields:?}");
    }
}

#[tokio::test]
async fn a_request_without_cookies_comes_from_wherever_it_likes() {
    let address = protected(Csrf::builder()).await;
    for headers in
        [&[][..], &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]]
    {
        assert_eq!(request(address, "POST", "/form", headers, b"").await.status, 200);
    }
}

#[tokio::test]
async fn what_was_asked_for_is_let_through_and_nothing_else() {
    let same_site = protected(Csrf::builder().same_site()).await;
    assert_eq!(status(same_site, "POST", &[&[("sec-fetch-site", "same-site")]]).await, 200);
    assert_eq!(status(same_site, "POST", &[&[("sec-fetch-site", "cross-site")]]).await, 403);
    assert_eq!(status(same_site, "POST", &[&[]]).await, 403);
    let unlabelled = protected(Csrf::builder().dangerous().unlabelled()).await;
    assert_eq!(status(unlabelled, "POST", &[&[]]).await, 200);
    assert_eq!(status(unlabelled, "POST", &[&[("origin", "null")]]).await, 403);
}

#[tokio::test]
async fn what_a_browser_attaches_beside_cookies_is_guarded_where_that_is_asked_for() {
    let address = protected(Csrf::builder().cookieless()).await;
    let status = async |method: &str, headers: &[(&str, &str)]| {
        request(address, method, "/form", headers, b"").await.status
    };
    for foreign in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        assert_eq!(status("POST", &[foreign]).await, 403);
        let upgrade = [foreign, ("connection", "upgrade"), ("upgrade", "websocket")];
        assert_eq!(status("GET", &upgrade).await, 403);
        assert_eq!(status("GET", &[foreign]).await, 200);
    }
    assert_eq!(status("POST", &[("sec-fetch-site", "same-origin")]).await, 200);
    // Neither a field nor a cookie: curl, or another service.
    assert_eq!(status("POST", &[]).await, 200);
    assert_eq!(status("POST", &[("cookie", "session=1")]).await, 403);
}

/// Over HTTP/2 a WebSocket begins with CONNECT (RFC 8441), which has no `Upgrade`.
#[tokio::test]
async fn a_websocket_over_http_2_is_judged_like_one_over_http_1() {
    let handler = async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::empty()));
    let csrf = Csrf::builder().build().unwrap().layer(service_fn(handler));
    for (origin, expected) in [("https://shop.example", 200), ("https://evil.example", 403)] {
        let connect = Request::connect("https://shop.example/chat")
            .header("cookie", "session=1")
            .header("origin", origin);
        let answer = csrf.clone().oneshot(connect.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), expected, "{origin}");
    }
}

#[tokio::test]
async fn a_refusal_tells_an_allowed_origin_why_and_the_record_what_was_found() {
    let records = Records::default();
    let parapet = Parapet::builder()
        .cors(Cors::builder().origins(["https://app.example"]).credentials())
        .csrf(Csrf::builder())
        .observe(records.clone())
        .public("/{*rest}", "a web site");
    let router = Router::new().route("/form", any(async || "done"));
    let address = serve(parapet.build().unwrap().protect(router)).await;
    let fields = [
        ("cookie", "session=1"),
        ("origin", "https://app.example"),
        ("sec-fetch-site", "same-site"),
    ];
    let answer = request(address, "POST", "/form", &fields, b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "cross-site"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(!answer.text().contains("same-site"), "what was found is not for the client");
    let [record] = &records.wait_for(1)[..] else { panic!("one record") };
    let rejection = record.rejection.as_ref().unwrap();
    assert_eq!(rejection.guard(), Some("csrf"));
    assert_eq!(rejection.private_found(), Some("Sec-Fetch-Site `same-site`"));
}

#[test]
fn a_trusted_origin_that_cannot_be_read_is_a_mistake() {
    let csrf = Csrf::builder().trust(["shop.example", "https://ok.example"]);
    let error = Parapet::builder().csrf(csrf).public("GET /", "a page").build().unwrap_err();
    let [mistake] = error.mistakes() else { panic!("{error}") };
    assert_eq!((mistake.setter(), mistake.value()), ("csrf.trust", "shop.example"));
}
