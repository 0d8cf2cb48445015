//! What schemes say of themselves, for clients.

/// What a scheme tells clients about the tokens it takes: see
/// [`Scheme::describe`](crate::auth::Scheme::describe).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceFacts {
    pub(super) issuers: Vec<String>,
    pub(super) dpop_algorithms: Vec<String>,
    pub(super) requires_dpop: bool,
    pub(super) binds_to_certificates: bool,
}

impl ResourceFacts {
    /// An issuer whose tokens are taken, as in `iss`. Told to clients where it is a URL.
    pub fn issuer(&mut self, issuer: &str) {
        add(&mut self.issuers, issuer);
    }

    /// An algorithm that proofs of possession may be signed by (RFC 9449), `ES256` say.
    pub fn dpop_algorithm(&mut self, name: &str) {
        add(&mut self.dpop_algorithms, name);
    }

    /// Only tokens that are bound to a key are taken (RFC 9449).
    pub fn require_dpop(&mut self) {
        self.requires_dpop = true;
    }

    /// Tokens may be bound to the certificate of the connection (RFC 8705).
    pub fn bind_to_certificates(&mut self) {
        self.binds_to_certificates = true;
    }

    /// What a scheme's challenges say of it: the algorithms of `DPoP algs="ES256 EdDSA"`.
    #[cfg(feature = "jwt")]
    pub(in crate::auth) fn read_challenge(&mut self, challenge: &http::HeaderValue) {
        let text = challenge.to_str().unwrap_or_default();
        let Some((scheme, parameters)) = text.split_once(' ') else { return };
        if !scheme.eq_ignore_ascii_case("DPoP") {
            return;
        }
        let algorithms = parameters
            .split(',')
            .filter_map(|parameter| parameter.trim().strip_prefix("algs=\"")?.strip_suffix('"'));
        for name in algorithms.flat_map(str::split_ascii_whitespace) {
            self.dpop_algorithm(name);
        }
    }
}

fn add(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}
