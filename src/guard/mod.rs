//! All that an extension author learns: a guard decides about an exchange, in a phase.

mod admission;
#[cfg(feature = "throttle")]
mod after;
#[cfg(all(test, feature = "throttle"))]
mod by_header;
mod certificate;
mod claim;
mod end;
mod env;
mod exchange;
mod later;
mod rehearsal;
mod reply;
mod traffic;
mod trial;
mod upgrade;

use std::{borrow::Cow, fmt, sync::Arc};

use axum_core::body::Body;
use futures_util::future::BoxFuture;
use http::Response;

pub use exchange::Exchange;
pub use later::BodyWatch;
pub use reply::Mode;

#[cfg(all(test, feature = "throttle"))]
pub(crate) use by_header::ByHeader;
pub(crate) use end::EndHook;
pub(crate) use env::{BODY_DEADLINE, BODY_LIMIT, Env, Ids, Render, halves};
pub(crate) use later::{BodyHook, Later, ReplyHook, Signed};
pub(crate) use rehearsal::Rehearsal;
#[cfg(feature = "throttle")]
pub(crate) use reply::Items;
pub(crate) use reply::Replies;
pub(crate) use trial::Trial;

use crate::{
    error::ConfigError,
    inspect::{Findings, Readiness},
    observe::Observer,
    rejection::Rejection,
};

/// Decides about a request. The only trait a protection implements.
///
/// A guard decides at once where it can. Work that comes later (I/O, the body, the reply) is
/// registered on the [`Exchange`] as an owned continuation, so that it stays bound to the very
/// policy that asked for it.
///
/// # Example
/// ```
/// use tower_parapet::{Exchange, Flow, Guard, Phase, Reason, Rejection};
///
/// struct Maintenance;
///
/// impl Guard for Maintenance {
///     fn name(&self) -> &'static str { "maintenance" }
///     fn phase(&self) -> Phase { Phase::Transport }
///     fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
///         if exchange.path().starts_with("/orders") {
///             return Err(Rejection::new(Reason::Unavailable).detail("back at noon"));
///         }
///         Ok(Flow::Continue)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a guard",
    label = "a stack takes guards",
    note = "a builder is a guard once it is built; a guard of one's own implements `Guard`"
)]
pub trait Guard: Send + Sync + 'static {
    /// A short, stable word for records and metrics.
    fn name(&self) -> &'static str;

    /// When it runs; the library owns the order.
    fn phase(&self) -> Phase;

    /// The one decision.
    ///
    /// # Errors
    /// The refusal, which a stack renders and records under the guard's name.
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection>;

    /// One line for the manifest: what it lets through, within which limits. Default empty.
    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    /// What must be known before it can decide; a stack that cannot provide it does not build.
    /// Default nothing.
    fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// Its other half, where it learns from how requests ended. Default none.
    fn observer(&self) -> Option<Arc<dyn Observer>> {
        None
    }

    /// What the self-audit has to say about its settings. Default nothing.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }

    /// What it still waits for before it can decide: keys, a store. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }

    /// Whether it judges health probes too, which come from anywhere, for any host, as often as they
    /// like. Default only where it runs in [`Phase::Record`] or [`Phase::Reply`].
    fn judges_probes(&self) -> bool {
        self.phase() <= Phase::Reply
    }
}

impl<G: Guard + ?Sized> Guard for Arc<G> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn phase(&self) -> Phase {
        (**self).phase()
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        (**self).check(exchange)
    }

    fn summary(&self) -> Cow<'static, str> {
        (**self).summary()
    }

    fn needs(&self) -> Needs {
        (**self).needs()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        (**self).observer()
    }

    fn findings(&self, report: &mut Findings) {
        (**self).findings(report);
    }

    fn ready(&self, readiness: &mut Readiness) {
        (**self).ready(readiness);
    }

    fn judges_probes(&self) -> bool {
        (**self).judges_probes()
    }
}

/// A guard, or a builder that becomes one: what the setters of stacks and policies take.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a guard nor a builder of one",
    note = "a guard of one's own implements `Guard`"
)]
pub trait IntoGuard {
    /// The guard.
    ///
    /// # Errors
    /// Every mistake in the builder's settings.
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError>;
}

impl<G: Guard> IntoGuard for G {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Ok(Arc::new(self))
    }
}

/// What a guard must know before it can decide; a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    /// Nothing but the request itself.
    pub const NONE: Needs = Needs(0);
    /// The client's address. Within a phase, a guard that needs it runs after those that do not.
    pub const CLIENT: Needs = Needs(1);
    /// Who is calling.
    pub const PRINCIPAL: Needs = Needs(2);
    /// The other end of the connection.
    pub const PEER: Needs = Needs(4);
    /// The whole body, before the handler: no guard for streams of gRPC.
    pub const BODY: Needs = Needs(8);

    /// A host that was compared with a list: `.hosts([…])`.
    pub const HOSTS: Needs = Needs(16);

    /// Both.
    pub fn and(self, other: Needs) -> Needs {
        Needs(self.0 | other.0)
    }

    /// Whether any of `other` is in the set.
    pub fn intersects(self, other: Needs) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all of `other` is in the set.
    pub fn contains(self, other: Needs) -> bool {
        self.0 & other.0 == other.0
    }
}

