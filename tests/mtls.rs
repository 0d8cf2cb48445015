//! Client certificates over real connections: as credentials, and as a bond of tokens.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
#![allow(unreachable_pub, reason = "modules of a test")]

#[path = "dpop/client.rs"]
mod client;
mod support;
#[path = "mtls/tls.rs"]
mod tls;

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router, extract::Request, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use client::{Client, encode};
use serde_json::{Value, json};
use support::{Answer, get as call, serve};
use tls::{Authority, Identity};
use tower_parapet::{
    Guarded, Parapet, ParapetBuilder, Peer, Policy, Principal,
    auth::{
        dpop::Dpop,
        mtls::{By, CertificateBound, ClientCert, Mtls, MtlsBuilder},
    },
    clock::ManualClock,
    context::PeerCertificate,
    testing::TestIssuer,
};

const BALANCER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 3, 7)), 1);
const STRANGER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)), 1);
const ORDERS: &str = "spiffe://example.org/ns/prod/sa/orders";

fn workloads() -> MtlsBuilder {
    Mtls::builder().identity(By::Spiffe).trust_domain("example.org")
}

fn app(stack: ParapetBuilder) -> Guarded<Router> {
    let parapet = stack.route("/shown", Policy::optional()).build().unwrap();
    let who = async |caller: Principal| format!("{} {}", caller.scheme(), caller.subject());
    let shown = async |certificate: Option<Extension<PeerCertificate>>, request: Request| {
        let header = request.headers().contains_key("client-cert");
        format!("{} {header}", certificate.is_some())
    };
    parapet.protect(Router::new().route("/who", get(who)).route("/shown", get(shown)))
}

