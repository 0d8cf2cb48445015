//! What a request is answered whose key cannot be read.

use http::HeaderName;

use crate::rejection::{Reason, Rejection};

use super::LONGEST_VALUE;

const ONE: &str = "one value of at most 256 bytes in the header of the key";

#[cold]
pub(super) fn nowhere() -> Rejection {
    Rejection::new(Reason::AddressUnknown)
        .expected("the address of the peer: name its source, `.peer(Peer::ConnectInfo)` say")
        .found("a request without one")
}

#[cold]
pub(super) fn anonymous() -> Rejection {
    Rejection::new(Reason::MissingCredentials)
        .expected("a principal: authenticate before a limit by principal")
        .found("an anonymous request")
}

#[cold]
pub(super) fn long_header(name: &HeaderName) -> Rejection {
    bad_header(format!("the header `{name}` is longer than {LONGEST_VALUE} bytes"))
}

#[cold]
pub(super) fn many_headers(name: &HeaderName) -> Rejection {
    bad_header(format!("the header `{name}` was sent more than once"))
}

fn bad_header(detail: String) -> Rejection {
    Rejection::new(Reason::BadHeader).detail(detail).expected(ONE).found("a longer one, or several")
}

#[cold]
pub(super) fn no_header(name: &HeaderName) -> Rejection {
    Rejection::new(Reason::MissingHeader)
        .detail(format!("the header `{name}` is required here"))
        .expected(ONE)
        .found("none")
}

/// A caller without what the limit counts by.
#[cold]
pub(super) fn without(what: &str) -> Rejection {
    Rejection::new(Reason::Forbidden)
        .detail(format!("the credentials have no {what}, which is required here"))
        .expected(format!(
            "a caller with a {what}, which the limit counts by; `absent` says what else will do"
        ))
        .found("one without")
}

#[cold]
pub(super) fn bad_claim(name: &str) -> Rejection {
    Rejection::new(Reason::Forbidden)
        .detail(format!("the claim `{name}` is not of a form that is counted by"))
        .expected(format!(
            "a number, or a text of at most {LONGEST_VALUE} bytes, in the claim of the key"
        ))
        .found("a longer text, or another type")
}

/// A request without what a key of one's own looks for.
#[cold]
pub(super) fn without_typed(name: &str) -> Rejection {
    Rejection::new(Reason::MalformedRequest)
        .detail(format!("the request has no {name}, which is required here"))
        .expected(format!(
            "what the key `{name}` reads; `absent` says what else the request is counted by"
        ))
        .found("none")
}
