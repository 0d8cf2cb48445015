//! The outgoing layer at the provider: every way to authenticate, and tokens bound to a key.

use http::{HeaderMap, Method, Uri};
use tower_parapet::{
    oauth::PrivateKey,
    outgoing::{ClientCredentials, ClientCredentialsBuilder, TokenError},
};

use crate::{
    node,
    provider::{LEDGER, ORDERS, Provider},
};

const SERVICE: &str = "http://127.0.0.1:1";

/// A client that has yet to say who it is.
pub fn client(provider: &Provider, resource: &str) -> ClientCredentialsBuilder {
    ClientCredentials::builder()
        .discover(provider.issuer())
        .resource(resource)
        .scope("orders:read")
        .for_origin(SERVICE)
}

/// The key that the provider knows clients by.
pub fn key() -> PrivateKey {
    PrivateKey::pem(include_str!("../support/keys/es256.pem")).id("tests")
}

async fn headers(builder: ClientCredentialsBuilder) -> Result<HeaderMap, TokenError> {
    let target = Uri::try_from(format!("{SERVICE}/orders")).unwrap();
    builder.build().unwrap().headers(&Method::GET, &target).await
}

/// The scheme, and in how many parts the token comes.
fn shape(headers: &HeaderMap) -> (&str, usize) {
    let (scheme, token) = headers["authorization"].to_str().unwrap().split_once(' ').unwrap();
    (scheme, token.split('.').count())
}

#[tokio::test]
async fn a_client_gets_tokens_however_it_authenticates() {
    if !node::is_here() {
        return;
    }
    let provider = Provider::start();
    let basic = |resource| client(&provider, resource).client_id("basic");
    let jwt = headers(basic(ORDERS).client_secret("basic-secret")).await.unwrap();
    assert_eq!(shape(&jwt), ("Bearer", 3));
    let opaque = headers(basic(LEDGER).client_secret("basic-secret")).await.unwrap();
    assert_eq!(shape(&opaque), ("Bearer", 1));

    let assertion = client(&provider, ORDERS).client_id("assertion").private_key_jwt(key());
    assert_eq!(shape(&headers(assertion).await.unwrap()), ("Bearer", 3));

    let wrong = headers(basic(ORDERS).client_secret("another")).await.unwrap_err();
    assert!(wrong.to_string().contains("invalid_client"), "{wrong}");
    let other = PrivateKey::pem(include_str!("../support/keys/es384.pem")).id("tests");
    let forged = client(&provider, ORDERS).client_id("assertion").private_key_jwt(other);
    assert!(headers(forged).await.is_err());
}

#[tokio::test]
async fn a_client_proves_to_hold_the_key_of_its_token_with_a_nonce_where_one_is_asked_for() {
    if !node::is_here() {
        return;
    }
    let mut provider = Provider::start();
    for (name, asked) in [("dpop", 1), ("nonce", 3)] {
        let client = client(&provider, ORDERS).client_id(name);
        let client = client.client_secret(format!("{name}-secret")).dpop();
        let headers = headers(client).await.unwrap();
        assert_eq!(shape(&headers), ("DPoP", 3), "{name}");
        assert_eq!(headers["dpop"].to_str().unwrap().split('.').count(), 3);
        assert_eq!(provider.count("POST /token"), asked, "{name}");
    }
    let bearer = client(&provider, ORDERS).client_id("dpop").client_secret("dpop-secret");
    assert!(headers(bearer).await.is_err(), "bound tokens only");
}
