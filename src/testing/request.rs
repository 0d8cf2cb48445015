use std::net::SocketAddr;

use http::{
    HeaderName, HeaderValue, Request,
    header::{AUTHORIZATION, HOST},
};

use super::connect;
use crate::context::{Context, Principal, Tls};

/// What a test says about a request that never came over a connection. What cannot stand in a
/// header is left out.
///
/// # Example
/// ```
/// use http::Request;
/// use tower_parapet::testing::{TestIssuer, TestRequest};
///
/// let issuer = TestIssuer::default();
/// let request = Request::get("/orders")
///     .body(())?
///     .host("api.example")
///     .peer(([203, 0, 113, 9], 50_000))
///     .tls()
///     .bearer(issuer.token().scope("orders:read"));
/// # let _ = request;
/// # Ok::<(), http::Error>(())
/// ```
pub trait TestRequest: Sized {
    /// Comes from this address, as `Peer::ConnectInfo` and
    /// [`Peer::Extension`](crate::Peer::Extension) read it.
    fn peer(self, peer: impl Into<SocketAddr>) -> Self;

    /// Comes over TLS, as the accept loop of a service with certificates of its own says by
    /// [`Tls`]. Without it the request is a plain one: from a peer that is not the service's own
    /// machine, with credentials, it is refused.
    fn tls(self) -> Self;

    /// Is for this host, which every request of HTTP/1.1 names.
    fn host(self, host: &str) -> Self;

    /// Brings this token, in place of one it had.
    fn bearer(self, token: impl Into<String>) -> Self;

    /// Comes from this caller, for a handler or an inner layer by itself. A whole stack takes it
    /// for a request that an outer stack let through, and still asks for credentials of its own.
    fn caller(self, caller: Principal) -> Self;
}

impl<B> TestRequest for Request<B> {
    fn peer(mut self, peer: impl Into<SocketAddr>) -> Self {
        connect::insert(self.extensions_mut(), peer.into());
        self
    }

    fn tls(mut self) -> Self {
        self.extensions_mut().insert(Tls::new());
        self
    }

    fn host(self, host: &str) -> Self {
        with(self, HOST, host.to_owned())
    }

    fn bearer(self, token: impl Into<String>) -> Self {
        with(self, AUTHORIZATION, format!("Bearer {}", token.into()))
    }

    fn caller(mut self, caller: Principal) -> Self {
        let context = Context { principal: Some(caller), ..Context::default() };
        self.extensions_mut().insert(context);
        self
    }
}

fn with<B>(mut request: Request<B>, name: HeaderName, value: String) -> Request<B> {
    if let Ok(value) = HeaderValue::try_from(value) {
        request.headers_mut().insert(name, value);
    }
    request
}
