use std::time::Duration;

use http::{HeaderValue, Request};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use super::{By, CertificateBound, ClientCert, Mtls, MtlsBuilder};
use crate::answer::Answer;
use crate::auth::token::{Presented, TokenCheck, TokenKind};
use crate::auth::{Attempt, Scheme};
use crate::clock::ManualClock;
use crate::context::{Confirmation, PeerAddr, PeerCertificate, Principal};
use crate::guard::{Exchange, Guard};
use crate::rejection::{Reason, Rejection};

/// 2027-01-15.
const NOW: Duration = Duration::from_secs(1_800_000_000);

fn san(kind: &str, value: &str) -> SanType {
    let text = || value.try_into().unwrap();
    match kind {
        "dns" => SanType::DnsName(text()),
        "uri" => SanType::URI(text()),
        "email" => SanType::Rfc822Name(text()),
        _ => SanType::IpAddress(value.parse().unwrap()),
    }
}

fn name(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}

/// A certificate of `CN=Services,O=Example`, good in 2026 and 2027, changed by the test.
fn certificate(change: impl FnOnce(&mut CertificateParams)) -> PeerCertificate {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name =
        name(&[(DnType::OrganizationName, "Example"), (DnType::CommonName, "Services")]);
    let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.distinguished_name =
        name(&[(DnType::OrganizationName, "Example"), (DnType::CommonName, "orders")]);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 12, 31);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    PeerCertificate::new(params.signed_by(&key, &issuer).unwrap().der())
}

fn with_names(names: &[(&str, &str)]) -> PeerCertificate {
    let names = names.iter().map(|(kind, value)| san(kind, value)).collect();
    certificate(|params| params.subject_alt_names = names)
}

fn spiffe() -> MtlsBuilder {
    Mtls::builder().identity(By::Spiffe).trust_domain("example.org")
}

fn exchange_at(now: Duration, certificate: &PeerCertificate) -> Exchange {
    let request = Request::get("/orders").extension(certificate.clone()).body(()).unwrap();
    Exchange::test(request, ManualClock::at_unix(now))
}

fn ask_at(now: Duration, mtls: &Mtls, shown: &PeerCertificate) -> Result<Principal, Rejection> {
    let mut exchange = exchange_at(now, shown);
    assert!(mtls.is_presented(&exchange));
    match mtls.authenticate(&mut exchange)? {
        Attempt::Verified(principal) => Ok(principal),
        other => panic!("{other:?}"),
    }
}

fn ask(mtls: MtlsBuilder, shown: &PeerCertificate) -> Result<Principal, Rejection> {
    ask_at(NOW, &mtls.build().unwrap(), shown)
}

fn cause(refusal: &Rejection) -> String {
    refusal.private_cause().unwrap().to_string()
}

const WORKLOAD: &str = "spiffe://example.org/ns/prod/sa/orders";

#[test]
fn a_workload_is_known_by_its_spiffe_id() {
    let shown = with_names(&[("uri", WORKLOAD), ("dns", "orders.prod")]);
    let mtls = spiffe()
        .scope("spiffe://example.org/ns/prod/*", "orders:read")
        .role(WORKLOAD, "orders")
        .scope("spiffe://example.org/ns/test/*", "orders:write")
        .build()
        .unwrap();
    // The second time from memory.
    for _ in 0..2 {
        let caller = ask_at(NOW, &mtls, &shown).unwrap();
        assert_eq!((caller.issuer(), caller.subject()), ("spiffe://example.org", WORKLOAD));
        assert_eq!(caller.scopes().collect::<Vec<_>>(), ["orders:read"]);
        assert!(caller.has_role("orders") && caller.scheme() == "mtls");
        assert_eq!(caller.claims().unwrap()["dns"][0], "orders.prod");
        assert!(caller.expires_at().unwrap() > NOW);
    }
}

