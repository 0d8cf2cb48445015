//! The certificate of the client.

use crate::context::PeerCertificate;

use super::Exchange;

impl Exchange {
    /// The certificate that the client has proved to own, after [`Phase::Address`](crate::Phase).
    ///
    /// It is the connection's, where a listener inserted it into the request's extensions, or what a
    /// [trusted proxy](crate::ParapetBuilder::trusted_proxies) hands on, where a guard reads that.
    /// Behind a trusted proxy the certificate of the connection is the proxy's, and is not told.
    pub fn peer_certificate(&self) -> Option<&PeerCertificate> {
        match &self.context.certificate {
            Some(told) => Some(told),
            None if self.context.is_proxied => None,
            None => self.head.extensions.get(),
        }
    }

    /// Settles what a trusted proxy says of the client's certificate. Handlers find it among the
    /// request's extensions, like one of the connection, and the proxy's own never.
    pub fn set_peer_certificate(&mut self, certificate: Option<PeerCertificate>) {
        if self.trial.is_some() {
            return;
        }
        self.context.certificate.clone_from(&certificate);
        match certificate {
            Some(certificate) => drop(self.head.extensions.insert(certificate)),
            None => drop(self.head.extensions.remove::<PeerCertificate>()),
        }
    }

    /// Whether the peer is a trusted proxy, as far as that was settled.
    #[cfg(feature = "mtls")]
    pub(crate) fn is_proxied(&self) -> bool {
        self.context.is_proxied
    }
}