fn stack() -> ParapetBuilder {
    Parapet::builder().peer(Peer::Extension)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn bond(identity: &Identity) -> Value {
    json!({"x5t#S256": encode(identity.certificate().thumbprint())})
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_workload_is_authenticated_by_the_certificate_of_its_connection() {
    let authority = Authority::new();
    let address = authority.serve(app(stack().authenticate(workloads())), STRANGER).await;
    let own = authority.client(ORDERS);
    let answer = authority.get(address, Some(&own), &[]).await;
    assert_eq!((answer.status, answer.text()), (200, format!("mtls {ORDERS}")));

    let foreign = authority.client("spiffe://example.com/ns/prod/sa/orders");
    let answer = authority.get(address, Some(&foreign), &[]).await;
    assert_eq!(code(&answer), (401, "invalid-credentials".to_owned()));
    assert_eq!(answer.header("www-authenticate"), Some("ClientCertificate realm=\"api\""));

    let answer = authority.get(address, None, &[]).await;
    assert_eq!(code(&answer), (401, "missing-credentials".to_owned()));
    assert_eq!(answer.header("www-authenticate"), Some("ClientCertificate realm=\"api\""));
}

#[tokio::test]
async fn a_certificate_that_ends_while_its_connection_stands_is_refused() {
    let authority = Authority::new();
    // The certificates of these tests end with the year 2099, by the clock of TLS in a while.
    let late = ManualClock::at_unix(Duration::from_secs(4_102_444_801));
    let stack = stack().with_clock(late).authenticate(workloads());
    let address = authority.serve(app(stack), STRANGER).await;
    let answer = authority.get(address, Some(&authority.client(ORDERS)), &[]).await;
    assert_eq!(code(&answer), (401, "expired-credentials".to_owned()));
}

#[tokio::test]
async fn a_bound_token_is_good_on_its_owners_connections_only() {
    let authority = Authority::new();
    let issuer = TestIssuer::default();
    let scheme = issuer.jwt().sender_constrained(CertificateBound::required());
    let address = authority.serve(app(stack().authenticate(scheme)), STRANGER).await;
    let (own, other) = (authority.client(ORDERS), authority.client(ORDERS));
    let token = bearer(&issuer.token().claim("cnf", bond(&own)).sign());
    let headers = [("authorization", &*token)];
    // The token is remembered as verified after the first time; the bond is looked at each time.
    for _ in 0..2 {
        let answer = authority.get(address, Some(&own), &headers).await;
        assert_eq!((answer.status, &*answer.text()), (200, "jwt tester"));
        for shown in [Some(&other), None] {
            let answer = authority.get(address, shown, &headers).await;
            assert_eq!(code(&answer), (401, "invalid-credentials".to_owned()));
            let told = answer.all("www-authenticate");
            let is_told = |told: &&&str| told.contains(r#"error="invalid_token""#);
            assert!(told.iter().any(|told| is_told(&told)), "{told:?}");
        }
    }
    let unbound = bearer(&issuer.token().sign());
    let answer = authority.get(address, Some(&own), &[("authorization", &unbound)]).await;
    assert_eq!(code(&answer), (401, "invalid-credentials".to_owned()));
}

#[tokio::test]
async fn unbound_tokens_pass_where_the_bond_is_optional_and_bound_ones_only_with_it() {
    let authority = Authority::new();
    let issuer = TestIssuer::default();
    let scheme = issuer.jwt().sender_constrained(CertificateBound::optional());
    let address = authority.serve(app(stack().authenticate(scheme)), STRANGER).await;
    let own = authority.client(ORDERS);
    let unbound = bearer(&issuer.token().sign());
    let bound = bearer(&issuer.token().claim("cnf", bond(&own)).sign());
    let get = async |shown, token: &str| {
        authority.get(address, shown, &[("authorization", token)]).await.status
    };
    assert_eq!(get(None, &unbound).await, 200);
    assert_eq!(get(Some(&own), &bound).await, 200);
    assert_eq!(get(None, &bound).await, 401);
}

#[tokio::test]
async fn what_a_request_brings_comes_before_the_certificate_of_its_connection() {
    let authority = Authority::new();
    let issuer = TestIssuer::default();
    for reversed in [false, true] {
        let scheme = issuer.jwt().sender_constrained(CertificateBound::optional());
        let stack = match reversed {
            false => stack().authenticate(workloads()).authenticate(scheme),
            true => stack().authenticate(scheme).authenticate(workloads()),
        };
        let address = authority.serve(app(stack), STRANGER).await;
        let own = authority.client(ORDERS);
        let token = issuer.token().claim("cnf", bond(&own));
        let get = async |token: &str| {
            authority.get(address, Some(&own), &[("authorization", token)]).await
        };
        assert_eq!(get(&bearer(&token.sign())).await.text(), "jwt tester");
        // A bad token is not made good by a certificate.
        assert_eq!(get(&bearer(&token.foreign().sign())).await.status, 401);
        assert_eq!(get("Basic YTpi").await.status, 400);
        let answer = authority.get(address, Some(&own), &[]).await;
        assert_eq!(answer.text(), format!("mtls {ORDERS}"));
        let answer = authority.get(address, None, &[]).await;
        assert_eq!(answer.all("www-authenticate").len(), 2);
    }
}

#[tokio::test]
async fn a_token_that_is_bound_twice_needs_both() {
    let authority = Authority::new();
    let issuer = TestIssuer::default();
    let scheme = issuer
        .jwt()
        .sender_constrained(Dpop::required())
        .sender_constrained(CertificateBound::required());
    let address = authority.serve(app(stack().authenticate(scheme)), STRANGER).await;
    let (own, other, client) = (authority.client(ORDERS), authority.client(ORDERS), Client::new());
    let mut both = bond(&own);
    both["jkt"] = client.thumbprint().into();
    let token = issuer.token().claim("cnf", both).sign();
    let authorization = format!("DPoP {token}");
    let get = async |shown, proof: &str| {
        let headers = [("authorization", &*authorization), ("dpop", proof)];
        authority.get(address, shown, &headers).await.status
    };
    let proof = client.proof("GET", "https://localhost/who", &token, json!({}));
    assert_eq!(get(Some(&other), &proof).await, 401);
    assert_eq!(get(None, &proof).await, 401);
    // The proof was not spent by these.
    assert_eq!(get(Some(&own), &proof).await, 200);
    assert_eq!(get(Some(&own), &proof).await, 401, "by now it was");
    let plain = client.proof("GET", "http://localhost/who", &token, json!({}));
    assert_eq!(get(Some(&own), &plain).await, 401, "the request came by https");
    // Bound to one of them only, it lacks the other bond.
    let half = issuer.token().claim("cnf", bond(&own)).sign();
    let answer = authority.get(address, Some(&own), &[("authorization", &bearer(&half))]).await;
    assert_eq!(answer.status, 401);
}

/// What a proxy sends on, by plain HTTP from its address.
async fn through(peer: Peer, change: impl FnOnce(ParapetBuilder) -> ParapetBuilder) -> SocketAddr {
    let stack = Parapet::builder().peer(peer).trusted_proxies(["10.0.3.7"]);
    serve(app(change(stack))).await
}

const BY_BALANCER: Peer = Peer::Lookup(|_| Some(BALANCER));
const BY_STRANGER: Peer = Peer::Lookup(|_| Some(STRANGER));
const FORWARDED: [(&str, &str); 2] =
    [("x-forwarded-for", "198.51.100.4"), ("x-forwarded-proto", "https")];

fn rfc9440(identity: &Identity) -> String {
    format!(":{}:", STANDARD.encode(&identity.der))
}

#[tokio::test]
async fn a_trusted_proxy_hands_on_the_clients_certificate() {
    let authority = Authority::new();
    let own = authority.client(ORDERS);
    let header = rfc9440(&own);
    let headers = [FORWARDED[0], FORWARDED[1], ("client-cert", &*header)];
    let with =
        |stack: ParapetBuilder| stack.client_cert(ClientCert::rfc9440()).authenticate(workloads());
    let address = through(BY_BALANCER, with).await;
    let answer = call(address, "/who", &headers).await;
    assert_eq!((answer.status, answer.text()), (200, format!("mtls {ORDERS}")));
    assert_eq!(call(address, "/shown", &headers).await.text(), "true true");
    assert_eq!(call(address, "/who", &FORWARDED).await.code(), "missing-credentials");
    let bad = [FORWARDED[0], FORWARDED[1], ("client-cert", "AQID")];
    assert_eq!(code(&call(address, "/who", &bad).await), (400, "bad-header".to_owned()));

    // Nobody asked for the header: it is none of the stack's business.
    let address = through(BY_BALANCER, |stack| stack.authenticate(workloads())).await;
    assert_eq!(call(address, "/who", &headers).await.code(), "missing-credentials");
}

#[tokio::test]
async fn a_stranger_who_writes_the_header_is_nobody_and_the_operator_hears_of_it() {
    let authority = Authority::new();
    let header = rfc9440(&authority.client(ORDERS));
    let parapet = Parapet::builder()
        .peer(BY_STRANGER)
        .trusted_proxies(["10.0.3.7"])
        .client_cert(ClientCert::rfc9440())
        .authenticate(workloads())
        .route("/shown", Policy::optional())
        .build()
        .unwrap();
    let shown = async |certificate: Option<Extension<PeerCertificate>>, request: Request| {
        let header = request.headers().contains_key("client-cert");
        format!("{} {header}", certificate.is_some())
    };
    let router = Router::new().route("/shown", get(shown)).route("/who", get(async || "in"));
    let address = serve(parapet.protect(router)).await;
    let headers = [("client-cert", &*header)];
    assert_eq!(call(address, "/who", &headers).await.code(), "missing-credentials");
    assert_eq!(call(address, "/shown", &headers).await.text(), "false false");
    let findings = parapet.findings();
    let told = findings.iter().find(|finding| finding.code == "untrusted-proxy").unwrap();
    assert!(told.evidence.contains("client-cert"), "{told}");
}

#[tokio::test]
async fn the_certificate_of_a_trusted_proxy_itself_is_not_its_clients() {
    let authority = Authority::new();
    let proxy = authority.client("spiffe://example.org/ns/edge/sa/proxy");
    for change in [
        |stack: ParapetBuilder| stack,
        |stack: ParapetBuilder| stack.client_cert(ClientCert::rfc9440()),
    ] {
        let stack = change(stack().trusted_proxies(["10.0.3.7"])).authenticate(workloads());
        let address = authority.serve(app(stack), BALANCER).await;
        let answer = authority.get(address, Some(&proxy), &FORWARDED).await;
        assert_eq!(code(&answer), (401, "missing-credentials".to_owned()));
    }
    // What it hands on is.
    let stack = stack().trusted_proxies(["10.0.3.7"]).client_cert(ClientCert::rfc9440());
    let address = authority.serve(app(stack.authenticate(workloads())), BALANCER).await;
    let header = rfc9440(&authority.client(ORDERS));
    let headers = [FORWARDED[0], FORWARDED[1], ("client-cert", &*header)];
    let answer = authority.get(address, Some(&proxy), &headers).await;
    assert_eq!(answer.text(), format!("mtls {ORDERS}"));
}

#[tokio::test]
async fn other_forms_of_proxies_are_read_where_they_were_asked_for() {
    let authority = Authority::new();
    let own = authority.client(ORDERS);
    let body = STANDARD.encode(&own.der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let escaped = pem.replace('+', "%2B").replace(' ', "%20").replace('\n', "%0A");
    let envoy = format!("Hash=ab;Cert=\"{escaped}\";URI={ORDERS}");
    for (form, name, value) in [
        (ClientCert::escaped_pem("x-client-cert").unwrap(), "x-client-cert", &escaped),
        (ClientCert::envoy(), "x-forwarded-client-cert", &envoy),
    ] {
        let with = |stack: ParapetBuilder| stack.client_cert(form).authenticate(workloads());
        let address = through(BY_BALANCER, with).await;
        let answer = call(address, "/who", &[FORWARDED[0], FORWARDED[1], (name, value)]).await;
        assert_eq!((answer.status, answer.text()), (200, format!("mtls {ORDERS}")));
        let rfc = rfc9440(&own);
        let other = [FORWARDED[0], FORWARDED[1], ("client-cert", &*rfc)];
        assert_eq!(call(address, "/who", &other).await.code(), "missing-credentials");
    }
}

#[tokio::test]
async fn a_token_is_bound_to_the_certificate_that_a_proxy_hands_on() {
    let authority = Authority::new();
    let issuer = TestIssuer::default();
    let (own, other) = (authority.client(ORDERS), authority.client(ORDERS));
    let scheme = issuer.jwt().sender_constrained(CertificateBound::required());
    let with =
        |stack: ParapetBuilder| stack.client_cert(ClientCert::rfc9440()).authenticate(scheme);
    let address = through(BY_BALANCER, with).await;
    let token = bearer(&issuer.token().claim("cnf", bond(&own)).sign());
    for (shown, status) in [(&own, 200), (&other, 401)] {
        let header = rfc9440(shown);
        let headers =
            [FORWARDED[0], FORWARDED[1], ("client-cert", &*header), ("authorization", &*token)];
        assert_eq!(call(address, "/who", &headers).await.status, status);
    }
}
