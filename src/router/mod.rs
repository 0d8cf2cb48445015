//! What axum adds: where the peer's address is, and what the router matched.

mod protect;

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, MatchedPath, OriginalUri};
use http::{Extensions, Uri, request};

use crate::context::{Peer, PeerAddr};

fn connect_info(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
}

fn wherever(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<PeerAddr>().map(|peer| peer.0).or_else(|| connect_info(extensions))
}

impl Peer {
    /// axum's `ConnectInfo<SocketAddr>`, which `into_make_service_with_connect_info` provides.
    #[allow(non_upper_case_globals, reason = "it reads as one more way among the variants")]
    pub const ConnectInfo: Peer = Peer::Lookup(connect_info);

    pub(crate) const WHEREVER: Peer = Peer::Lookup(wherever);
}

/// The pattern the router matched, where the stack runs inside of one.
pub(crate) fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// The target as the client sent it: `nest` strips its prefix from the request's own.
pub(crate) fn original_uri(head: &request::Parts) -> &Uri {
    head.extensions.get::<OriginalUri>().map_or(&head.uri, |original| &original.0)
}
