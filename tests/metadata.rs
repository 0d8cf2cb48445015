//! How clients learn where tokens come from: RFC 9728, and the challenges that point there.
#![cfg(all(feature = "axum", feature = "testing"))]
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

use std::net::SocketAddr;

use axum::{Router, routing};
use serde_json::json;
use support::{get, request, serve};
use tower_parapet::{
    Parapet, ParapetBuilder, Peer, Policy, Throttle,
    auth::metadata::{ProtectedResource, ProtectedResourceBuilder},
    authorize::scope,
    testing::TestIssuer,
};

const PATH: &str = "/.well-known/oauth-protected-resource/orders";
const URL: &str = "https://api.example/.well-known/oauth-protected-resource/orders";

fn resource() -> ProtectedResourceBuilder {
    ProtectedResource::builder("https://api.example/orders").scopes(["orders:read"]).name("Orders")
}

fn stack(issuer: &TestIssuer) -> ParapetBuilder {
    Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(issuer.jwt())
        .route("GET /orders", Policy::require(scope("orders:read")))
}

fn router() -> Router {
    Router::new().route("/orders", routing::get(async || "orders"))
}

async fn served(parapet: &Parapet) -> SocketAddr {
    serve(parapet.protect(router())).await
}

#[tokio::test]
async fn the_stack_answers_for_the_document_and_fills_in_its_issuer() {
    let issuer = TestIssuer::new("https://id.example");
    let parapet = stack(&issuer).protected_resource(resource()).build().unwrap();
    let address = served(&parapet).await;
    let answer = get(address, PATH, &[("origin", "https://inspector.example")]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(answer.all("access-control-allow-origin"), ["*"]);
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(
        answer.json(),
        json!({
            "resource": "https://api.example/orders",
            "authorization_servers": ["https://id.example"],
            "scopes_supported": ["orders:read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Orders"
        })
    );
    let head = request(address, "HEAD", PATH, &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), answer.header("content-length"));
}

#[cfg(all(feature = "dpop", feature = "mtls"))]
#[tokio::test]
async fn what_a_schemes_checks_ask_for_is_told() {
    use tower_parapet::auth::{dpop::Dpop, jwt::Algorithm, mtls::CertificateBound};
    let issuer = TestIssuer::new("https://id.example");
    let proofs = Dpop::required().origin("https://api.example").algorithms([Algorithm::Es256]);
    let scheme = issuer.jwt().sender_constrained(proofs).check(CertificateBound::optional());
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .authenticate(scheme)
        .protected_resource(ProtectedResource::builder("https://api.example"))
        .build()
        .unwrap();
    let address = served(&parapet).await;
    let answer = get(address, "/.well-known/oauth-protected-resource", &[]).await;
    assert_eq!(
        answer.json(),
        json!({
            "resource": "https://api.example",
            "authorization_servers": ["https://id.example"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": ["ES256"],
            "dpop_bound_access_tokens_required": true,
            "tls_client_certificate_bound_access_tokens": true
        })
    );
    let url = "https://api.example/.well-known/oauth-protected-resource";
    let expected = format!("DPoP algs=\"ES256\", resource_metadata=\"{url}\"");
    let challenged = get(address, "/orders", &[]).await;
    assert_eq!(challenged.all("www-authenticate"), [expected]);
}

#[tokio::test]
async fn a_browsers_client_may_send_headers_of_its_own() {
    let issuer = TestIssuer::default();
    let parapet = stack(&issuer).protected_resource(resource()).build().unwrap();
    let address = served(&parapet).await;
    let asked = [
        ("origin", "https://inspector.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "mcp-protocol-version"),
    ];
    let answer = request(address, "OPTIONS", PATH, &asked, b"").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.all("access-control-allow-origin"), ["*"]);
    assert_eq!(answer.header("access-control-allow-headers"), Some("*"));
    // No other route became readable by that.
    let other = get(address, "/orders", &[("origin", "https://inspector.example")]).await;
    assert_eq!((other.status, other.all("access-control-allow-origin").len()), (401, 0));
}

#[tokio::test]
async fn every_challenge_for_a_token_names_the_document() {
    let issuer = TestIssuer::new("https://id.example");
    let parapet = stack(&issuer).protected_resource(resource()).build().unwrap();
    let address = served(&parapet).await;
    let bearer = |token: String| format!("Bearer {token}");
    let invalid = "error=\"invalid_token\", error_description=\"the token is not valid here\", ";
    let expired = "error=\"invalid_token\", error_description=\"the token has expired\", ";
    for (sent, status, error) in [
        (None, 401, ""),
        (Some(bearer(issuer.token().foreign().sign())), 401, invalid),
        (Some(bearer(issuer.token().expired().sign())), 401, expired),
        (Some("Basic YTpi".to_owned()), 401, ""),
    ] {
        let headers: Vec<_> = sent.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = get(address, "/orders", &headers).await;
        assert_eq!(answer.status, status, "{sent:?}");
        let expected = format!("Bearer realm=\"api\", {error}resource_metadata=\"{URL}\"");
        assert_eq!(answer.all("www-authenticate"), [expected], "{sent:?}");
    }
    // Where a scope is missing the client learns too where to ask for it (RFC 6750, RFC 9728).
    let poor = bearer(issuer.token().sign());
    let answer = get(address, "/orders", &[("authorization", &poor)]).await;
    assert_eq!(answer.status, 403);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.ends_with(&format!("resource_metadata=\"{URL}\"")), "{challenge}");
    let good = bearer(issuer.token().scope("orders:read").sign());
    let answer = get(address, "/orders", &[("authorization", &good)]).await;
    assert_eq!((answer.status, answer.all("www-authenticate").len()), (200, 0));
}

/// RFC 9728, section 5.1, without a realm.
#[tokio::test]
async fn the_document_may_stand_elsewhere() {
    let issuer = TestIssuer::default();
    let url = "https://resource.example.com/.well-known/oauth-protected-resource";
    let parapet = stack(&issuer).resource_metadata(url).build().unwrap();
    let answer = get(served(&parapet).await, "/orders", &[]).await;
    let expected = format!("Bearer realm=\"api\", resource_metadata=\"{url}\"");
    assert_eq!(answer.all("www-authenticate"), [expected]);
    // Its place is not this stack's.
    let elsewhere = get(served(&parapet).await, "/.well-known/oauth-protected-resource", &[]).await;
    assert_eq!(elsewhere.status, 401);
}

#[tokio::test]
async fn a_nested_stacks_refusal_names_the_document_of_the_outer_one_once() {
    let issuer = TestIssuer::default();
    let inner =
        Parapet::builder().authenticate(issuer.jwt()).resource_metadata(URL).build().unwrap();
    let outer = Parapet::builder()
        .public("GET /orders", "the inner stack decides")
        .resource_metadata(URL)
        .build()
        .unwrap();
    let app = Router::new().fallback_service(inner.protect(router()));
    let answer = get(serve(outer.protect(app)).await, "/orders", &[]).await;
    let expected = format!("Bearer realm=\"api\", resource_metadata=\"{URL}\"");
    assert_eq!((answer.status, answer.all("www-authenticate")), (401, vec![&*expected]));
}

#[tokio::test]
async fn by_a_router_it_stands_at_the_root_of_an_app_that_nests_the_stack() {
    let issuer = TestIssuer::new("https://id.example");
    let document = resource().authorization_server("https://id.example").build().unwrap();
    let stack = stack(&issuer).resource_metadata(document.url()).build().unwrap();
    let nested = Router::new().fallback_service(stack.protect(router()));
    let app = document.router().merge(nested);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
            .await
            .unwrap();
    });
    let refused = get(address, "/orders", &[]).await;
    let challenge = refused.header("www-authenticate").unwrap();
    let url = challenge.split('"').nth(3).unwrap();
    let path = url.strip_prefix("https://api.example").unwrap();
    let answer = get(address, path, &[]).await;
    assert_eq!(answer.json()["authorization_servers"], json!(["https://id.example"]));
    let refused = request(address, "POST", path, &[], b"").await;
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
}

