//! Connections: direct or through a proxy, to addresses within reach.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::Reach;
use super::error::Refused;
use super::proxy::{ByProxy, Proxies};
use super::resolve::{Hosts, Resolver};
use super::url::bare;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes the byte streams below TLS to the host that is asked.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    reach: Reach,
    /// For hosts by `https`.
    within: HttpConnector<Resolver>,
    /// For hosts by plain `http`.
    loopback: HttpConnector<Resolver>,
    /// For proxies, which the operator named.
    proxy: HttpsConnector<HttpConnector<Resolver>>,
    proxies: Arc<Proxies>,
}

impl Connector {
    pub(super) fn new(
        reach: Reach,
        hosts: &Hosts,
        proxies: Arc<Proxies>,
        proxy_tls: Arc<ClientConfig>,
    ) -> Self {
        let to = |reach| {
            let mut http =
                HttpConnector::new_with_resolver(Resolver { hosts: hosts.clone(), reach });
            http.enforce_http(false);
            http.set_nodelay(true);
            http
        };
        Self {
            reach,
            within: to(reach),
            loopback: to(Reach::Loopback),
            proxy: HttpsConnector::from((to(Reach::Private), proxy_tls)),
            proxies,
        }
    }

    /// An address in the URL is not resolved, so it is judged here.
    fn admit(&self, uri: &Uri) -> Result<(), Refused> {
        let reach = if is_plain(uri) { Reach::Loopback } else { self.reach };
        match bare(uri.host().unwrap_or_default()).parse::<IpAddr>() {
            Ok(address) => reach.admit(address).map_err(|kind| Refused { address, kind }),
            Err(_) => Ok(()),
        }
    }
}

fn is_plain(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTP)
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Those within are always ready: they hold nothing that could run out.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Err(refused) = self.admit(&uri) {
            return Box::pin(async move { Err(refused.into()) });
        }
        if let Some(found) = self.proxies.of(&uri) {
            let mut tunnel = Tunnel::new(found.uri().clone(), self.proxy.clone());
            if let Some(credentials) = found.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            let proxy = found.uri().authority().map(ToString::to_string).unwrap_or_default();
            let connecting = tunnel.call(uri);
            return Box::pin(async move {
                connecting.await.map_err(|cause| ByProxy { proxy, cause: cause.into() }.into())
            });
        }
        let http = if is_plain(&uri) { &mut self.loopback } else { &mut self.within };
        let connecting = http.call(uri);
        Box::pin(async move { Ok(MaybeHttpsStream::Http(connecting.await?)) })
    }
}
