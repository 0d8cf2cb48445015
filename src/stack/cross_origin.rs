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
        self.cross_origin = self.mistakes.absorb("cors", cors.into_guard());
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
        let by_route = routes.is_some_and(Routes::has_cross_origin);
        if default.is_none() && !by_route {
            return [None, None];
        }
        let of_target = OfTarget { default, routes: routes.cloned() };
        [Some(Arc::new(of_target)), Some(Arc::new(Preflights))]
    }
}

/// Applies the policy of the route that is asked for: for a preflight, that of the method which the
/// browser is about to use.
struct OfTarget {
    default: Option<Arc<dyn Guard>>,
    routes: Option<Routes>,
}

impl Guard for OfTarget {
    fn name(&self) -> &'static str {
        "cors"
    }

    fn phase(&self) -> Phase {
        Phase::Reply
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let asked = asked_method(exchange).map(Method::from_bytes);
        let of_route = match (asked, &self.routes) {
            (Some(Ok(method)), Some(routes)) => {
                let route = routes.judge_as(&method, exchange).ok();
                route.and_then(|route| route.cross_origin.clone())
            }
            (None, _) => exchange.route().and_then(|route| route.cross_origin.clone()),
            _ => None,
        };
        match of_route.or_else(|| self.default.clone()) {
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
        self.default.iter().for_each(|cors| cors.findings(report));
    }
}
