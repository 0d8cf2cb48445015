use std::fmt;

use http::HeaderName;

use crate::rejection::{Reason, Rejection};

/// How it is known that nobody could listen in or take part between a client and this service.
///
/// | variant | what it rests on |
/// |---|---|
/// | `Tls` | the connection to this service is TLS: the extension [`Tls`] says so |
/// | `Proxy` | a trusted proxy says that the client called it by `https` |
/// | `Loopback` | both ends are on this machine |
/// | `Mesh` | the peer is a declared member of a mesh, whose sidecars speak mutual TLS |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Secure {
    /// This very connection is TLS.
    Tls,
    /// A trusted proxy was called by `https`.
    Proxy,
    /// The peer is on this machine, and so is the client.
    Loopback,
    /// The peer is a declared member of a mesh.
    Mesh,
}

impl Secure {
    /// A stable word for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Secure::Tls => "tls",
            Secure::Proxy => "proxy",
            Secure::Loopback => "loopback",
            Secure::Mesh => "mesh",
        }
    }

    /// Whether the client itself speaks HTTPS, so that what holds for HTTPS only (`Secure` cookies,
    /// `Strict-Transport-Security`) means something to it.
    pub fn is_https(self) -> bool {
        matches!(self, Secure::Tls | Secure::Proxy)
    }
}

impl fmt::Display for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that a request came over TLS: a listener that terminates it inserts this into the request's
/// extensions.
///
/// # Example
/// ```
/// use http::Request;
/// use tower_parapet::{PeerAddr, context::Tls};
///
/// fn accepted<B>(mut request: Request<B>, peer: std::net::SocketAddr) -> Request<B> {
///     request.extensions_mut().insert(PeerAddr::new(peer));
///     request.extensions_mut().insert(Tls::new());
///     request
/// }
/// # let _ = accepted(Request::new(()), ([192, 0, 2, 1], 443).into());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tls {
    _more_to_come: (),
}

impl Tls {
    /// A connection that is TLS, of which nothing else is known.
    pub fn new() -> Self {
        Self::default()
    }
}

/// What is known so far about the way a request came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Nobody has looked yet: what the connection itself says counts.
    #[default]
    Unsettled,
    Secure(Secure),
    Plain(Plain),
}

impl Channel {
    pub(crate) fn secure(self) -> Option<Secure> {
        match self {
            Channel::Secure(secure) => Some(secure),
            Channel::Unsettled | Channel::Plain(_) => None,
        }
    }
}

/// Why a request cannot be said to have come in private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// The peer is neither here, nor trusted, nor TLS.
    Direct,
    /// A trusted proxy does not say how it was called.
    Silent,
    /// A trusted proxy says that it was called by `http`.
    Http,
    /// A trusted proxy says several things, or what cannot be read.
    Unclear,
    /// The server does not say who the peer is.
    Unknown,
}

impl Plain {
    /// What was found, and what to set up, for the record.
    pub(crate) fn found(self) -> &'static str {
        match self {
            Plain::Direct => {
                "a plain connection from a peer that is not trusted; if it is your proxy, name it with \
                 `.trusted_proxies([…])`; if it is a sidecar that speaks mutual TLS, with \
                 `.mesh([…])`; if it is a client, let it use https"
            }
            Plain::Silent => {
                "a trusted proxy that does not say how it was called; nginx: `proxy_set_header \
                 X-Forwarded-Proto $scheme;`; Envoy: `use_remote_address: true` on the listener that \
                 clients call; AWS ALB and Cloudflare send `X-Forwarded-Proto` by themselves, so look \
                 for a hop that drops it; with `Forwarded`, let the proxy add `proto=`"
            }
            Plain::Http => {
                "a trusted proxy that was called by `http`; let the client use https; if it did, a \
                 proxy further in overwrote what the outer one said: in nginx pass on \
                 `$http_x_forwarded_proto`; of a sidecar's own peers say `.mesh([…])`"
            }
            Plain::Unclear => {
                "forwarding headers of a trusted proxy that name several schemes, an unknown one, or a \
                 hop without an address; let the proxy replace `X-Forwarded-Proto` and not append to it"
            }
            Plain::Unknown => {
                "no address of the peer: serve with `into_make_service_with_connect_info::<SocketAddr>()`, \
                 insert `PeerAddr` into the request's extensions, or set `peer` to where it is"
            }
        }
    }

    /// The refusal of something that is only answered in private.
    #[cold]
    pub(crate) fn refusal(self, reason: Reason) -> Rejection {
        let reason = if self == Plain::Unknown { Reason::AddressUnknown } else { reason };
        Rejection::new(reason).expected(EXPECTED).found(self.found())
    }

    /// The refusal of credentials that anybody may have read on their way.
    #[cold]
    pub(crate) fn leaked(self) -> Rejection {
        let rejection = self.refusal(Reason::InsecureCredentials);
        if self == Plain::Unknown {
            return rejection;
        }
        rejection.detail(
            "the credentials crossed the network in the clear: take them for leaked, replace them, \
             and send the new ones by https only",
        )
    }

    /// The note under which a record names the credential that leaked; none where it is not known.
    pub(crate) fn note(self, header: &HeaderName) -> Option<(&'static str, String)> {
        (self != Plain::Unknown).then(|| ("leaked-credential", header.as_str().to_owned()))
    }
}

const EXPECTED: &str = "TLS on this connection, `https` from a trusted proxy, a loopback peer, or a \
                        declared mesh peer";
