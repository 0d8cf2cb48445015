//! The guard that takes a client's certificate from a header of a trusted proxy.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderName;

use super::client_cert::{escaped_pem, rfc9440, xfcc};
use crate::context::PeerCertificate;
use crate::error::{ConfigError, Mistakes};
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Needs, Phase};
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

static CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
static CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
static XFCC: HeaderName = HeaderName::from_static("x-forwarded-client-cert");

/// Takes the client's certificate from a header, of a [trusted
/// proxy](crate::ParapetBuilder::trusted_proxies) alone.
///
/// The proxy has to verify the chain, and to replace or remove the header in *every* request, also
/// where the client has shown no certificate: else clients write it themselves. From any other peer
/// the header is taken out before anybody reads it. Behind a trusted proxy the certificate of the
/// connection is the proxy's, and never taken for the client's.
///
/// # Example
/// ```
/// use tower_parapet::{Parapet, Peer, auth::mtls::{By, ClientCert, Mtls}};
///
/// let parapet = Parapet::builder()
///     .peer(Peer::Extension)
///     .trusted_proxies(["10.0.3.7"])
///     .client_cert(ClientCert::rfc9440())
///     .authenticate(Mtls::builder().identity(By::Spiffe).trust_domain("example.org"))
///     .build()?;
/// # let _ = parapet;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientCert {
    form: Form,
    header: HeaderName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Rfc9440,
    EscapedPem,
    Xfcc,
}

impl ClientCert {
    /// From `Client-Cert` and `Client-Cert-Chain` ([RFC 9440](https://www.rfc-editor.org/rfc/rfc9440)):
    /// HAProxy, Google Cloud, Caddy, recent nginx with njs.
    pub fn rfc9440() -> Self {
        Self { form: Form::Rfc9440, header: CLIENT_CERT.clone() }
    }

    /// From `X-Forwarded-Client-Cert` of Envoy and Istio, of one element with `Cert` or `Chain`: set
    /// `forward_client_cert_details: SANITIZE_SET` and `set_current_client_cert_details: { cert: true }`.
    pub fn envoy() -> Self {
        Self { form: Form::Xfcc, header: XFCC.clone() }
    }

    /// From PEM with percent escapes in a header of that name: `proxy_set_header X-Client-Cert
    /// $ssl_client_escaped_cert;` of nginx, with `ssl_verify_client on` or `optional`;
    /// `X-Amzn-Mtls-Clientcert-Leaf` of AWS in verify mode.
    ///
    /// # Errors
    /// A text that is no header name.
    pub fn escaped_pem(header: impl AsRef<str>) -> Result<Self, ConfigError> {
        let mut mistakes = Mistakes::default();
        let text = header.as_ref();
        let header = text.parse().ok();
        if header.is_none() {
            let remedy = "write it as `x-client-cert`";
            mistakes.push("escaped_pem", text, "is not a header name", remedy);
        }
        mistakes.finish_with(header.map(|header| Self { form: Form::EscapedPem, header }))
    }

    fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let chain = Some(&CLIENT_CERT_CHAIN).filter(|_| self.form == Form::Rfc9440);
        std::iter::once(&self.header).chain(chain)
    }

    fn read(&self, exchange: &Exchange) -> Result<Option<PeerCertificate>, &'static str> {
        let headers = exchange.headers();
        let mut lines = headers.get_all(&self.header).iter();
        let chain = || headers.get_all(&CLIENT_CERT_CHAIN).iter();
        let Some(own) = lines.next() else {
            return match self.form {
                Form::Rfc9440 if chain().next().is_some() => Err("a chain without a certificate"),
                _ => Ok(None),
            };
        };
        if lines.next().is_some() {
            return Err("two certificates");
        }
        let own = own.as_bytes();
        // What nginx writes where there is no certificate.
        if own.is_empty() && self.form != Form::Rfc9440 {
            return Ok(None);
        }
        match self.form {
            Form::Rfc9440 => rfc9440(own, chain().map(|line| line.as_bytes())),
            Form::EscapedPem => escaped_pem(own),
            Form::Xfcc => xfcc(own),
        }
        .map(Some)
    }

    /// A header that anybody may have written is no certificate, and nobody is to take it for one.
    fn strip(&self, exchange: &mut Exchange) {
        let sent = self.names().any(|name| exchange.headers().contains_key(name));
        if !sent {
            return;
        }
        if let Some(peer) = exchange.peer() {
            let names: Vec<_> = self.names().cloned().collect();
            exchange.diagnose_untrusted(peer.ip().to_canonical(), &names);
        }
        for name in self.names() {
            exchange.remove_header(name);
        }
    }
}

impl Guard for ClientCert {
    fn name(&self) -> &'static str {
        "client-cert"
    }

    fn phase(&self) -> Phase {
        Phase::Address
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if !exchange.is_proxied() {
            self.strip(exchange);
            return Ok(Flow::Continue);
        }
        let certificate = self.read(exchange).map_err(|why| {
            Rejection::new(Reason::BadHeader)
                .detail("the client certificate that the proxy hands on cannot be read")
                .expected(format!("one certificate in `{}`", self.header))
                .found(why)
        })?;
        exchange.set_peer_certificate(certificate);
        Ok(Flow::Continue)
    }

    /// Who is trusted is settled by a guard that does not need the client.
    fn needs(&self) -> Needs {
        Needs::CLIENT.and(Needs::PEER)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!("the client's certificate from {} of a trusted proxy", self.header))
    }
}

impl IntoGuard for Result<ClientCert, ConfigError> {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self?.into_guard()
    }
}

guard_layer!(ClientCert);
