use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use axum_core::body::Body;
use http::{Response, request};

use crate::{
    auth::{Authenticate, IntoScheme, Scheme},
    clock::{Clock, SystemClock},
    compose::{Policy, Routes, RoutesBuilder},
    context::Peer,
    coverage::RouteList,
    error::{ConfigError, Mistakes},
    guard::{
        BODY_DEADLINE, BODY_LIMIT, Env, Guard, Ids, IntoGuard, Needs, Phase, Render, halves,
        in_order,
    },
    observe::Observer,
    problem::Problem,
    service::Stack,
};

use super::{Parapet, resource::Resource, streams, transport, validate};

/// A guard that is there unless another one takes its place, by the name of its setter.
pub(super) type Slot = (&'static str, Arc<dyn Guard>);

fn defaults() -> impl Iterator<Item = Slot> {
    transport::defaults().into_iter().chain(validate::defaults())
}

/// How long a handler may take to its first byte where nothing else is said.
const HANDLER_DEADLINE: Duration = Duration::from_secs(30);

/// Builds a [`Parapet`]. The order of the calls does not matter: guards are sorted by phase.
pub struct ParapetBuilder {
    pub(super) guards: Vec<Arc<dyn Guard>>,
    pub(super) observers: Vec<Arc<dyn Observer>>,
    pub(super) routes: RoutesBuilder,
    pub(super) mistakes: Mistakes,
    pub(super) schemes: Vec<Arc<dyn Scheme>>,
    pub(super) cross_origin: Option<Arc<dyn Guard>>,
    pub(super) known_routes: Option<RouteList>,
    pub(super) names_hosts: bool,
    /// Setters whose part did not build are still what the whole is judged by: a mistake in one
    /// place neither hides nor makes up another one.
    broken_by_client: Option<&'static str>,
    broken_scheme: bool,
    slots: Vec<Slot>,
    /// What was given in the place of a default.
    given: Vec<Slot>,
    bare: bool,
    peer: Option<Peer>,
    clock: Arc<dyn Clock>,
    render: Option<Render>,
    body_limit: u64,
    body_deadline: Duration,
    handler_deadline: Duration,
    pub(super) ids: Ids,
    pub(super) idle_deadline: Duration,
    pub(super) resource: Resource,
}

impl ParapetBuilder {
    pub(super) fn new() -> Self {
        Self {
            guards: Vec::new(),
            observers: Vec::new(),
            routes: RoutesBuilder::default(),
            mistakes: Mistakes::default(),
            schemes: Vec::new(),
            cross_origin: None,
            known_routes: None,
            names_hosts: false,
            broken_by_client: None,
            broken_scheme: false,
            slots: defaults().collect(),
            given: Vec::new(),
            bare: false,
            peer: None,
            clock: Arc::new(SystemClock::default()),
            render: None,
            body_limit: BODY_LIMIT,
            body_deadline: BODY_DEADLINE,
            handler_deadline: HANDLER_DEADLINE,
            ids: Ids::default(),
            idle_deadline: streams::IDLE_DEADLINE,
            resource: Resource::default(),
        }
    }

    /// Where the other end of the connection is known from. Required as soon as anything depends on
    /// the client's address, and without a default: a wrong guess would be a shared bucket.
    pub fn peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Opens a route to anyone, for a reason that the manifest shows: `GET /health`, say. It never
    /// covers more than it says.
    pub fn public(mut self, pattern: &str, reason: &str) -> Self {
        self.routes = self.routes.public(pattern, reason);
        self
    }

    /// Opens an exact path to health probes, `/livez` say, by `GET` and `HEAD`. They come from
    /// anywhere, for any host, as often as they like: only sanity, the headers of every response and
    /// the deadline apply, and guards of one's own that say so by
    /// [`Guard::judges_probes`](crate::Guard::judges_probes). Of those that are well, one a minute is
    /// audited; the next record notes how many were left out.
    pub fn probe(mut self, path: &str) -> Self {
        self.routes = self.routes.probe(path);
        self
    }

    /// Judges a route by a policy. `/admin/{*rest}` also covers `/admin` and `/admin/`.
    pub fn route(mut self, pattern: &str, policy: Policy) -> Self {
        self.routes = self.routes.route(pattern, policy);
        self
    }

    /// Adds a guard to whatever rule judges a route, `POST /orders` say. Who may call stays what
    /// the table says; a route it does not name is listed by this, for authenticated callers. Where
    /// the table has rules of narrower patterns, they stay without it.
    pub fn guard_on(mut self, route: &str, guard: impl IntoGuard) -> Self {
        self.routes = self.routes.guard_on(route, guard);
        self
    }

    /// Adds any guard, one's own or a composite.
    pub fn guard(self, guard: impl IntoGuard) -> Self {
        self.part("guard", guard)
    }

    pub(super) fn part(mut self, setter: &str, guard: impl IntoGuard) -> Self {
        self.guards.extend(self.mistakes.absorb(setter, guard.into_guard()));
        self
    }

    /// As [`part`](Self::part), for a guard that is known to need the client's address.
    pub(super) fn part_by_client(mut self, setter: &'static str, guard: impl IntoGuard) -> Self {
        match self.mistakes.absorb(setter, guard.into_guard()) {
            Some(guard) => self.guards.push(guard),
            None => self.broken_by_client = Some(setter),
        }
        self
    }

    pub(super) fn scheme(mut self, setter: &str, scheme: impl IntoScheme) -> Self {
        match self.mistakes.absorb(setter, scheme.into_scheme()) {
            Some(scheme) => self.schemes.push(scheme),
            None => self.broken_scheme = true,
        }
        self
    }

    /// Puts a guard in the place of a default one.
    pub(super) fn replace(mut self, setter: &'static str, guard: impl IntoGuard) -> Self {
        if let Some(guard) = self.mistakes.absorb(setter, guard.into_guard()) {
            self.slots.retain(|(slot, _)| *slot != setter);
            self.given.retain(|(slot, _)| *slot != setter);
            self.given.push((setter, guard));
        }
        self
    }

    /// Adds an observer, which is told about every request that reaches the stack.
    pub fn observe(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// The largest body in bytes. Default 1 MiB; larger by route with
    /// [`Policy::body_limit`].
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long a body that is read before the handler may take to arrive. Default 30 seconds.
    pub fn body_deadline(mut self, deadline: Duration) -> Self {
        self.mistakes.refuse_zero("body_deadline", deadline);
        self.body_deadline = deadline;
        self
    }

    /// How long a handler may take to its first byte, and before it the guards that wait for
    /// something. Default 30 seconds; longer for the handlers of a route with [`Policy::deadline`].
    pub fn handler_deadline(mut self, deadline: Duration) -> Self {
        self.mistakes.refuse_zero("handler_deadline", deadline);
        self.handler_deadline = deadline;
        self
    }

    /// Renders every refusal in one place. The renderer sees the public side only; the headers of
    /// the refusal and of the guards are added to what it returns. The status is the renderer's to
    /// set, [`Reason::status`](crate::Reason::status) as a rule.
    pub fn render(
        mut self,
        render: impl Fn(&Problem<'_>, &request::Parts) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        self.render = Some(Arc::new(render));
        self
    }

    /// Takes time from another clock, in tests for example.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// What weakens the stack; the self-audit reports it.
    pub fn dangerous(self) -> DangerousStack {
        DangerousStack(self)
    }

    /// The stack.
    ///
    /// # Errors
    /// Every mistake of every setter at once, and what only shows in the whole: an address that is
    /// needed and has no source, a caller that is needed and nobody who authenticates, a stack that
    /// nobody could get through.
    pub fn build(mut self) -> Result<Parapet, ConfigError> {
        let resource_metadata = self.insert_resource();
        let last = self.insert_slots();
        let credentials = self.schemes.iter().filter_map(|scheme| scheme.header().cloned());
        let credentials = credentials.collect();
        if !self.schemes.is_empty() {
            self.guards.push(Arc::new(self.schemes.drain(..).collect::<Authenticate>()));
        }
        self.insert_known_routes();
        let routes = std::mem::take(&mut self.routes);
        let is_open = self.bare && routes.is_empty();
        let known: Vec<_> =
            self.guards.iter().chain(&last).cloned().chain(routes.guards()).collect();
        let routes = self.mistakes.absorb_plain(routes.build_for_stack()).filter(|_| !is_open);
        self.refuse_redirects_to_any_host(&known, routes.as_ref());
        let cross_origin = self.sharing(routes.as_ref());
        self.guards.splice(..0, routes.iter().map(Routes::judging).chain(cross_origin));
        self.guards.extend(routes.iter().flat_map(Routes::acting).chain(last));
        in_order(&mut self.guards);
        let of_routes = routes.iter().flat_map(|routes| routes.guards());
        let all: Vec<Arc<dyn Guard>> = self.guards.iter().cloned().chain(of_routes).collect();
        let is_closed = routes.as_ref().is_some_and(Routes::is_closed);
        self.refuse_unmet_needs(&known, is_closed);
        self.mistakes.finish()?;
        let env = Env {
            clock: self.clock,
            observers: self.observers,
            halves: halves(all.iter()),
            render: self.render,
            peer: self.peer,
            credentials,
            resource_metadata,
            body_limit: self.body_limit,
            unnamed_limit: u64::MAX,
            body_deadline: self.body_deadline,
            handler_deadline: Some(self.handler_deadline),
            withdrawn: AtomicBool::new(false),
            ids: self.ids,
            diagnoses: Arc::default(),
            idle_deadline: Some(self.idle_deadline),
        };
        let stack = Arc::new(Stack { env: Arc::new(env), guards: self.guards.into() });
        Ok(Parapet { stack, routes })
    }

    /// Within a phase what is sane comes before the guards that were added and that rely on it, and
    /// preflights are answered in between, so that none of these can keep a front end out,
    /// except that the headers these and the routes want come before those that are sent by
    /// default: the guards that are returned.
    fn insert_slots(&mut self) -> Vec<Arc<dyn Guard>> {
        let slots = self.slots.drain(..).filter(|_| !self.bare).chain(self.given.drain(..));
        let mut slots: Vec<_> = slots.collect();
        // One that takes the place of a default runs where the default would.
        slots.sort_by_key(|(slot, _)| defaults().position(|(default, _)| default == *slot));
        let (last, first): (Vec<_>, Vec<_>) = slots
            .into_iter()
            .map(|(_, guard)| guard)
            .partition(|guard| guard.phase() == Phase::Reply);
        let preflights = self.preflights();
        self.guards.splice(..0, first.into_iter().chain(preflights));
        last
    }

    fn refuse_unmet_needs(&mut self, guards: &[Arc<dyn Guard>], is_closed: bool) {
        let is_early = |guard: &&Arc<dyn Guard>| {
            guard.needs().contains(Needs::PRINCIPAL) && guard.phase() < Phase::Authenticate
        };
        for early in guards.iter().filter(is_early) {
            let phase = early.phase();
            self.mistakes.push(
                "guard",
                early.name(),
                format!("needs to know who is calling, and runs in phase {phase:?}, before that"),
                "leave its members apart, so that each runs in its own phase",
            );
        }
        let by_client = needing(guards, Needs::CLIENT.and(Needs::PEER), self.broken_by_client);
        if let Some(guards) = by_client.filter(|_| self.peer.is_none()) {
            self.mistakes.push(
                "peer",
                "",
                format!("{guards} the client's address, and it has no source"),
                "add `.peer(Peer::ConnectInfo)` with axum, or `.peer(Peer::Extension)`",
            );
        }
        if self.broken_scheme || guards.iter().any(|guard| guard.phase() == Phase::Authenticate) {
            return;
        }
        if let Some(guards) = needing(guards, Needs::PRINCIPAL, None) {
            self.mistakes.push(
                "authenticate",
                "",
                format!("{guards} to know who is calling, and nothing authenticates"),
                "add `.authenticate(…)`",
            );
        } else if is_closed {
            self.mistakes.push(
                "authenticate",
                "",
                "nothing authenticates and no route is public, so nobody gets through",
                "add `.authenticate(…)`, or open a route with `.public(pattern, reason)`",
            );
        }
    }
}

/// Who needs something, each name once: "`throttle` needs", "`authorize` and `throttle` need".
fn needing(
    guards: &[Arc<dyn Guard>],
    needs: Needs,
    broken: Option<&'static str>,
) -> Option<String> {
    let needing = guards.iter().filter(|guard| guard.needs().intersects(needs));
    let names = needing.map(|guard| guard.name()).chain(broken);
    let names: BTreeSet<_> = names.map(|name| format!("`{name}`")).collect();
    let verb = if names.len() == 1 { "needs" } else { "need" };
    let names = names.into_iter().reduce(|list, name| format!("{list} and {name}"))?;
    Some(format!("{names} {verb}"))
}

/// What weakens a stack; see [`ParapetBuilder::dangerous`].
pub struct DangerousStack(ParapetBuilder);

impl DangerousStack {
    /// Leaves out the defaults, request sanity and security headers among them: only the guards that
    /// were added run. Where no route is named there is no route table either, and every route is
    /// open to whom they let through.
    pub fn bare(self) -> ParapetBuilder {
        ParapetBuilder { bare: true, ..self.0 }
    }
}

impl fmt::Debug for DangerousStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DangerousStack").field(&self.0).finish()
    }
}

impl fmt::Debug for ParapetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("ParapetBuilder")
            .field("guards", &names)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
