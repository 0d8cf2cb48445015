//! What is told and does not decide: one record per request, to any number of observers.

mod sample;
#[cfg(feature = "throttle")]
mod signal;
mod ticket;

use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, StatusCode, Uri};

use crate::{
    context::{ApiVersion, ClientAddr, Principal, RequestId, Route, Secure, TraceId},
    inspect::Readiness,
    rejection::Rejection,
};

pub(crate) use sample::Sample;
#[cfg(feature = "throttle")]
pub use signal::Signal;
pub(crate) use ticket::{Ticket, contained};

/// Is told about every request, once, when it is over.
///
/// Sinks, metrics, detectors and penalty boxes are observers. They run where the request ends, so
/// they should be quick; one that panics is caught and does not disturb the others.
pub trait Observer: Send + Sync + 'static {
    /// A request is over: answered, refused, abandoned or panicked.
    fn completed(&self, record: &Record);

    /// An answer that may go on for long has begun: an upgraded connection, or a stream of events.
    /// The outcome is the one it has if nothing goes wrong; [`completed`](Self::completed) follows
    /// when it is over. Default nothing.
    fn opened(&self, record: &Record) {
        let _ = record;
    }

    /// What it still waits for before it can be told: a file, a service. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }

    /// Brings everything told so far to where it belongs; blocks until it is there. Default nothing.
    fn flush(&self) {}
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn completed(&self, record: &Record) {
        (**self).completed(record);
    }

    fn opened(&self, record: &Record) {
        (**self).opened(record);
    }

    fn ready(&self, readiness: &mut Readiness) {
        (**self).ready(readiness);
    }

    fn flush(&self) {
        (**self).flush();
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The handler answered, and the answer went out whole.
    Answered,
    /// A guard answered in the handler's place, a preflight say.
    Responded,
    /// A guard, or the handler by a [`Rejection`], refused.
    Rejected,
    /// The connection was upgraded, and the upgrade is over.
    Upgraded,
    /// The inner service failed with an error of its own.
    Failed,
    /// The client went away before the answer was out.
    Cancelled,
    /// The body of the answer failed under way.
    BodyFailed,
    /// A guard, the handler or the body of the answer panicked.
    Panicked,
}

impl Outcome {
    /// A stable word for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Responded => "responded",
            Outcome::Rejected => "rejected",
            Outcome::Upgraded => "upgraded",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
            Outcome::BodyFailed => "body-failed",
            Outcome::Panicked => "panicked",
        }
    }
}

/// What happened to one request.
///
/// The request target is kept whole, but only [`path`](Self::path) is shown by `Debug`: query
/// strings carry tokens.
#[derive(Clone)]
#[non_exhaustive]
pub struct Record {
    /// The request's id, the same as in a problem.
    pub request_id: RequestId,
    /// The trace it belongs to, where its `traceparent` says so: the sender's word.
    pub trace_id: Option<TraceId>,
    /// When it began, since the Unix epoch.
    pub started: Duration,
    /// How long it took, until the body of the answer had ended.
    pub elapsed: Duration,
    /// The method.
    pub method: Method,
    /// How it ended.
    pub outcome: Outcome,
    /// The status answered; `None` where nothing was.
    pub status: Option<StatusCode>,
    /// The refusal, with its reason, guard and private parts.
    pub rejection: Option<Rejection>,
    /// The other end of the connection.
    pub peer: Option<SocketAddr>,
    /// The client's address.
    pub client: Option<ClientAddr>,
    /// How it is known that nobody could listen in; `None` where it is not.
    pub secure: Option<Secure>,
    /// The version of the API that was asked for.
    pub version: Option<ApiVersion>,
    /// Who called.
    pub principal: Option<Principal>,
    /// The rule it was judged by.
    pub route: Option<Arc<Route>>,
    /// Bytes of the answer's body that went out.
    pub bytes_out: u64,
    /// Attributes that guards and handlers added, in order.
    pub notes: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) uri: Uri,
    /// Whether the client is a trusted proxy, behind which nobody was found.
    pub(crate) is_client_proxy: bool,
    /// Whether a browser said that another site's page made it send this; known where bans ask.
    pub(crate) is_cross_site: bool,
}

impl Record {
    /// The path as sent, percent escapes included, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The query as sent. It may hold secrets: sinks of ours never write it unasked.
    pub fn query(&self) -> Option<&str> {
        self.uri.query()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("request_id", &self.request_id)
            .field("method", &self.method)
            .field("path", &self.path())
            .field("outcome", &self.outcome)
            .field("status", &self.status)
            .field("rejection", &self.rejection)
            .field("client", &self.client)
            .field("principal", &self.principal)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}
