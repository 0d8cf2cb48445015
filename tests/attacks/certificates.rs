//! Certificates that somebody else says are the client's.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Request;
use serde_json::json;
use tower_parapet::{
    Body,
    auth::mtls::{By, CertificateBound, ClientCert, Mtls},
    context::PeerCertificate,
    testing::TestIssuer,
};

use super::{House, client::encode, is, request, stack};

fn certificate(name: &str) -> PeerCertificate {
    let params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    PeerCertificate::new(params.self_signed(&pair).unwrap().der())
}

fn told(certificate: &PeerCertificate) -> String {
    format!(":{}:", STANDARD.encode(certificate.der()))
}

/// Over the proxy's own connection, where it shows a certificate of its own.
fn by_proxy(headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = request("GET", "/in", headers);
    request.extensions_mut().insert(certificate("proxy.example"));
    request
}

#[tokio::test]
async fn a_proxy_tells_one_certificate_in_one_way_and_never_its_own() {
    let issuer = TestIssuer::default();
    let jwt = issuer.jwt().sender_constrained(CertificateBound::optional());
    let house = House::of(
        stack()
            .trusted_proxies(["127.0.0.1"])
            .client_cert(ClientCert::rfc9440())
            .authenticate(Mtls::builder().identity(By::Dns))
            .authenticate(jwt),
    );
    let (alice, mallory) = (certificate("alice.example"), certificate("mallory.example"));
    let (own, other) = (told(&alice), told(&mallory));
    let good = house.says(by_proxy(&[("client-cert", &own)])).await;
    assert_eq!(good, is(200, "alice.example"));
    // Names that some servers take for the same.
    for name in ["client_cert", "x-client-cert", "x-forwarded-client-cert", "ssl-client-cert"] {
        let answer = house.says(by_proxy(&[(name, &other)])).await;
        assert_eq!(answer, is(401, "missing-credentials"), "{name}");
    }
    let inner = own.trim_matches(':');
    for sent in [
        vec![("client-cert", &*own), ("client-cert", &*other)],
        vec![("client-cert", &*own), ("client-cert", "")],
        vec![("client-cert", "")],
        vec![("client-cert", inner)],
        vec![("client-cert", ":AAAA")],
        vec![("client-cert-chain", &*other)],
        vec![("client-cert", &*own), ("client-cert-chain", "x")],
    ] {
        let (status, _) = house.says(by_proxy(&sent)).await;
        assert_eq!(status, 400, "{sent:?}");
    }
    // A token that is bound to the proxy's certificate is nobody's behind it.
    let proxy = certificate("proxy.example");
    let bound = issuer.token().claim("cnf", json!({"x5t#S256": encode(proxy.thumbprint())})).sign();
    let mut stolen = request("GET", "/in", &[("authorization", &format!("Bearer {bound}"))]);
    stolen.extensions_mut().insert(proxy);
    assert_eq!(house.says(stolen).await, is(401, "invalid-credentials"));
}

#[tokio::test]
async fn a_stranger_who_writes_the_header_is_not_believed() {
    let house = House::of(
        stack()
            .trusted_proxies(["10.0.3.7"])
            .client_cert(ClientCert::rfc9440())
            .authenticate(Mtls::builder().identity(By::Dns)),
    );
    let own = told(&certificate("alice.example"));
    for extra in [("forwarded", "for=10.0.3.7"), ("x-forwarded-for", "10.0.3.7"), ("via", "1.1 p")]
    {
        let answer = house.get("/in", &[("client-cert", &own), extra]).await;
        assert_eq!(answer, is(401, "missing-credentials"), "{extra:?}");
    }
}
