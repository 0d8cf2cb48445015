use std::{borrow::Cow, fmt, sync::Arc};

use http::Method;
use tower_layer::Layer;

use crate::{
    compose::all::together,
    context::{Access, Route},
    guard::{Env, Exchange, Flow, Guard, Needs, Phase, halves, in_order, run},
    inspect::{Findings, Readiness},
    observe::Observer,
    path,
    rejection::{Reason, Rejection},
    router,
    service::{Guarded, Stack},
};

use super::{
    RoutesBuilder,
    table::{Listed, Table},
};

/// The policy by route: judges which rule a request falls under, who may call it, and runs the
/// rule's own guards.
///
/// A stack has one of its own, made by [`ParapetBuilder::route`](crate::ParapetBuilder::route) and
/// its like, and spread over the phases. By itself it is a guard that does all of it at once, behind
/// authentication, or a layer.
///
/// # Example
/// ```
/// use tower_parapet::compose::{Policy, Routes};
///
/// let routes = Routes::builder()
///     .public("GET /health", "load balancer")
///     .route("/admin/{*rest}", Policy::authenticated())
///     .build()?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Routes {
    table: Arc<Table>,
}

impl Routes {
    /// Starts an empty table: everything is closed to callers who are not authenticated.
    pub fn builder() -> RoutesBuilder {
        RoutesBuilder::default()
    }

    pub(super) fn new(table: Table) -> Self {
        Self { table: Arc::new(table) }
    }

    /// Every rule with its methods (none: all; `None`: those without a name here) and pattern, for
    /// the manifest.
    pub(crate) fn listing(&self) -> Vec<Listed> {
        self.table.listing()
    }

    /// The rule for a path; no method stands for every one that no rule can name.
    pub(crate) fn rule(&self, method: Option<&Method>, path: &str) -> &Route {
        self.table.find_any(method, path)
    }

    /// The methods that rules can name.
    pub(crate) fn methods(&self) -> impl Iterator<Item = Method> {
        self.table.methods().iter().cloned()
    }

    /// The rule for what no other one names.
    pub(crate) fn unlisted(&self) -> &Route {
        self.table.unlisted()
    }

    /// Whether every rule asks for an authenticated caller, probes apart.
    pub(crate) fn is_closed(&self) -> bool {
        let is_closed = |access: &Access| matches!(access, Access::Authenticated | Access::Probe);
        self.table.routes().all(|route| is_closed(route.access()))
    }

    /// What judges, before any other guard.
    pub(crate) fn judging(&self) -> Arc<dyn Guard> {
        Arc::new(Judge(self.clone()))
    }

    /// The guards that act upon the judgement: what raises a fault of it, the backstop, and one for
    /// every phase that some policy has guards in.
    pub(crate) fn acting(&self) -> impl Iterator<Item = Arc<dyn Guard>> {
        let guards = self.guards();
        let used = move |phase: &Phase| guards.iter().any(|guard| guard.phase() == *phase);
        let both: [Arc<dyn Guard>; 2] = [Arc::new(Judged(self.clone())), Arc::new(Closed(None))];
        let of_route =
            Phase::ALL.into_iter().filter(used).map(|phase| Arc::new(OfRoute(phase)) as _);
        both.into_iter().chain(of_route)
    }

    /// The guards that stand in policies, each once.
    pub(crate) fn guards(&self) -> Vec<Arc<dyn Guard>> {
        let mut guards: Vec<Arc<dyn Guard>> = Vec::new();
        for guard in self.table.routes().flat_map(|route| route.flat_guards()) {
            if !guards.iter().any(|known| Arc::ptr_eq(known, &guard)) {
                guards.push(guard);
            }
        }
        guards
    }

    /// The policies for other origins that rules have of their own, each once.
    pub(crate) fn cross_origin(&self) -> Vec<Arc<dyn Guard>> {
        let mut policies: Vec<Arc<dyn Guard>> = Vec::new();
        for policy in self.table.routes().filter_map(|route| route.cross_origin.as_ref()) {
            if !policies.iter().any(|known| Arc::ptr_eq(known, policy)) {
                policies.push(policy.clone());
            }
        }
        policies
    }

    /// Whether any rule is for browsers.
    pub(crate) fn has_browser(&self) -> bool {
        self.table.routes().any(|route| route.is_browser)
    }

    fn judge(&self, exchange: &Exchange) -> Result<Arc<Route>, Rejection> {
        self.judge_as(exchange.judged_method(), exchange)
    }

    /// The rule for the path of a request, and for a method that may be another than its own.
    pub(crate) fn judge_as(
        &self,
        method: &Method,
        exchange: &Exchange,
    ) -> Result<Arc<Route>, Rejection> {
        let sent = exchange.path();
        let route = self.table.find(method, sent);
        if sent.contains('%') {
            let decoded = path::decode(sent, route.separators).ok_or_else(unreadable)?;
            let meant = self.table.find(method, &decoded);
            if !Arc::ptr_eq(route, meant) {
                return Err(Rejection::new(Reason::AmbiguousPath)
                    .expected(format!("one rule; as sent it is `{}`", route.pattern()))
                    .found(format!("decoded it is `{}`", meant.pattern())));
            }
        }
        if let Some(matched) = router::matched_path(&exchange.head().extensions)
            && !fits(matched, sent)
        {
            return Err(Rejection::new(Reason::RouteMismatch)
                .expected(format!("a route that fits the path judged as `{}`", route.pattern()))
                .found(format!("the router matched `{matched}`")));
        }
        Ok(route.clone())
    }
}

