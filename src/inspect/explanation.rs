use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc};

use http::{HeaderMap, Method, Request, StatusCode, Uri, request};

use crate::{
    context::{ClientAddr, Principal, Route},
    guard::Phase,
    rejection::Rejection,
};

/// What a stack would do with a request, and why; made by
/// [`Parapet::explain`](crate::Parapet::explain).
///
/// `Display` tells all of it, the private side of a refusal included: it is for developers and
/// tests, not for callers. `Debug` is short and shows nothing that was sent but method and path.
#[derive(Clone)]
pub struct Explanation {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) verdict: Verdict,
    pub(crate) seat: Seat,
    pub(crate) steps: Vec<Step>,
    pub(crate) replies: HeaderMap,
    pub(crate) notes: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) is_body_missing: bool,
}

/// What was settled about the request.
#[derive(Clone, Default)]
pub(crate) struct Seat {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) client: Option<ClientAddr>,
    pub(crate) route: Option<Arc<Route>>,
    pub(crate) principal: Option<Principal>,
}

/// How a request would end, as far as the guards decide it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The handler would get it.
    Admitted,
    /// A guard would answer in the handler's place, with this status.
    Responded(StatusCode),
    /// It would be refused.
    Refused(Rejection),
}

/// One guard's part.
#[derive(Clone, Debug)]
pub struct Step {
    pub(crate) guard: &'static str,
    pub(crate) phase: Option<Phase>,
    pub(crate) depth: usize,
    pub(crate) decision: Decision,
    pub(crate) waited: bool,
    pub(crate) remark: Option<Cow<'static, str>>,
}

/// What a guard decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It let the request through.
    Continued,
    /// It answered in the handler's place.
    Responded,
    /// It refused, or panicked.
    Refused,
    /// It was not asked: a guard before it had decided, or it does not judge probes.
    NotReached,
}

impl Explanation {
    /// How the request would end.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Whether the handler would get the request.
    pub fn is_admitted(&self) -> bool {
        matches!(self.verdict, Verdict::Admitted)
    }

    /// The refusal, with its reason, guard and private parts.
    pub fn rejection(&self) -> Option<&Rejection> {
        match &self.verdict {
            Verdict::Refused(rejection) => Some(rejection),
            _ => None,
        }
    }

    /// The status of a refusal or of a guard's own answer.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.verdict {
            Verdict::Admitted => None,
            Verdict::Responded(status) => Some(*status),
            Verdict::Refused(rejection) => Some(rejection.status()),
        }
    }

    /// Every guard of the stack in the order they run, those within a composite after it; then those
    /// that judged the body.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The rule the request is judged by.
    pub fn route(&self) -> Option<&Route> {
        self.seat.route.as_deref()
    }

    /// The client's address, and how it is known.
    pub fn client(&self) -> Option<ClientAddr> {
        self.seat.client
    }

    /// The other end of the connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.seat.peer
    }

    /// Who is calling, where that was settled.
    pub fn principal(&self) -> Option<&Principal> {
        self.seat.principal.as_ref()
    }

    /// The headers that the guards would put on the response, those of a refusal included. The
    /// handler's own may win over them.
    pub fn replies(&self) -> &HeaderMap {
        &self.replies
    }

    /// What guards noted for the record; those on trial say here what they would have refused.
    pub fn notes(&self) -> &[(&'static str, Cow<'static, str>)] {
        &self.notes
    }

    /// Whether the head announces a body that was not given, so that nobody has judged it.
    pub fn is_body_missing(&self) -> bool {
        self.is_body_missing
    }

    /// The path as sent, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explanation")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("verdict", &self.verdict)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl Step {
    /// The guard's name.
    pub fn guard(&self) -> &'static str {
        self.guard
    }

    /// When it runs; `None` for its judgement of the body, which comes after all phases.
    pub fn phase(&self) -> Option<Phase> {
        self.phase
    }

    /// How many composites it stands in: 0 for a guard of the stack itself.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// What it decided.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Whether it waited for something before it decided.
    pub fn is_suspended(&self) -> bool {
        self.waited
    }

    /// What else there is to say: that its condition does not hold, say.
    pub fn remark(&self) -> Option<&str> {
        self.remark.as_deref()
    }
}

/// What can be explained: the head of a request.
///
/// A body is given beside it, with [`Explain::body`](crate::Explain::body), since one can be read
/// only once.
pub trait Explainable: sealed::Sealed {
    #[doc(hidden)]
    fn copy_head(&self) -> request::Parts;
}

impl Explainable for request::Parts {
    fn copy_head(&self) -> request::Parts {
        self.clone()
    }
}

impl<B> Explainable for Request<B> {
    fn copy_head(&self) -> request::Parts {
        let mut head = Request::new(()).into_parts().0;
        head.method = self.method().clone();
        head.uri = self.uri().clone();
        head.version = self.version();
        head.headers = self.headers().clone();
        head.extensions = self.extensions().clone();
        head
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for http::request::Parts {}
    impl<B> Sealed for http::Request<B> {}
}
