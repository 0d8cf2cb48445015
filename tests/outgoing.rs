//! Tokens for calls to other services, over sockets: an issuer and a service of the test's own.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

#[path = "support/authority.rs"]
mod authority;
#[path = "outgoing/bound.rs"]
mod bound;
#[path = "outgoing/channel.rs"]
mod channel;
#[path = "outgoing/renewal.rs"]
mod renewal;
#[cfg(all(feature = "introspection", feature = "dpop"))]
#[path = "outgoing/verified.rs"]
mod verified;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use authority::{Asked, Authority, json};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::json;
use tower::{Layer, ServiceExt};
use tower_parapet::{
    clock::ManualClock,
    outgoing::{
        Authorized, ClientCredentials, ClientCredentialsBuilder, Grant, Replay, TokenError,
    },
    remote::Remote,
};

type Http = Authorized<Client<HttpConnector, Full<Bytes>>>;

fn direct() -> Remote {
    Remote::builder().no_proxy().build().unwrap()
}

/// Tokens with a number, so that each is another one.
async fn issuer() -> Authority {
    let number = AtomicUsize::new(0);
    Authority::start(move |_| token(number.fetch_add(1, Ordering::SeqCst), "Bearer")).await
}

fn token(number: usize, kind: &str) -> Response<String> {
    json(
        200,
        json!({"access_token": format!("token-{number}"), "token_type": kind, "expires_in": 300}),
    )
}

async fn service() -> Authority {
    Authority::start(|_| json(200, "{}")).await
}

fn named(issuer: &Authority, service: &Authority) -> ClientCredentialsBuilder {
    ClientCredentials::builder()
        .token_url(issuer.url("/token"))
        .client_id("orders")
        .client_secret("s3cret")
        .scope("stock:read")
        .for_origin(service.url(""))
        .with_remote(direct())
}

fn client(tokens: &ClientCredentials) -> Http {
    tokens.layer(Client::builder(TokioExecutor::new()).build_http())
}

fn to(service: &Authority) -> Request<Full<Bytes>> {
    Request::get(service.url("/items?x=1")).body(Full::default()).unwrap()
}

async fn call(client: &Http, request: Request<Full<Bytes>>) -> u16 {
    client.clone().oneshot(request).await.unwrap().status().as_u16()
}

async fn refused(client: &Http, request: Request<Full<Bytes>>) -> TokenError {
    let error = client.clone().oneshot(request).await.unwrap_err();
    error.downcast_ref::<TokenError>().unwrap_or_else(|| panic!("{error}")).clone()
}

fn unauthorized(challenge: &'static str) -> Response<String> {
    let mut reply = json(401, "{}");
    reply.headers_mut().insert("www-authenticate", HeaderValue::from_static(challenge));
    reply
}

