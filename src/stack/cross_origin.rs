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

    /// What answers preflights, where the stack or any route has a policy.
    pub(super) fn preflights(&self) -> Option<Arc<dyn Guard>> {
        let is_wanted = self.cross_origin.is_some() || self.routes.has_cross_origin();
        is_wanted.then(|| Arc::new(Preflights) as _)
    }

    /// What applies the policy of the stack or of the route, where there is any.
    pub(super) fn sharing(&mut self, routes: Option<&Routes>) -> Option<Arc<dyn Guard>> {
        let default = self.cross_origin.take();
        let routes = routes.filter(|routes| !routes.cross_origin().is_empty()).cloned();
        let is_any = default.is_some() || routes.is_some();
        is_any.then(|| Arc::new(OfTarget { default, routes }) as _)
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
