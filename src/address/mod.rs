//! Who the client is, and which addresses may call.
//!
//! [`TrustedProxies`] finds the client's address behind proxies, [`IpFilter`] decides whether it may
//! call at all, and [`Mesh`] vouches for peers that speak mutual TLS. All run before anything else
//! looks at the request.
//!
//! # Threat
//!
//! Whoever chooses the address a service believes in chooses whom the throttle counts, whom the IP
//! list judges and whom the audit names. `X-Forwarded-For` begins with what the client wrote: taking
//! its first entry lets every request come from somewhere else. The same proxies say whether the
//! client came by `https`, and whoever can say it in their place makes a leak look private.
//!
//! # Behaviour
//!
//! | condition | status | reason |
//! |---|---|---|
//! | the server does not say where a connection comes from | 503 | `address-unknown` |
//! | the address is on the deny list, or there is an allow list and it is not on it | 403 | `address-denied` |
//! | a forwarding header from a peer that is not trusted | – | ignored, logged once |
//! | an id in `X-Request-Id` from a trusted proxy | – | the request's, where it can be one |
//! | the one `X-Forwarded-Proto` of a trusted peer, or `proto` of the hop in `Forwarded` that names the client, is `https` or `wss` | – | the request came [in private](crate::context::Secure) |
//! | the same is anything else, is there twice, is a list, or is not there | – | it did not, and [`Https`](crate::transport::Https) says what follows |
//! | a peer of the declared mesh, for itself or for another one of the mesh | – | it came in private |
//! | a hop that tells no address (`unknown`, `_hidden`, nothing, anything unreadable) | – | the walk ends at the proxy that wrote it |
//!
//! # Example
//!
//! ```
//! use tower_parapet::address::{IpFilter, TrustedProxies};
//!
//! let proxies = TrustedProxies::new(["10.0.3.7"])?;
//! let filter = IpFilter::builder()
//!     .deny(["198.51.100.0/24", "2001:db8:bad::/48"])
//!     .deny("203.0.113.9")
//!     .build()?;
//! # let _ = (proxies, filter);
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! No proxy is trusted: the client is the peer. `X-Forwarded-For` is the header that is believed,
//! at most 32 hops are walked, no address is denied, nobody is of the mesh. `X-Forwarded-Proto` is
//! read beside `X-Forwarded-For` alone, and `proto` in `Forwarded` alone. A proxy that passes on what
//! clients write into `X-Request-Id` lets them name their requests: have it write its own. IPv4 addresses mapped into IPv6 are IPv4
//! addresses everywhere.
//!
//! # What this does not do
//!
//! It does not look up countries or networks by name, and does not read the PROXY protocol. It does
//! not ban: lists are read when they are built. A connection over a Unix socket has no address, so
//! it is refused here.

mod ip_filter;
mod mesh;
mod networks;
mod trusted_proxies;

pub use ip_filter::{IpFilter, IpFilterBuilder};
pub use mesh::{Mesh, MeshBuilder};
pub use networks::{Many, Networks, One};
pub use trusted_proxies::{ProxyHeader, TrustedProxies, TrustedProxiesBuilder};

use crate::rejection::{Reason, Rejection};

/// The refusal where the server does not say where a connection comes from.
fn address_unknown() -> Rejection {
    Rejection::new(Reason::AddressUnknown).expected("the address of the peer").found(
        "none: serve with `into_make_service_with_connect_info::<SocketAddr>()`, insert \
             `PeerAddr` into the request's extensions, or set `peer` to where it is",
    )
}