fn sent(asked: &Asked) -> Option<&str> {
    asked.header("authorization")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_every_call() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    assert_eq!(issuer.calls(), 0);
    let http = client(&tokens);
    for _ in 0..5 {
        assert_eq!(call(&http, to(&service)).await, 200);
    }
    assert!(service.asked().iter().all(|asked| sent(asked) == Some("Bearer token-0")));
    assert_eq!(issuer.calls(), 1);
    let asked = issuer.last();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    assert_eq!(asked.field("grant_type"), Some("client_credentials"));
    assert_eq!(asked.field("scope"), Some("stock:read"));
    assert_eq!(sent(&asked), Some("Basic b3JkZXJzOnMzY3JldA=="));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_at_once_wait_for_one_token() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    issuer.hold();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (http, request) = (client(&tokens), to(&service));
            tokio::spawn(async move { call(&http, request).await })
        })
        .collect();
    issuer.was_asked(1).await;
    issuer.release();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!((issuer.calls(), service.calls()), (1, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_nowhere_but_to_the_origins_that_are_named() {
    let (issuer, service, other) = (issuer().await, service().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    let http = client(&tokens);
    assert_eq!(call(&http, to(&other)).await, 200);
    assert_eq!((sent(&other.last()), issuer.calls()), (None, 0));
    // The name is another origin than the address it has.
    let by_name = format!("http://localhost:{}/items", service.address.port());
    let request = Request::get(by_name).body(Full::default()).unwrap();
    assert_eq!(call(&http, request).await, 200);
    assert_eq!(sent(&service.last()), None);
    // A redirect is followed by whoever stands outside of the layer: it is judged anew.
    let away = other.url("/items");
    service.reply(move |_| {
        let mut reply = json(307, "{}");
        reply.headers_mut().insert("location", away.parse().unwrap());
        reply
    });
    let answer = http.clone().oneshot(to(&service)).await.unwrap();
    assert_eq!(sent(&service.last()), Some("Bearer token-0"));
    let location = answer.headers()["location"].to_str().unwrap();
    let request = Request::get(location).body(Full::default()).unwrap();
    assert_eq!(call(&http, request).await, 200);
    assert_eq!(sent(&other.last()), None);
    let target = other.url("/").parse().unwrap();
    let error = tokens.headers(&http::Method::GET, &target).await.unwrap_err();
    assert!(error.to_string().contains("not among the origins"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_redirects_away_gets_the_secret_and_nobody_else_does() {
    let (issuer, service, other) = (issuer().await, service().await, service().await);
    let away = other.url("/token");
    issuer.reply(move |_| {
        let mut reply = json(307, "{}");
        reply.headers_mut().insert("location", away.parse().unwrap());
        reply
    });
    let tokens = named(&issuer, &service).build().unwrap();
    let error = refused(&client(&tokens), to(&service)).await;
    assert!(error.is_unavailable() && !format!("{error} {error:?}").contains("s3cret"), "{error}");
    assert_eq!((other.calls(), service.calls()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_of_the_request_itself_is_left_alone() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    let mut request = to(&service);
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Basic eA=="));
    assert_eq!(call(&client(&tokens), request).await, 200);
    assert_eq!((sent(&service.last()), issuer.calls()), (Some("Basic eA=="), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grant_has_a_token_of_its_own() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    let http = client(&tokens);
    let write = Grant::new().scope("stock:write").resource("https://stock.example").audience("s");
    for _ in 0..2 {
        let mut request = to(&service);
        request.extensions_mut().insert(write.clone());
        assert_eq!(call(&http, request).await, 200);
        assert_eq!(sent(&service.last()), Some("Bearer token-0"));
        assert_eq!(call(&http, to(&service)).await, 200);
        assert_eq!(sent(&service.last()), Some("Bearer token-1"));
    }
    let [asked, _] = &issuer.asked()[..] else { panic!("{:?}", issuer.asked()) };
    assert_eq!(asked.field("scope"), Some("stock:write"));
    assert_eq!(asked.field("resource"), Some("https://stock.example"));
    assert_eq!(asked.field("audience"), Some("s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_the_service_refuses_is_replaced_and_the_request_sent_once_more() {
    let (issuer, service) = (issuer().await, service().await);
    let clock = ManualClock::default();
    let tokens = named(&issuer, &service).with_clock(clock.clone()).build().unwrap();
    let http = client(&tokens);
    service.reply(|asked| match sent(asked) {
        Some("Bearer token-0") => unauthorized(r#"Bearer error="invalid_token""#),
        _ => json(200, "{}"),
    });
    let post = || {
        let body = Full::new(Bytes::from("x=1"));
        Request::post(service.url("/orders")).body(body).unwrap()
    };
    assert_eq!(call(&http, post()).await, 200);
    let both: Vec<_> =
        service.asked().iter().map(|asked| asked.field("x").map(str::to_owned)).collect();
    assert_eq!(both, [Some("1".to_owned()), Some("1".to_owned())]);
    assert_eq!(issuer.calls(), 2);

    // A service that refuses every token is not fed with new ones.
    service.reply(|_| unauthorized(r#"Bearer error="invalid_token""#));
    for _ in 0..5 {
        assert_eq!(call(&http, post()).await, 401);
    }
    assert_eq!(issuer.calls(), 2);
    clock.advance(Duration::from_secs(10));
    assert_eq!(call(&http, post()).await, 401);
    assert_eq!(issuer.calls(), 3);
    // Other complaints are the caller's.
    let before = service.calls();
    service.reply(|_| unauthorized("Bearer"));
    assert_eq!(call(&http, post()).await, 401);
    assert_eq!(service.calls(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_whose_token_is_refused_at_the_same_time_share_the_next_one() {
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    tokens.warm().await.unwrap();
    service.reply(|asked| match sent(asked) {
        Some("Bearer token-0") => unauthorized(r#"Bearer error="invalid_token""#),
        _ => json(200, "{}"),
    });
    service.hold();
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (http, request) = (client(&tokens), to(&service));
            tokio::spawn(async move { call(&http, request).await })
        })
        .collect();
    service.was_asked(20).await;
    service.release();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!((issuer.calls(), service.calls()), (2, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_can_be_read_once_is_sent_once_unless_it_says_how_to_make_another() {
    use tower_parapet::Body;
    let (issuer, service) = (issuer().await, service().await);
    let tokens = named(&issuer, &service).build().unwrap();
    let http: Authorized<Client<HttpConnector, Body>> =
        tokens.layer(Client::builder(TokioExecutor::new()).build_http());
    service.reply(|asked| match sent(asked) {
        Some("Bearer token-0" | "Bearer token-1") => {
            unauthorized(r#"Bearer error="invalid_token""#)
        }
        _ => json(200, "{}"),
    });
    let post = || Request::post(service.url("/orders")).body(Body::from("x=1")).unwrap();
    let answer = http.clone().oneshot(post()).await.unwrap();
    assert_eq!((answer.status().as_u16(), service.calls()), (401, 1));
    // The token is dropped all the same, and the next call bears another one.
    let mut request = post();
    request.extensions_mut().insert(Replay::with(|| Body::from("x=1")));
    let answer = http.clone().oneshot(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), sent(&service.last())), (401, Some("Bearer token-1")));
    assert_eq!(service.calls(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_is_found_in_the_metadata_of_the_issuer() {
    let (issuer, service) = (issuer().await, service().await);
    let (name, endpoint) = (issuer.url("/realms/shop"), issuer.url("/hidden"));
    let metadata = json!({"issuer": name, "token_endpoint": endpoint}).to_string();
    issuer.reply(move |asked| match asked.path.as_str() {
        "/realms/shop/.well-known/openid-configuration" => json(200, &metadata),
        "/hidden" => token(0, "Bearer"),
        _ => json(404, "{}"),
    });
    let tokens = ClientCredentials::builder()
        .discover(issuer.url("/realms/shop"))
        .client_id("orders")
        .mutual_tls(direct())
        .for_origin(service.url(""))
        .build()
        .unwrap();
    tokens.warm().await.unwrap();
    let asked = issuer.last();
    assert_eq!((asked.field("client_id"), sent(&asked)), (Some("orders"), None));
    assert_eq!(call(&client(&tokens), to(&service)).await, 200);
    assert_eq!(issuer.calls(), 2);
}
