//! What is known about a request so far: the one extension that handlers and extractors read.

mod actor;
mod channel;
#[cfg(any(feature = "jwt", feature = "throttle"))]
pub(crate) mod claim_path;
mod client;
mod confirmation;
mod lease;
mod login;
mod peer_certificate;
mod principal;
mod priority;
mod report;
mod request_id;
mod route;
mod trace_id;
mod version;

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::{Arc, Weak},
};

pub use actor::Actor;
pub use channel::{Secure, Tls};
pub use client::{ClientAddr, Peer, PeerAddr, Provenance};
pub use confirmation::Confirmation;
pub use lease::Lease;
pub use peer_certificate::PeerCertificate;
pub use principal::{Principal, PrincipalBuilder};
pub use priority::Priority;
pub(crate) use report::REPORTED;
pub use request_id::{InvalidRequestId, RequestId};
pub(crate) use route::Streams;
pub use route::{Access, Route};
pub use trace_id::TraceId;
pub use version::ApiVersion;

pub(crate) use channel::{Channel, Plain};

use crate::{
    clock::SharedClock,
    observe::Ticket,
    rejection::{Reason, Rejection},
};

/// What the guards found out about a request; taken over by inner stacks, read by extractors.
///
/// It is one extension of the request. Cloning copies a few words and counts.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) client: Option<ClientAddr>,
    pub(crate) principal: Option<Principal>,
    /// Whether the principal is only claimed until the body proves it, which is before the handler.
    pub(crate) is_provisional: bool,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) channel: Channel,
    /// Whether the peer is a trusted proxy, whose own certificate is not its clients'.
    pub(crate) is_proxied: bool,
    /// Whether the client is itself one of the trusted proxies: nobody else was found behind it.
    pub(crate) is_client_proxy: bool,
    /// Whether a browser says that another site's page made it send this; known where bans ask for it.
    pub(crate) is_cross_site: bool,
    /// What a trusted proxy says is the client's.
    pub(crate) certificate: Option<PeerCertificate>,
    /// Why credentials are refused wherever they are found; `None` where they are welcome.
    pub(crate) refuses_credentials: Option<Plain>,
    /// Whether the host was compared with a list.
    pub(crate) is_host_listed: bool,
    pub(crate) version: Option<ApiVersion>,
    pub(crate) priority: Priority,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) ticket: Option<Weak<Ticket>>,
    /// What the end of the principal's credentials is told by.
    pub(crate) clock: Option<SharedClock>,
    /// What a caller who was let through without credentials is refused with where some are needed.
    pub(crate) unauthenticated: Option<Rejection>,
}

impl Context {
    /// The context a stack left in a request's extensions.
    pub fn of(extensions: &http::Extensions) -> Option<&Context> {
        extensions.get()
    }

    /// The other end of the connection: the client itself, or the nearest proxy.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The client's address behind trusted proxies, and how it is known.
    pub fn client(&self) -> Option<ClientAddr> {
        self.client
    }

    /// How it is known that nobody could listen in on the request's way; `None` where it is not.
    ///
    /// The stack's [`Https`](crate::transport::Https) settles it.
    pub fn secure(&self) -> Option<Secure> {
        self.channel.secure()
    }

    /// The version of the API that was asked for, where the stack has
    /// [`Versions`](crate::version::Versions) and the path is one of theirs.
    pub fn version(&self) -> Option<&ApiVersion> {
        self.version.as_ref()
    }

    /// How much the request matters where not all can be served.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Who is calling, once authenticated.
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// The refusal for a caller without a principal: 401, with the challenge of every scheme that
    /// the stack authenticates by.
    pub fn unauthenticated(&self) -> Rejection {
        self.unauthenticated.clone().unwrap_or_else(|| {
            Rejection::new(Reason::MissingCredentials)
                .expected("a caller who was authenticated")
                .found("nobody")
        })
    }

    /// The rule of the policy that the request was judged by.
    pub fn route(&self) -> Option<&Route> {
        self.route.as_deref()
    }

    /// The request's id. There is one wherever a record is kept, or ids were asked for by
    /// [`ParapetBuilder::request_id`](crate::ParapetBuilder::request_id).
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// Keeps the record and every permit of the request open until the lease is dropped, and tells
    /// when the caller's credentials end.
    ///
    /// For a handler that upgrades its connection and goes on after it has answered.
    pub fn lease(&self) -> Lease {
        Lease::of(self)
    }

    /// Adds an attribute to the request's record.
    pub fn note(&self, key: &'static str, value: impl Into<Cow<'static, str>>) {
        if let Some(ticket) = self.ticket.as_ref().and_then(Weak::upgrade) {
            ticket.lock().record.notes.push((key, value.into()));
        }
    }

    /// What adds attributes to the record once the request is the handler's.
    #[cfg(feature = "throttle")]
    pub(crate) fn notes(&self) -> Notes {
        Notes(self.ticket.clone())
    }

    /// Whether nothing is known, so that nothing need be handed on.
    pub(crate) fn is_empty(&self) -> bool {
        self.peer.is_none()
            && self.client.is_none()
            && self.principal.is_none()
            && self.route.is_none()
            && self.channel == Channel::Unsettled
            && !self.is_proxied
            && self.certificate.is_none()
            && self.refuses_credentials.is_none()
            && self.version.is_none()
            && self.priority == Priority::Normal
            && self.request_id.is_none()
            && self.ticket.is_none()
            && self.unauthenticated.is_none()
    }
}

/// Adds attributes to a request's record, as long as that is open.
#[cfg(feature = "throttle")]
#[derive(Clone)]
pub(crate) struct Notes(Option<Weak<Ticket>>);

#[cfg(feature = "throttle")]
impl Notes {
    pub(crate) fn add(&self, key: &'static str, value: impl Into<Cow<'static, str>>) {
        if let Some(ticket) = self.0.as_ref().and_then(Weak::upgrade) {
            ticket.lock().record.notes.push((key, value.into()));
        }
    }
}
