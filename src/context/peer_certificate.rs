use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// The certificate that the other end of a TLS connection has proved to own, with the chain it sent.
///
/// A listener that asks for client certificates inserts it into the request's extensions, once for
/// the connection: it is one word, cheap to clone, and what is computed of it is computed once. The
/// listener has verified the chain; nothing here does. Of a client behind a trusted proxy it is read
/// from the header that the proxy writes, where that was asked for.
///
/// # Example
///
/// With tokio-rustls, in an accept loop of one's own:
///
/// ```
/// use http::Request;
/// use tower_parapet::context::{PeerCertificate, Tls};
///
/// // `certificates` is what `stream.get_ref().1.peer_certificates()` says after the handshake, or
/// // any other list of DER, the client's own first.
/// fn accepted<B, C: AsRef<[u8]>>(mut request: Request<B>, certificates: &[C]) -> Request<B> {
///     request.extensions_mut().insert(Tls::new());
///     if let Some(certificate) = PeerCertificate::from_chain(certificates) {
///         request.extensions_mut().insert(certificate);
///     }
///     request
/// }
/// # let _ = accepted(Request::new(()), &[[0x30, 0x00]]);
/// ```
#[derive(Clone)]
pub struct PeerCertificate(Arc<Inner>);

struct Inner {
    own: Box<[u8]>,
    others: Vec<Box<[u8]>>,
    thumbprint: OnceLock<[u8; 32]>,
}

impl PeerCertificate {
    /// A certificate without the chain above it, in DER (X.509, RFC 5280).
    pub fn new(der: impl AsRef<[u8]>) -> Self {
        Self::of(der.as_ref().into(), Vec::new())
    }

    /// A chain in DER, the peer's own certificate first, as TLS hands it over; `None` of no
    /// certificates at all.
    pub fn from_chain<T: AsRef<[u8]>>(chain: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut chain = chain.into_iter().map(|der| Box::from(der.as_ref()));
        let own = chain.next()?;
        Some(Self::of(own, chain.collect()))
    }

    fn of(own: Box<[u8]>, others: Vec<Box<[u8]>>) -> Self {
        Self(Arc::new(Inner { own, others, thumbprint: OnceLock::new() }))
    }

    /// The peer's own certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.0.own
    }

    /// The whole chain in DER, the peer's own certificate first. What follows it was sent by the
    /// peer, and need not be what its own was verified with.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.der()).chain(self.0.others.iter().map(AsRef::as_ref))
    }

    /// SHA-256 of the peer's own certificate, by which tokens are bound to it (`x5t#S256` in
    /// [RFC 8705, section 3.1](https://www.rfc-editor.org/rfc/rfc8705#section-3.1)). Computed when
    /// first asked for.
    #[cfg(feature = "mtls")]
    pub fn thumbprint(&self) -> &[u8; 32] {
        use aws_lc_rs::digest::{SHA256, digest};

        self.0.thumbprint.get_or_init(|| {
            digest(&SHA256, self.der()).as_ref().first_chunk().copied().unwrap_or_default()
        })
    }
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCertificate")
            .field("bytes", &self.0.own.len())
            .field("chain", &(1 + self.0.others.len()))
            .field("thumbprint", &self.0.thumbprint.get())
            .finish_non_exhaustive()
    }
}

impl PartialEq for PeerCertificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for PeerCertificate {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_begins_with_the_peers_own_certificate() {
        let certificate = PeerCertificate::from_chain([b"own", b"ca1", b"ca2"]).unwrap();
        assert_eq!(certificate.der(), b"own");
        assert_eq!(certificate.chain().collect::<Vec<_>>(), [b"own", b"ca1", b"ca2"]);
        assert_eq!(certificate, PeerCertificate::new("own"));
        assert!(PeerCertificate::from_chain::<&[u8]>([]).is_none());
    }

    #[cfg(feature = "mtls")]
    #[test]
    fn clones_share_the_thumbprint() {
        let certificate = PeerCertificate::new("abc");
        let clone = certificate.clone();
        assert_eq!(clone.thumbprint()[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert!(std::ptr::eq(clone.thumbprint(), certificate.thumbprint()));
    }
}