/// When a guard runs. A stack sorts its guards by phase, so that a wrong order cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The route is judged, the record is opened.
    Record,
    /// Headers for every response, rejections included.
    Reply,
    /// The client's address behind trusted proxies, IP lists, bans.
    Address,
    /// Host, method, path and header sanity; a path that could not be judged is refused.
    Transport,
    /// Limits keyed by what needs no credentials.
    EdgeThrottle,
    /// API version and its life cycle.
    Version,
    /// Who is calling.
    Authenticate,
    /// Limits keyed by the principal.
    Quota,
    /// What the caller may do.
    Authorize,
    /// Media type, size, JSON limits, schema.
    Content,
}

impl Phase {
    /// All phases, in the order they run.
    pub const ALL: [Phase; 10] = [
        Phase::Record,
        Phase::Reply,
        Phase::Address,
        Phase::Transport,
        Phase::EdgeThrottle,
        Phase::Version,
        Phase::Authenticate,
        Phase::Quota,
        Phase::Authorize,
        Phase::Content,
    ];
}

/// What a guard that did not refuse wants to happen next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Flow {
    /// The next guard, and in the end the handler.
    Continue,
    /// Real I/O first; the decision comes later. Made by [`Flow::suspend`].
    Suspend(Resume),
    /// An answer of the guard's own, a preflight say. Made by [`Flow::respond`].
    Respond(Box<Response<Body>>),
}

impl Flow {
    /// Decides later, after real I/O. It is boxed, so only slow paths should take it.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Exchange, Flow, Rejection};
    ///
    /// fn check(exchange: &mut Exchange) -> Result<Flow, Rejection> {
    ///     Ok(Flow::suspend(|exchange| Box::pin(async move {
    ///         exchange.note("looked-up", "yes");
    ///         Ok(Flow::Continue)
    ///     })))
    /// }
    /// ```
    pub fn suspend<F>(resume: F) -> Self
    where
        F: for<'a> FnOnce(&'a mut Exchange) -> BoxFuture<'a, Result<Flow, Rejection>>
            + Send
            + 'static,
    {
        Flow::Suspend(Resume(Box::new(resume)))
    }

    /// Answers in place of the handler.
    pub fn respond(response: Response<Body>) -> Self {
        Flow::Respond(Box::new(response))
    }
}

type ResumeFn =
    dyn for<'a> FnOnce(&'a mut Exchange) -> BoxFuture<'a, Result<Flow, Rejection>> + Send;

/// A decision that waits for I/O; see [`Flow::suspend`].
pub struct Resume(Box<ResumeFn>);

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resume")
    }
}

/// A shared list of guards, in the order they run.
pub(crate) type Guards = Arc<[Arc<dyn Guard>]>;

/// Sorts guards as they run: by phase, and within one what a guard needs is settled by those that do
/// not need it. Where the client has long been settled, they stay as they were added.
pub(crate) fn in_order(guards: &mut [Arc<dyn Guard>]) {
    guards.sort_by_key(|guard| {
        let phase = guard.phase();
        (phase, phase < Phase::Authenticate && guard.needs().contains(Needs::CLIENT))
    });
}

/// Runs a list of guards from one on; a suspension takes the rest of the list along.
pub(crate) fn run(
    guards: &Guards,
    from: usize,
    exchange: &mut Exchange,
) -> Result<Flow, Rejection> {
    if exchange.is_rehearsal() {
        return rehearsal::rehearse(guards, from, exchange);
    }
    for (index, guard) in guards.iter().enumerate().skip(from) {
        if exchange.probing && !guard.judges_probes() {
            continue;
        }
        let checked = guard.check(exchange);
        if let Ok(Flow::Continue) = checked {
            exchange.sign(&**guard);
            continue;
        }
        // Lists within a guard of this one have written theirs before.
        exchange.reached = index + 1;
        return match checked {
            Ok(Flow::Suspend(resume)) => Ok(then_rest(guards.clone(), index, resume)),
            checked => checked.map_err(|rejection| rejection.by(guard.name())),
        };
    }
    exchange.reached = guards.len();
    Ok(Flow::Continue)
}

fn then_rest(guards: Guards, index: usize, resume: Resume) -> Flow {
    Flow::suspend(move |exchange| {
        Box::pin(async move {
            let decided = drive(Flow::Suspend(resume), exchange).await;
            let Some(guard) = guards.get(index) else { return decided };
            exchange.reached = index + 1;
            match decided.map_err(|rejection| rejection.by(guard.name()))? {
                Flow::Continue => {
                    exchange.sign(&**guard);
                    run(&guards, index + 1, exchange)
                }
                other => Ok(other),
            }
        })
    })
}

/// Follows suspensions to the end: the result is never [`Flow::Suspend`].
pub(crate) async fn drive(mut flow: Flow, exchange: &mut Exchange) -> Result<Flow, Rejection> {
    while let Flow::Suspend(Resume(resume)) = flow {
        flow = resume(exchange).await?;
    }
    Ok(flow)
}
