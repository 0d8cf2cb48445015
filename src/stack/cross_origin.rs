//! Setters for what browsers do on behalf of other origins.

use std::{borrow::Cow, sync::Arc};

use http::Method;

use crate::{
    compose::Routes,
    guard::{Exchange, Flow, Guard, IntoGuard, Phase},
    inspect::Findings,
    rejection::Rejection,
    transport::{CorsBuilder, Preflights, asked_method},
};

use super::ParapetBuilder;

impl ParapetBuilder {
    /// Which other origins may read what the service answers. Preflights are answered before
    /// anything counts them or asks for credentials; refusals carry the headers too. By route with
    /// [`Policy::cors`](crate::Policy::cors).
    pub fn cors(mut self, cors: CorsBuilder) -> Self {
        self.cross_origin = self.mistakes.absorb("cors", cors.sharing());
        self
    }

    /// Refuses what a browser sends with cookies on behalf of another site: see
    /// [`Csrf`](crate::transport::Csrf).
    pub fn csrf(self, csrf: impl IntoGuard) -> Self {
        self.part("csrf", csrf)
    }

    /// The guards for a policy of the stack or of any route; none where there is neither.
    pub(super) fn cross_origin_guards(
        &mut self,
        routes: Option<&Routes>,
    ) -> [Option<Arc<dyn Guard>>; 2] {
        let default = self.cross_origin.take();
        let routes = routes.filter(|routes| !routes.cross_origin().is_empty()).cloned();
        if default.is_none() && routes.is_none() {
            return [None, None];
        }
        [Some(Arc::new(OfTarget { default, routes })), Some(Arc::new(Preflights))]
    }
}

/// Applies the policy of the route that is asked for: for a preflight, that of the method which the
/// browser is about to use. Right after the route is judged, so that no refusal comes before.
struct OfTarget {
    default: Option<Arc<dyn Guard>>,
    /// The table, where any of its rules has a policy of its own.
    routes: Option<Routes>,
}

impl OfTarget {
    fn of_route(&self, exchange: &Exchange) -> Option<Arc<dyn Guard>> {
        let routes = self.routes.as_ref()?;
        let Some(asked) = asked_method(exchange) else {
            return exchange.own_route()?.cross_origin.clone();
        };
        let method = Method::from_bytes(asked).ok()?;
        routes.judge_as(&method, exchange).ok()?.cross_origin.clone()
    }
}

impl Guard for OfTarget {
    fn name(&self) -> &'static str {
        "cors"
    }

    fn phase(&self) -> Phase {
        Phase::Record
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let of_route = self.of_route(exchange);
        match of_route.as_ref().or(self.default.as_ref()) {
            Some(cors) => cors.check(exchange),
            None => Ok(Flow::Continue),
        }
    }

    fn summary(&self) -> Cow<'static, str> {
        match &self.default {
            Some(cors) => cors.summary(),
            None => Cow::Borrowed("by route"),
        }
    }

    fn findings(&self, report: &mut Findings) {
        let of_routes = self.routes.iter().flat_map(Routes::cross_origin);
        self.default.iter().cloned().chain(of_routes).for_each(|cors| cors.findings(report));
    }
}
