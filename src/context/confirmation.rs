/// Whom else a token asks for: the claim `cnf` of a sender-constrained token (RFC 7800).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    key: Option<[u8; 32]>,
    certificate: Option<[u8; 32]>,
}

impl Confirmation {
    /// The SHA-256 thumbprint of the key whose holder may use the token: `jkt` (RFC 9449).
    pub fn key(&self) -> Option<&[u8; 32]> {
        self.key.as_ref()
    }

    /// The SHA-256 thumbprint of the certificate whose holder may use the token: `x5t#S256`
    /// (RFC 8705).
    pub fn certificate(&self) -> Option<&[u8; 32]> {
        self.certificate.as_ref()
    }

    /// Binds to the holder of a key.
    pub fn with_key(mut self, thumbprint: [u8; 32]) -> Self {
        self.key = Some(thumbprint);
        self
    }

    /// Binds to the holder of a certificate.
    pub fn with_certificate(mut self, thumbprint: [u8; 32]) -> Self {
        self.certificate = Some(thumbprint);
        self
    }
}
