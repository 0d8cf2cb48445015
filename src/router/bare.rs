//! Without a router of whose making we know: the request is what it says it is.

use http::{Extensions, Uri, request};

use crate::context::Peer;

impl Peer {
    pub(crate) const WHEREVER: Peer = Peer::Extension;
}

pub(crate) fn matched_path(_: &Extensions) -> Option<&str> {
    None
}

pub(crate) fn original_uri(head: &request::Parts) -> &Uri {
    &head.uri
}