#[test]
fn another_trust_domain_or_no_sole_id_is_nobody() {
    for (names, why) in [
        (&[("uri", "spiffe://example.com/a")][..], "trust domain"),
        (&[("uri", "spiffe://sub.example.org/a")], "trust domain"),
        (&[("uri", "https://example.org/a")], "kind"),
        (&[("uri", "spiffe://example.org")], "kind"),
        (&[("uri", WORKLOAD), ("uri", "https://example.org/")], "kind"),
        (&[("uri", WORKLOAD), ("uri", WORKLOAD)], "kind"),
        (&[("dns", "example.org")], "kind"),
        (&[], "kind"),
    ] {
        let refusal = ask(spiffe(), &with_names(names)).unwrap_err();
        assert_eq!(refusal.reason(), Reason::InvalidCredentials);
        assert!(cause(&refusal).contains(why), "{names:?}: {}", cause(&refusal));
        assert!(!refusal.public_detail().contains("example"));
    }
}

#[test]
fn the_name_that_was_asked_for_counts() {
    let shown = with_names(&[
        ("dns", "Orders.Example"),
        ("email", "orders@example.org"),
        ("uri", "https://example.org/orders"),
        ("ip", "192.0.2.7"),
    ]);
    for (by, want) in [
        (By::Subject, "CN=orders,O=Example"),
        (By::Dns, "orders.example"),
        (By::Email, "orders@example.org"),
        (By::Uri, "https://example.org/orders"),
        (By::Ip, "192.0.2.7"),
    ] {
        let caller = ask(Mtls::builder().identity(by), &shown).unwrap();
        assert_eq!((caller.issuer(), caller.subject()), ("CN=Services,O=Example", want));
        let caller = ask(Mtls::builder().identity(by).issuer("corp"), &shown).unwrap();
        assert_eq!(caller.issuer(), "corp");
    }
    let mapped = with_names(&[("ip", "::ffff:192.0.2.7")]);
    assert_eq!(ask(Mtls::builder().identity(By::Ip), &mapped).unwrap().subject(), "192.0.2.7");
    let two = with_names(&[("dns", "a.example"), ("dns", "b.example")]);
    assert!(ask(Mtls::builder().identity(By::Dns), &two).is_err());
    let wild = with_names(&[("dns", "*.example")]);
    assert!(ask(Mtls::builder().identity(By::Dns), &wild).is_err());
    let nameless = certificate(|params| params.distinguished_name = DistinguishedName::new());
    assert!(ask(Mtls::builder().identity(By::Subject), &nameless).is_err());
}

#[test]
fn only_issuers_that_are_named_are_taken() {
    let shown = certificate(|_| ());
    let by = || Mtls::builder().identity(By::Subject);
    ask(by().allow_issuer("CN=Services,O=Example"), &shown).unwrap();
    let refusal = ask(by().allow_issuer("O=Example,CN=Services"), &shown).unwrap_err();
    assert!(cause(&refusal).contains("issuer"));
}

#[test]
fn a_distinguished_name_is_written_as_rfc_4514_says() {
    let subject = |parts: &[(DnType, DnValue)]| {
        let mut name = DistinguishedName::new();
        for (kind, value) in parts {
            name.push(kind.clone(), value.clone());
        }
        let shown = certificate(|params| params.distinguished_name = name);
        ask(Mtls::builder().identity(By::Subject), &shown).unwrap().subject().to_owned()
    };
    let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
    for (value, want) in [
        ("a,b", r"a\,b"),
        ("a+b\"c\\d<e>f;g=h", r#"a\+b\"c\\d\<e\>f\;g\=h"#),
        (" a b ", r"\ a b\ "),
        ("#a#", r"\#a#"),
        (" ", r"\ "),
        ("a\0b\r\n", r"a\00b\0d\0a"),
        ("Lučić", "Lučić"),
        ("a\u{85}b", r"a\c2\85b"),
        // What looks like more parts is one.
        ("orders,O=Evil", r"orders\,O\=Evil"),
    ] {
        assert_eq!(subject(&[(DnType::CommonName, utf8(value))]), format!("CN={want}"), "{value}");
    }
    let others = [
        (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
        (DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 25]), utf8("net")),
        (DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 1466, 0]), utf8("Hi")),
    ];
    assert_eq!(subject(&others), "1.3.6.1.4.1.1466.0=#0c024869,DC=net,C=DE");
    let wide = DnValue::BmpString("é".try_into().unwrap());
    assert_eq!(subject(&[(DnType::CommonName, wide)]), "CN=#1e0200e9");
}

