use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Request;

use super::NOW;
use crate::{
    Exchange,
    auth::{
        Attempt, Scheme,
        mtls::{By, ClientCert, Mtls},
    },
    clock::ManualClock,
    guard::Guard,
};

static NAMES: LazyLock<[Mtls; 6]> = LazyLock::new(|| {
    [By::Spiffe, By::Subject, By::Dns, By::Uri, By::Email, By::Ip].map(|by| {
        let mtls = Mtls::builder().identity(by);
        let mtls = if by == By::Spiffe { mtls.trust_domain("example.org") } else { mtls };
        mtls.build().expect("a scheme")
    })
});

/// A certificate as a trusted proxy hands it on. The first line is `rfc9440`, `envoy` or `pem`, the
/// second the header, and the third, of RFC 9440, that of the chain; or it is `der`, and the rest are
/// the bytes of a certificate.
pub fn client_cert(bytes: &[u8]) -> bool {
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (form, rest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut lines = rest.split(|byte| *byte == b'\n');
    let (own, chain) = (lines.next().unwrap_or_default(), lines.next());
    let mut request = Request::get("/");
    let guard = match form {
        b"rfc9440" => {
            request = request.header("client-cert", own);
            if let Some(chain) = chain {
                request = request.header("client-cert-chain", chain);
            }
            ClientCert::rfc9440()
        }
        b"envoy" => {
            request = request.header("x-forwarded-client-cert", own);
            ClientCert::envoy()
        }
        b"pem" => {
            request = request.header("x-client-cert", own);
            ClientCert::escaped_pem("x-client-cert").expect("a header")
        }
        b"der" => {
            request = request.header("client-cert", format!(":{}:", STANDARD.encode(rest)));
            ClientCert::rfc9440()
        }
        _ => return false,
    };
    let Ok(request) = request.body(()) else { return false };
    let head = request.into_parts().0;
    let exchange = |is_proxied| {
        let request = Request::from_parts(head.clone(), ());
        let clock = ManualClock::at_unix(Duration::from_secs(NOW));
        let mut exchange = Exchange::test(request, clock);
        exchange.context.is_proxied = is_proxied;
        let is_read = guard.check(&mut exchange).is_ok();
        is_read.then_some(exchange)
    };
    let strange = exchange(false).expect("what a stranger says is passed over");
    assert!(strange.peer_certificate().is_none(), "a stranger's header was believed");

    let Some(mut exchange) = exchange(true) else { return false };
    let mut is_taken = false;
    for mtls in NAMES.iter() {
        // Read once, and remembered the second time.
        let mut name = || match mtls.authenticate(&mut exchange) {
            Ok(Attempt::Verified(principal)) => Some(principal.subject().to_owned()),
            _ => None,
        };
        let (first, second) = (name(), name());
        assert_eq!(first, second, "remembered as something else");
        if let Some(name) = first {
            assert!(!name.is_empty() && !name.contains('\0'), "{name:?}");
            is_taken = true;
        }
    }
    is_taken
}