#[tokio::test]
async fn the_table_knows_the_route_and_limits_hold_for_it() {
    let issuer = TestIssuer::default();
    let limit = Throttle::per_hour(2).named("edge");
    let parapet = stack(&issuer).protected_resource(resource()).throttle(limit).build().unwrap();
    parapet.assert_covers(["GET /orders"]);
    let manifest = parapet.manifest().to_string();
    let line = manifest.lines().find(|line| line.contains(PATH)).unwrap();
    assert!(line.contains("RFC 9728"), "{line}");
    let address = served(&parapet).await;
    for status in [200, 200, 429] {
        assert_eq!(get(address, PATH, &[]).await.status, status);
    }
}

#[test]
fn mistakes_are_told_with_the_others() {
    let issuer = TestIssuer::default();
    let error = stack(&issuer)
        .protected_resource(ProtectedResource::builder("api.example"))
        .resource_metadata(URL)
        .build()
        .unwrap_err();
    let setters: Vec<_> = error.mistakes().iter().map(|mistake| mistake.setter()).collect();
    assert!(setters.contains(&"protected_resource.resource"), "{setters:?}");
    assert!(setters.contains(&"resource_metadata"), "{setters:?}");
    let error = stack(&issuer).resource_metadata("ftp://api.example").build().unwrap_err();
    assert_eq!(error.mistakes()[0].setter(), "resource_metadata");
}