#[test]
fn a_certificate_for_something_else_authenticates_nobody() {
    let subject = || Mtls::builder().identity(By::Subject);
    for (shown, why) in [
        (certificate(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)), "authority"),
        (
            certificate(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            "clientAuth",
        ),
        (
            certificate(|p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            "not for signatures",
        ),
        (certificate(|p| p.key_usages.push(KeyUsagePurpose::KeyCertSign)), "signs certificates"),
    ] {
        let refusal = ask(subject(), &shown).unwrap_err();
        assert!(cause(&refusal).contains(why), "{}", cause(&refusal));
    }
    ask(subject(), &certificate(|p| p.extended_key_usages.clear())).unwrap();
    ask(subject(), &certificate(|p| p.key_usages.clear())).unwrap();
    ask(
        subject(),
        &certificate(|p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth)),
    )
    .unwrap();
}

#[test]
fn dates_are_looked_at_with_every_request() {
    let mtls = Mtls::builder().identity(By::Subject).build().unwrap();
    let shown = certificate(|_| ());
    ask_at(NOW, &mtls, &shown).unwrap();
    let end = ask_at(NOW, &mtls, &shown).unwrap().expires_at().unwrap();
    ask_at(end, &mtls, &shown).unwrap();
    let refusal = ask_at(end + Duration::from_secs(1), &mtls, &shown).unwrap_err();
    assert_eq!(refusal.reason(), Reason::ExpiredCredentials);
    let begin = Duration::from_secs(1_767_225_600);
    ask_at(begin - Duration::from_secs(60), &mtls, &shown).unwrap();
    let refusal = ask_at(begin - Duration::from_secs(61), &mtls, &shown).unwrap_err();
    assert_eq!(refusal.reason(), Reason::InvalidCredentials);
}

#[test]
fn what_is_no_certificate_is_refused() {
    let good = certificate(|_| ());
    let mut trailing = good.der().to_vec();
    trailing.push(0);
    let cut = &good.der()[..good.der().len() - 1];
    for der in [&b""[..], b"\x30\x00", cut, &trailing] {
        let refusal =
            ask(Mtls::builder().identity(By::Subject), &PeerCertificate::new(der)).unwrap_err();
        assert_eq!(refusal.reason(), Reason::InvalidCredentials);
    }
    // The same extension twice: two readers could find two names.
    let twice = certificate(|params| {
        params.subject_alt_names = vec![san("uri", WORKLOAD)];
        let other =
            CustomExtension::from_oid_content(&[2, 5, 29, 17], b"\x30\x03\x86\x01a".to_vec());
        params.custom_extensions.push(other);
    });
    assert!(ask(spiffe(), &twice).is_err());
}

