//! Certificates, a listener that asks clients for theirs, and a client that shows one.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::{CryptoProvider, aws_lc_rs::default_provider},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
        server::WebPkiClientVerifier,
    },
};
use tower::util::MapRequest;
use tower_parapet::{
    Guarded, PeerAddr,
    context::{PeerCertificate, Tls},
};

use crate::support::{Answer, parse};

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
}

/// A certificate and its key.
pub struct Identity {
    pub der: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    pub fn certificate(&self) -> PeerCertificate {
        PeerCertificate::new(&self.der)
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone().into())
    }
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Services");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        Self { issuer: Issuer::new(params, key), der }
    }

    fn sign(&self, names: Vec<SanType>, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.not_after = rcgen::date_time_ymd(2100, 1, 1);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Identity { der, key: key.serialize_der() }
    }

    pub fn client(&self, spiffe: &str) -> Identity {
        let names = vec![SanType::URI(spiffe.try_into().unwrap())];
        self.sign(names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn server(&self) -> Identity {
        let names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        Arc::new(roots)
    }

    /// Serves over TLS, clients with a certificate of this authority and without one, as if they
    /// came from this address.
    pub async fn serve(&self, app: Guarded<Router>, peer: SocketAddr) -> SocketAddr {
        let own = self.server();
        let clients = WebPkiClientVerifier::builder_with_provider(self.roots(), provider())
            .allow_unauthenticated()
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![own.der.clone()], own.key())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, app) = (acceptor.clone(), app.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                    // Once for the connection.
                    let certificate = PeerCertificate::from_chain(shown);
                    let app = MapRequest::new(app, move |mut request: hyper::Request<_>| {
                        let extensions = request.extensions_mut();
                        extensions.insert(PeerAddr::new(peer));
                        extensions.insert(Tls::new());
                        if let Some(certificate) = &certificate {
                            extensions.insert(certificate.clone());
                        }
                        request
                    });
                    let connection = hyper::server::conn::http1::Builder::new();
                    let service = TowerToHyperService::new(app);
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        address
    }

    /// Asks over TLS, and shows a certificate where there is one.
    pub async fn get(
        &self,
        address: SocketAddr,
        shown: Option<&Identity>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots());
        let config = match shown {
            Some(own) => builder.with_client_auth_cert(vec![own.der.clone()], own.key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, stream).await.unwrap();
        let mut text = "GET /who HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n".to_owned();
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        parse(&answer)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}
