use http::{HeaderMap, Method};

use crate::context::{Access, ClientAddr, Principal, Provenance, Route};
use crate::guard::Exchange;
use crate::observe::Record;

/// What a request is known by: while it is judged, or once it is over.
#[derive(Clone, Copy)]
pub(in crate::throttle) enum Facts<'a> {
    Asked(&'a Exchange),
    Over(&'a Record),
}

impl<'a> Facts<'a> {
    pub(in crate::throttle) fn client(self) -> Option<ClientAddr> {
        match self {
            Self::Asked(exchange) => exchange.client(),
            Self::Over(record) => record.client.or_else(|| {
                let peer = record.peer?;
                Some(ClientAddr::new(peer.ip(), Provenance::Peer))
            }),
        }
    }

    /// Who is calling; nobody once the request is over, since a record may name who was refused.
    pub(in crate::throttle) fn principal(self) -> Option<&'a Principal> {
        self.exchange()?.principal()
    }

    pub(in crate::throttle) fn method(self) -> &'a Method {
        match self {
            Self::Asked(exchange) => exchange.judged_method(),
            Self::Over(record) => &record.method,
        }
    }

    pub(in crate::throttle) fn path(self) -> &'a str {
        match self {
            Self::Asked(exchange) => exchange.path(),
            Self::Over(record) => record.path(),
        }
    }

    pub(super) fn headers(self) -> Option<&'a HeaderMap> {
        Some(self.exchange()?.headers())
    }

    pub(super) fn exchange(self) -> Option<&'a Exchange> {
        match self {
            Self::Asked(exchange) => Some(exchange),
            Self::Over(_) => None,
        }
    }

    pub(super) fn pattern(self) -> &'a str {
        self.route().map_or("", Route::pattern)
    }

    pub(super) fn access(self) -> Option<&'a Access> {
        self.route().map(Route::access)
    }

    fn route(self) -> Option<&'a Route> {
        match self {
            Self::Asked(exchange) => exchange.route(),
            Self::Over(record) => record.route.as_deref(),
        }
    }
}