#[cold]
fn unreadable() -> Rejection {
    Rejection::new(Reason::BadPath)
        .expected("a path that is UTF-8 once decoded")
        .found("one with a broken escape or other bytes")
}

/// Whether a path can be what a router's pattern matched.
fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let Some(segment) = segments.next() else { return false };
        if let Some((prefix, _)) = wanted.split_once("{*").filter(|(at, _)| !at.ends_with('{')) {
            return segment.starts_with(prefix);
        }
        if !fits_segment(wanted, segment) {
            return false;
        }
    }
    segments.next().is_none()
}

fn fits_segment(wanted: &str, segment: &str) -> bool {
    match wanted.split_once('{') {
        None => wanted == segment,
        // `{{` is a brace, not a parameter; patterns with braces of their own are left to the router.
        Some((_, rest)) if rest.starts_with('{') => true,
        Some((prefix, rest)) => {
            let suffix = rest.split_once('}').map_or("", |(_, suffix)| suffix);
            segment
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_suffix(suffix))
                .is_some_and(|value| !value.is_empty())
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<_> = self.listing().into_iter().map(|(_, pattern, _)| pattern).collect();
        f.debug_struct("Routes").field("patterns", &patterns).finish()
    }
}

impl Guard for Routes {
    fn name(&self) -> &'static str {
        "routes"
    }

    fn phase(&self) -> Phase {
        Phase::Authorize
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let route = self.judge(exchange)?;
        if !exchange.judged {
            exchange.set_route(route.clone());
        }
        let (early, late): (Vec<_>, Vec<_>) =
            route.flat_guards().partition(|guard| guard.phase() < Phase::Authorize);
        let closed: Arc<dyn Guard> = Arc::new(Closed(Some(route)));
        run(&early.into_iter().chain([closed]).chain(late).collect(), 0, exchange)
    }

    fn summary(&self) -> Cow<'static, str> {
        summary(self)
    }

    fn needs(&self) -> Needs {
        self.guards().iter().fold(Needs::NONE, |needs, guard| needs.and(guard.needs()))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        together(self.guards().iter())
    }

    fn findings(&self, report: &mut Findings) {
        self.guards().iter().for_each(|guard| guard.findings(report));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.guards().iter().for_each(|guard| guard.ready(readiness));
    }
}

fn summary(routes: &Routes) -> Cow<'static, str> {
    let listing = routes.listing();
    let rules = listing.iter().filter(|(_, pattern, route)| *pattern == *route.pattern());
    let count = rules.count();
    let plural = if count == 1 { "" } else { "s" };
    Cow::Owned(format!("{count} rule{plural}; what is not listed needs authentication"))
}

impl<S> Layer<S> for Routes {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        let env = Env { halves: halves(self.guards().iter()), ..Env::alone() };
        let mut guards: Vec<_> = [self.judging()].into_iter().chain(self.acting()).collect();
        in_order(&mut guards);
        let stack = Stack { env: Arc::new(env), guards: guards.into() };
        Guarded::new(Arc::new(stack), inner)
    }
}

/// Settles which rule a request is judged by, for every other guard to act upon. A path that cannot
/// be judged is left to [`Judged`], so that a guard before it can still refuse the caller.
struct Judge(Routes);

impl Guard for Judge {
    fn name(&self) -> &'static str {
        "routes"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if let Ok(route) = self.0.judge(exchange) {
            exchange.set_route(route);
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        summary(&self.0)
    }
}

/// Refuses what could not be judged.
struct Judged(Routes);

impl Guard for Judged {
    fn name(&self) -> &'static str {
        "judged"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        if !exchange.judged {
            let route = self.0.judge(exchange)?;
            exchange.set_route(route);
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("refuses a path that falls under two rules")
    }
}

/// The backstop: whatever authenticates or does not, nobody passes a closed route unknown. Of one
/// route, or of the one that was judged.
struct Closed(Option<Arc<Route>>);

impl Guard for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }

    fn phase(&self) -> Phase {
        Phase::Authorize
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let route = self.0.as_deref().or(exchange.route());
        let closed = route.is_none_or(|route| *route.access() == Access::Authenticated);
        if closed && exchange.principal().is_none() {
            return Err(exchange.context.unauthenticated());
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("what is not public or optional needs an authenticated caller")
    }
}

/// Runs, in one phase, the guards that the judged route has for it.
struct OfRoute(Phase);

impl Guard for OfRoute {
    fn name(&self) -> &'static str {
        "route"
    }

    fn phase(&self) -> Phase {
        self.0
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        match exchange.route().and_then(|route| route.guards(self.0)).cloned() {
            Some(guards) => run(&guards, 0, exchange),
            None => Ok(Flow::Continue),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("what the judged route asks for in this phase")
    }
}
