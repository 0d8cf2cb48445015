//! An issuer by TLS with a root of its own, whose keys are on another host.

use std::{net::IpAddr, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tower_parapet::remote::RemoteBuilder;

use super::*;

const OIDC: &str = "/.well-known/openid-configuration";

/// The root as PEM, and what makes a server of these names.
fn authority(names: [&str; 2]) -> (String, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let params = CertificateParams::new(names.map(str::to_owned)).unwrap();
    let certificate = params.signed_by(&own, &issuer).unwrap().pem();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let own = PrivateKeyDer::from_pem_slice(own.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, own)
        .unwrap();
    (root, TlsAcceptor::from(Arc::new(config)))
}

/// What the names resolve to, and what the service thinks of the keys then.
async fn keys_by(trust: bool, issuer_at: &str, keys_at: &str) -> (Setup, TestIssuer) {
    let clock = clock();
    let (root, acceptor) = authority(["id.test", "keys.test"]);
    let provider = Provider::start().await;
    let port = provider.secure(acceptor).await.port();
    let issuer = format!("https://id.test:{port}/shop");
    let own = TestIssuer::new(&issuer).audience("orders").with_clock(clock.clone());
    provider.publish(&[&own]);
    let set = format!("https://keys.test:{port}/jwks");
    provider.document(&format!("/shop{OIDC}"), json!({"issuer": issuer, "jwks_uri": set}));
    let address = |text: &str| [text.parse::<IpAddr>().unwrap()];
    let remote = Remote::builder()
        .no_proxy()
        .timeout(seconds(1))
        .resolve("id.test", address(issuer_at))
        .resolve("keys.test", address(keys_at));
    let trusting: fn(RemoteBuilder, String) -> RemoteBuilder = if trust {
        |remote, root| remote.ca_pem(root).only_given_roots()
    } else {
        |remote, _| remote
    };
    let remote = trusting(remote, root).build().unwrap();
    let jwt = Jwt::builder().issuer(&issuer).audience("orders").discover().with_remote(remote);
    let jwt = jwt.with_clock(clock.clone()).build().unwrap();
    let setup = Setup::of(provider, clock, jwt).await;
    setup.fetched(1).await;
    (setup, own)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_be_on_another_host_than_the_issuer() {
    let (setup, own) = keys_by(true, "127.0.0.1", "127.0.0.1").await;
    assert_eq!(setup.status(&own.token().sign()).await, 200, "{:?}", setup.jwt.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_whose_root_is_not_trusted_gives_no_keys() {
    let (setup, own) = keys_by(false, "127.0.0.1", "127.0.0.1").await;
    assert_eq!(setup.status(&own.token().sign()).await, 503);
    let health = &setup.jwt.keys()[0];
    assert!(health.error().unwrap().contains("`ca_pem`"), "{health:?}");
    assert!(setup.provider.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_leads_to_a_metadata_address_by_dns_is_not_followed() {
    let (setup, _) = keys_by(true, "127.0.0.1", "169.254.169.254").await;
    let health = &setup.jwt.keys()[0];
    let error = health.error().unwrap();
    assert!(error.contains("`keys.test` is at `169.254.169.254`"), "{error}");
    assert!(setup.provider.fetches().is_empty());
}
