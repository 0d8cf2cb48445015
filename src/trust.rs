//! Who is believed to be the host, and how we prove who we are.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::error::Mistakes;

/// What the operator gave.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    roots: Vec<Vec<u8>>,
    /// The built-in roots are left out.
    pub(crate) is_exclusive: bool,
    identity: Option<Identity>,
}

#[derive(Clone)]
struct Identity {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Trust {
    pub(crate) fn add_root(&mut self, pem: &[u8]) {
        self.roots.push(pem.to_vec());
    }

    pub(crate) fn identify(&mut self, chain: &[u8], key: &[u8]) {
        let (chain, key) = (chain.to_vec(), Zeroizing::new(key.to_vec()));
        self.identity = Some(Identity { chain, key });
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_given(&self) -> bool {
        !self.roots.is_empty() || self.is_exclusive || self.identity.is_some()
    }

    /// For hosts, with the client certificate, and for proxies, without it.
    pub(crate) fn configs(
        &self,
        mistakes: &mut Mistakes,
    ) -> Option<(Arc<ClientConfig>, Arc<ClientConfig>)> {
        let roots = Arc::new(self.root_store(mistakes));
        let builder = || {
            // A provider by name: the process may have another default, or two and none.
            let provider = Arc::new(aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider);
            builder
                .with_safe_default_protocol_versions()
                .map(|builder| builder.with_root_certificates(roots.clone()))
        };
        let (Ok(host), Ok(proxy)) = (builder(), builder()) else {
            mistakes.push("build", "", "has no TLS version", "report this as a bug");
            return None;
        };
        let host = match &self.identity {
            None => host.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read(mistakes)?;
                host.with_client_auth_cert(chain, key)
                    .map_err(|error| {
                        let problem = format!("cannot be used: {error}");
                        let remedy = "give the key of the first certificate";
                        mistakes.push("identity_pem", "", problem, remedy);
                    })
                    .ok()?
            }
        };
        Some((Arc::new(host), Arc::new(proxy.with_no_client_auth())))
    }

    fn root_store(&self, mistakes: &mut Mistakes) -> RootCertStore {
        let mut store = RootCertStore::empty();
        if !self.is_exclusive {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for pem in &self.roots {
            let remedy = "give one or more `CERTIFICATE` blocks in PEM";
            let mut found = 0;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                found += 1;
                let added = certificate
                    .map_err(|error| error.to_string())
                    .and_then(|der| store.add(der).map_err(|error| error.to_string()));
                if let Err(error) = added {
                    let problem = format!("has an unusable certificate (number {found}: {error})");
                    mistakes.push("ca_pem", "", problem, remedy);
                    break;
                }
            }
            if found == 0 {
                mistakes.push("ca_pem", "", "has no certificate", remedy);
            }
        }
        if store.is_empty() && self.roots.is_empty() {
            let remedy = "give roots with `ca_pem`";
            mistakes.push("only_given_roots", "", "leaves no root to trust", remedy);
        }
        store
    }
}

impl Identity {
    fn read(
        &self,
        mistakes: &mut Mistakes,
    ) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_slice_iter(&self.chain).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        if chain.is_none() {
            let remedy = "give the certificate and its intermediates in PEM";
            mistakes.push("identity_pem", "", "has no certificate", remedy);
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).ok();
        if key.is_none() {
            let remedy = "give a `PRIVATE KEY` block in PEM, not encrypted";
            mistakes.push("identity_pem", "", "has no private key", remedy);
        }
        Some((chain?, key?))
    }
}
