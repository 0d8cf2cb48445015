//! Client certificates, as a trusted proxy hands them on.

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use tower_parapet::auth::mtls::{By, ClientCert, Mtls};

use super::{Part, Refused};

pub(super) fn part() -> Part {
    let scheme = Mtls::builder().identity(By::Spiffe).trust_domain("domain-3e9a.example");
    let proxies = ["127.0.0.1"];
    Part {
        name: "mtls",
        challenges: vec!["ClientCertificate"],
        expires: true,
        join: Box::new(move |builder| {
            let builder = builder.trusted_proxies(proxies).client_cert(ClientCert::rfc9440());
            builder.authenticate(scheme)
        }),
        refusals: refusals(),
    }
}

fn certificate(name: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(name.try_into().unwrap())];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2090, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    let signed = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    format!(":{}:", STANDARD.encode(signed.der()))
}

fn shown(name: &'static str, code: &'static str, certificate: Option<String>) -> Refused {
    let proxied = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
    let proxied = proxied.map(|(name, value)| (name, value.to_owned()));
    let shown = certificate.into_iter().map(|value| ("client-cert", value));
    Refused {
        name,
        headers: shown.chain(proxied).collect(),
        status: 401,
        code,
        guard: "mtls",
        // It is public: who has it cannot use it.
        secret: Vec::new(),
        private: vec!["domain-3e9a", "workload-12f0", "elsewhere-77"],
        has_cause: true,
        body: "",
    }
}

fn refusals() -> Vec<Refused> {
    const ORDERS: &str = "spiffe://domain-3e9a.example/workload-12f0";
    let invalid = |name, certificate| shown(name, "invalid-credentials", Some(certificate));
    let missing = Refused {
        guard: "authenticate",
        has_cause: false,
        ..shown("none", "missing-credentials", None)
    };
    let no_certificate = Refused {
        status: 400,
        guard: "client-cert",
        has_cause: false,
        ..shown("no certificate", "bad-header", Some(":AQIDBA==:, :AQID:".to_owned()))
    };
    vec![
        missing,
        no_certificate,
        invalid("no der", ":ZWxzZXdoZXJlLTc3:".to_owned()),
        invalid("other domain", certificate("spiffe://elsewhere-77.example/a", |_| ())),
        invalid("no id", certificate("https://elsewhere-77.example/a", |_| ())),
        invalid(
            "a server's",
            certificate(ORDERS, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
        invalid(
            "an authority's",
            certificate(ORDERS, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        ),
        invalid(
            "not yet",
            certificate(ORDERS, |params| params.not_before = date_time_ymd(2089, 1, 1)),
        ),
        shown(
            "expired",
            "expired-credentials",
            Some(certificate(ORDERS, |params| params.not_after = date_time_ymd(2021, 1, 1))),
        ),
    ]
}
