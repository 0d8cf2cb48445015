//! How the service proves to the provider who it is, and finds it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tower_parapet::{
    Introspection, auth::introspection::IntrospectionBuilder, oauth::PrivateKey,
    remote::RemoteBuilder,
};

use super::certificates::Root;
use super::{Authority, GOOD, Service, active, direct, honest, json};

const ES256: &str = include_str!("../support/keys/es256.pem");

fn at(provider: &Authority) -> IntrospectionBuilder {
    Introspection::builder()
        .issuer("https://id.example")
        .endpoint(provider.url("/introspect"))
        .client_id("orders")
        .audience("orders")
        .with_remote(direct())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_in_the_form_where_that_was_asked_for() {
    let provider = Authority::start(honest).await;
    let service = Service::of(at(&provider).client_secret_post("s3 &cret")).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    let asked = provider.last();
    assert_eq!(asked.field("client_id"), Some("orders"));
    assert_eq!(asked.field("client_secret"), Some("s3 &cret"));
    assert_eq!(asked.header("authorization"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_new_for_each_call_and_for_the_issuer() {
    let provider = Authority::start(honest).await;
    let key = PrivateKey::pem(ES256).id("2026");
    let service = Service::of(at(&provider).private_key_jwt(key)).await;
    for token in ["2Ya", "2Yb"] {
        assert_eq!(service.ask(token).await.status, 200);
    }
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let assertions: Vec<(Value, Value)> = provider
        .asked()
        .iter()
        .map(|asked| {
            assert_eq!(
                asked.field("client_assertion_type"),
                Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            );
            let mut parts = asked.field("client_assertion").unwrap().split('.').map(str::to_owned);
            (read(&parts.next().unwrap()), read(&parts.next().unwrap()))
        })
        .collect();
    let [(header, one), (_, other)] = assertions.as_slice() else { panic!("{assertions:?}") };
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &json!("2026")));
    assert_eq!((&one["iss"], &one["sub"]), (&json!("orders"), &json!("orders")));
    assert_eq!(one["aud"], "https://id.example");
    assert_eq!(one["exp"].as_u64().unwrap() - one["iat"].as_u64().unwrap(), 60);
    assert_ne!(one["jti"], other["jti"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_is_found_in_the_metadata_of_the_issuer() {
    let provider = Authority::start(honest).await;
    let (issuer, endpoint) = (provider.url(""), provider.url("/hidden"));
    let metadata = json!({"issuer": issuer, "introspection_endpoint": endpoint}).to_string();
    let mut claims = active();
    claims["iss"] = json!(issuer);
    provider.reply(move |asked| match asked.path.as_str() {
        "/.well-known/oauth-authorization-server" => json(200, &metadata),
        "/hidden" => json(200, &claims),
        _ => json(404, "{}"),
    });
    let tokens = Introspection::builder().issuer(provider.url("")).client_id("orders");
    let tokens = tokens.client_secret("x").audience("orders").with_remote(direct());
    let service = Service::of(tokens).await;
    for token in ["2Ya", "2Yb", "2Yc"] {
        assert_eq!(service.ask(token).await.status, 200);
    }
    let paths: Vec<_> = provider.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        paths,
        [
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
            "/hidden",
            "/hidden",
            "/hidden",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_another_issuer_is_not_believed() {
    let provider = Authority::start(honest).await;
    let endpoint = provider.url("/introspect");
    let metadata =
        json!({"issuer": "https://evil.example", "introspection_endpoint": endpoint}).to_string();
    provider.reply(move |asked| match asked.path.as_str() {
        "/introspect" => panic!("it was believed"),
        _ => json(200, &metadata),
    });
    let tokens = Introspection::builder().issuer(provider.url("")).client_id("orders");
    let tokens = tokens.client_secret("x").audience("orders").with_remote(direct());
    let service = Service::of(tokens).await;
    let answer = service.ask(GOOD).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_proves_who_asks_at_the_endpoint_that_is_for_it() {
    let root = Root::new();
    let tls = root.acceptor("mtls.id.example");
    let provider = Authority::start_with(Some(tls), honest).await;
    let port = provider.address.port();
    let at = |host: &str| format!("https://{host}:{port}");
    let issuer = at("mtls.id.example");
    let metadata = serde_json::json!({
        "issuer": issuer,
        "introspection_endpoint": at("plain.id.example"),
        "mtls_endpoint_aliases": {"introspection_endpoint": format!("{issuer}/mtls")},
    })
    .to_string();
    let mut claims = active();
    claims["iss"] = Value::from(issuer.as_str());
    provider.reply(move |asked| match asked.path.as_str() {
        "/.well-known/openid-configuration" => json(200, &metadata),
        "/mtls" => json(200, &claims),
        _ => json(404, "{}"),
    });
    let tokens = |remote: RemoteBuilder| {
        let tokens = Introspection::builder().issuer(&issuer).client_id("orders");
        tokens.mutual_tls(remote.build().unwrap()).audience("orders")
    };
    let names = ["mtls.id.example", "plain.id.example"];
    let stranger = Service::of(tokens(root.client(&names))).await;
    assert_eq!(stranger.ask(GOOD).await.status, 503);
    assert_eq!(provider.calls(), 0);
    let (chain, key) = root.sign("orders");
    let service = Service::of(tokens(root.client(&names).identity_pem(chain, key))).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    let asked = provider.last();
    assert_eq!((asked.path.as_str(), asked.field("client_id")), ("/mtls", Some("orders")));
    assert_eq!((asked.header("authorization"), asked.field("client_secret")), (None, None));
}
