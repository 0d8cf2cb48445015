use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// How a client's address is known, weakest claim last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provenance {
    /// It is the other end of the connection.
    Peer,
    /// A trusted proxy wrote it into `Forwarded` (RFC 7239).
    Forwarded,
    /// A trusted proxy wrote it into `X-Forwarded-For`.
    XForwardedFor,
}

/// The address a request comes from, and how that is known.
///
/// An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`) is folded to the IPv4 address, so that one
/// client is one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr {
    ip: IpAddr,
    provenance: Provenance,
}

impl ClientAddr {
    /// An address with its provenance.
    pub fn new(ip: IpAddr, provenance: Provenance) -> Self {
        Self { ip: ip.to_canonical(), provenance }
    }

    /// The address.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// How it is known.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)
    }
}

/// The other end of the connection, as a hyper service inserts it into a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// The address of an accepted connection.
    pub fn new(address: SocketAddr) -> Self {
        Self(address)
    }
}

/// Where a stack learns the other end of the connection from.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Peer {
    /// The extension [`PeerAddr`], which the accept loop inserts.
    Extension,
    /// A look-up of one's own in the request's extensions.
    Lookup(fn(&http::Extensions) -> Option<SocketAddr>),
}

impl Peer {
    pub(crate) fn resolve(self, extensions: &http::Extensions) -> Option<SocketAddr> {
        match self {
            Peer::Extension => extensions.get::<PeerAddr>().map(|peer| peer.0),
            Peer::Lookup(lookup) => lookup(extensions),
        }
    }
}
