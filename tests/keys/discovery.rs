//! Where the issuer says its keys are.

use serde_json::json;

use super::*;

const OIDC: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

struct Found {
    setup: Setup,
    own: TestIssuer,
}

/// The provider is the issuer, at `path` of its host.
async fn discover(path: &str, prepare: impl FnOnce(&Provider, &str)) -> Found {
    let clock = clock();
    let provider = Provider::start().await;
    let issuer = provider.url(path);
    let own = TestIssuer::new(&issuer).audience("orders").with_clock(clock.clone());
    provider.publish(&[&own]);
    prepare(&provider, &issuer);
    let jwt = Jwt::builder().issuer(&issuer).audience("orders").discover();
    let jwt = jwt.with_clock(clock.clone()).build().unwrap();
    let setup = Setup::of(provider, clock, jwt).await;
    setup.fetched(1).await;
    Found { setup, own }
}

fn document(provider: &Provider, issuer: &str) -> serde_json::Value {
    json!({"issuer": issuer, "jwks_uri": provider.url("/jwks"), "token_endpoint": "x"})
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_by_openid_connect_discovery() {
    let Found { setup, own } = discover("/realms/shop", |provider, issuer| {
        provider.document(&format!("/realms/shop{OIDC}"), document(provider, issuer));
    })
    .await;
    assert_eq!(setup.status(&own.token().sign()).await, 200);
    assert_eq!(setup.provider.asked(), [format!("/realms/shop{OIDC}"), "/jwks".to_owned()]);
    // Where the set is, is not asked each time.
    setup.clock.advance(seconds(600));
    setup.fetched(2).await;
    assert_eq!(setup.provider.asked().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_found_by_the_metadata_of_an_authorization_server() {
    let Found { setup, own } = discover("/tenant/", |provider, issuer| {
        provider.document(&format!("{OAUTH}/tenant"), document(provider, issuer));
    })
    .await;
    assert_eq!(setup.status(&own.token().sign()).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_another_issuer_is_not_believed_for_a_slash() {
    for named in ["/realms/shop/", "/realms/SHOP", "/realms/other"] {
        let Found { setup, own } = discover("/realms/shop", |provider, _| {
            let place = format!("/realms/shop{OIDC}");
            provider.document(&place, document(provider, &provider.url(named)));
        })
        .await;
        assert_eq!(setup.status(&own.token().sign()).await, 503);
        let health = &setup.jwt.keys()[0];
        assert!(health.error().unwrap().contains("is of the issuer"), "{health:?}");
        assert!(setup.provider.fetches().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_leads_to_a_forbidden_address_or_says_nothing_is_an_error() {
    for (uri, told) in [
        (json!("http://keys.example/jwks"), "`jwks_uri` that is plain `http`"),
        (json!("https://169.254.169.254/latest/meta-data"), "metadata address"),
        (json!("https://user:secret@127.0.0.1/"), "`jwks_uri` that has user info"),
        (json!(7), "has no `jwks_uri`"),
    ] {
        let Found { setup, .. } = discover("", |provider, issuer| {
            provider.document(OIDC, json!({"issuer": issuer, "jwks_uri": uri}));
        })
        .await;
        let health = &setup.jwt.keys()[0];
        let error = health.error().unwrap();
        assert!(error.contains(told) && !error.contains("secret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_has_moved_is_found_again() {
    let Found { setup, own } = discover("", |provider, issuer| {
        provider.document(OIDC, json!({"issuer": issuer, "jwks_uri": provider.url("/old")}));
        provider.document("/old", json!({"keys": []}));
    })
    .await;
    let issuer = setup.provider.url("");
    setup.provider.document(OIDC, document(&setup.provider, &issuer));
    setup.clock.advance(seconds(1));
    assert_eq!(setup.status(&own.token().sign()).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_without_keys_discovers_them() {
    let clock = clock();
    let provider = Provider::start().await;
    let issuer = provider.url("/realms/shop");
    let own = TestIssuer::new(&issuer).audience("orders").with_clock(clock.clone());
    provider.publish(&[&own]);
    provider.document(&format!("/realms/shop{OIDC}"), document(&provider, &issuer));
    let jwt = Jwt::keycloak(&issuer).audience("orders").with_clock(clock.clone()).build().unwrap();
    let setup = Setup::of(provider, clock, jwt).await;
    let token = own.token().claim("typ", "Bearer").claim("azp", "app").sign();
    assert_eq!(setup.status(&token).await, 200);
    // Given keys are the only ones.
    let given = Jwt::keycloak(&issuer).audience("orders").jwks(own.jwks()).build().unwrap();
    assert_eq!(given.keys()[0].state(), KeyState::Fixed);
}
