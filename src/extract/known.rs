//! What the context knows: the principal, the client's address, the version asked for.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::{
    context::{ApiVersion, ClientAddr, Context, Lease, Principal, Provenance, RequestId},
    rejection::{Reason, Rejection},
};

/// The context of the stack around the handler.
///
/// Without one nothing is known at all, which is a mistake in how the service is put together and
/// not the caller's.
pub(super) fn context(parts: &Parts) -> Result<&Context, Rejection> {
    Context::of(&parts.extensions).ok_or_else(|| {
        Rejection::new(Reason::Misconfigured)
            .expected("a request that came through a stack")
            .found("a handler outside of every stack; protect the router that it is routed by")
    })
}

/// Who is calling, or the refusal for a caller whom nobody knows.
pub(super) fn principal(parts: &Parts) -> Result<&Principal, Rejection> {
    let context = context(parts)?;
    context.principal().ok_or_else(|| context.unauthenticated())
}

/// Who is calling: 401 where nobody was authenticated. `Option<Principal>` admits anonymous callers.
impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        principal(parts).cloned()
    }
}

/// Who is calling, if anybody was authenticated. Bad credentials never come this far.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(context(parts)?.principal().cloned())
    }
}

/// The request's id: 500 where the stack has none, as neither a record nor an answer needs one.
impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        context(parts)?.request_id().cloned().ok_or_else(|| {
            Rejection::new(Reason::Misconfigured)
                .expected("a stack that gives every request an id: `.request_id(…)` or an observer")
                .found("a stack without either")
        })
    }
}

/// Where the request comes from: 503 where the server does not say.
impl<S: Send + Sync> FromRequestParts<S> for ClientAddr {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let context = context(parts)?;
        let peer = || Some(ClientAddr::new(context.peer()?.ip(), Provenance::Peer));
        context.client().or_else(peer).ok_or_else(|| {
            Rejection::new(Reason::AddressUnknown)
                .expected("the address of the peer")
                .found("a server that does not say it; set where the peer comes from")
        })
    }
}

/// The version that was asked for: 400 where the path is none of a version. `Option<ApiVersion>`
/// admits those too.
impl<S: Send + Sync> FromRequestParts<S> for ApiVersion {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        context(parts)?.version().cloned().ok_or_else(|| {
            Rejection::new(Reason::MissingVersion)
                .expected("a version that the stack's `versions` settled")
                .found("a request without one")
        })
    }
}

/// The version that was asked for, if the path is one of a version.
impl<S: Send + Sync> OptionalFromRequestParts<S> for ApiVersion {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        Ok(context(parts)?.version().cloned())
    }
}

/// Keeps the request's record and permits open past an upgrade: 500 outside of every stack.
impl<S: Send + Sync> FromRequestParts<S> for Lease {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        Ok(context(parts)?.lease())
    }
}
