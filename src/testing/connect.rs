//! axum's way of saying who is at the other end.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use http::Extensions;

use crate::context::PeerAddr;

pub(super) fn insert(extensions: &mut Extensions, peer: SocketAddr) {
    extensions.insert(PeerAddr::new(peer));
    extensions.insert(ConnectInfo(peer));
}