#[test]
fn every_mistake_of_a_configuration_is_reported() {
    let setters = |builder: MtlsBuilder| {
        let error = builder.build().unwrap_err();
        error.mistakes().iter().map(|m| m.setter().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(setters(Mtls::builder()), ["identity"]);
    assert_eq!(setters(Mtls::builder().identity(By::Spiffe)), ["trust_domain"]);
    let all = Mtls::builder()
        .identity(By::Subject)
        .trust_domain("spiffe://example.org")
        .trust_domain("example.org")
        .allow_issuer("")
        .issuer("")
        .scope("*", "a")
        .role("a*b", "a")
        .realm("a\"b");
    let want = ["trust_domain", "trust_domain", "allow_issuer", "issuer", "scope", "role", "realm"];
    assert_eq!(setters(all), want);
    assert!(ClientCert::escaped_pem("not a name").is_err());
}

fn bound(to: Option<&PeerCertificate>) -> Presented {
    let principal = Principal::builder("https://id.example", "alice");
    let principal = match to {
        Some(to) => {
            principal.confirmation(Confirmation::default().with_certificate(*to.thumbprint()))
        }
        None => principal,
    };
    Presented::new(TokenKind::Bearer, HeaderValue::from_static("x"), 0, principal.build())
}

#[test]
fn a_bound_token_is_its_owners() {
    let (own, other) = (certificate(|_| ()), certificate(|_| ()));
    let check = |check: CertificateBound, mut exchange: Exchange, token: &Presented| match check
        .check(&mut exchange, token)
    {
        Answer::Now(judged) => judged.map_err(|refusal| {
            assert_eq!(refusal.reason(), Reason::InvalidCredentials);
            assert_eq!(refusal.public_detail(), "the token is not valid here");
            cause(&refusal)
        }),
        Answer::Later(_) => panic!("nothing to wait for"),
    };
    let nothing = || Exchange::test(Request::new(()), ManualClock::at_unix(NOW));
    for mode in [CertificateBound::optional(), CertificateBound::required()] {
        check(mode, exchange_at(NOW, &own), &bound(Some(&own))).unwrap();
        let why = check(mode, exchange_at(NOW, &other), &bound(Some(&own))).unwrap_err();
        assert!(why.contains("another certificate"));
        let why = check(mode, nothing(), &bound(Some(&own))).unwrap_err();
        assert!(why.contains("shown none"));
    }
    check(CertificateBound::optional(), nothing(), &bound(None)).unwrap();
    let why = check(CertificateBound::required(), exchange_at(NOW, &own), &bound(None));
    assert!(why.unwrap_err().contains("only bound ones"));
}

/// What the guard makes of a header, from a peer that is a trusted proxy or not.
fn hand_on(is_proxied: bool, headers: &[(&str, &str)]) -> (Result<(), Rejection>, Exchange) {
    let mut request = Request::get("/").extension(PeerAddr::new(([10, 0, 3, 7], 1).into()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    // The proxy has a certificate of its own.
    let request = request.extension(PeerCertificate::new("proxy")).body(()).unwrap();
    let mut exchange = Exchange::test(request, ManualClock::at_unix(NOW));
    exchange.context.is_proxied = is_proxied;
    let checked = ClientCert::rfc9440().check(&mut exchange).map(drop);
    (checked, exchange)
}

#[test]
fn the_header_counts_from_a_trusted_proxy_only() {
    let header = [("client-cert", ":AQID:"), ("client-cert-chain", ":BA==:")];
    let (checked, exchange) = hand_on(true, &header);
    checked.unwrap();
    assert_eq!(exchange.peer_certificate().unwrap().der(), [1, 2, 3]);
    assert_eq!(exchange.head().extensions.get::<PeerCertificate>().unwrap().der(), [1, 2, 3]);

    let (checked, exchange) = hand_on(false, &header);
    checked.unwrap();
    assert_eq!(exchange.peer_certificate().unwrap().der(), b"proxy", "the connection's own");
    assert!(exchange.headers().is_empty(), "nobody takes it for one");
}

#[test]
fn a_trusted_proxys_own_certificate_is_never_its_clients() {
    let (checked, exchange) = hand_on(true, &[]);
    checked.unwrap();
    assert!(exchange.peer_certificate().is_none());
    assert!(exchange.head().extensions.get::<PeerCertificate>().is_none());
}

#[test]
fn a_header_that_cannot_be_read_is_refused() {
    for headers in [
        &[("client-cert", "AQID")][..],
        &[("client-cert", "")],
        &[("client-cert", ":AQID:, :AQID:")],
        &[("client-cert", ":AQID:"), ("client-cert", ":AQID:")],
        &[("client-cert-chain", ":AQID:")],
        &[("client-cert", ":AQID:"), ("client-cert-chain", "x")],
    ] {
        let (checked, exchange) = hand_on(true, headers);
        assert_eq!(checked.unwrap_err().reason(), Reason::BadHeader, "{headers:?}");
        assert!(exchange.peer_certificate().is_none());
    }
}
