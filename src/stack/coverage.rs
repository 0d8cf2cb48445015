//! The policy beside the routes that a service has.

use std::sync::Arc;

use crate::coverage::{KnownRoutes, RouteList, Uncovered, compare};

use super::{Parapet, ParapetBuilder};

impl ParapetBuilder {
    /// The routes that the service has. One that a handler answers by anything but 404 and 405, and
    /// that is not among them, is logged once and becomes a [finding](Parapet::findings),
    /// `unknown-route`. No request is refused for it. Several calls add up.
    ///
    /// Of the address its path is told without the query, by the pattern it was judged by, and
    /// without what seems to be a value: `GET /debug/{…}`. The first 100 are kept, requests to further
    /// ones counted.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Parapet, RouteList};
    ///
    /// let parapet = Parapet::builder()
    ///     .public("GET /catalogue/{*rest}", "shop window")
    ///     .known_routes(["GET /catalogue/{item}", "GET /catalogue/{item}/reviews"])
    ///     .build()?;
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn known_routes(mut self, routes: impl Into<RouteList>) -> Self {
        let known = std::mem::take(&mut self.known_routes).unwrap_or_default();
        self.known_routes = Some(known.and(routes));
        self
    }

    pub(super) fn insert_known_routes(&mut self) {
        if let Some(known) = self.known_routes.take() {
            self.mistakes.absorb("known_routes", known.checked());
            self.guards.push(Arc::new(KnownRoutes::new(known)));
        }
    }
}

impl Parapet {
    /// Compares the policy with the routes that the service has.
    ///
    /// The [module](crate::coverage) says what is covered. For a check at start-up; in a test
    /// [`assert_covers`](Self::assert_covers) reads better.
    ///
    /// # Errors
    /// Every difference at once: routes that no rule names, rules that nothing serves, and what
    /// cannot be read of the list.
    pub fn covers(&self, routes: impl Into<RouteList>) -> Result<(), Uncovered> {
        compare(self.routes.as_ref(), &routes.into())
    }

    /// Fails a test where the policy and the routes of the service differ.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::Parapet;
    ///
    /// let parapet = Parapet::builder().public("GET /health", "load balancer").build()?;
    /// parapet.assert_covers(["GET /health"]);
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    ///
    /// # Panics
    /// On every difference that [`covers`](Self::covers) tells, with all of them.
    #[track_caller]
    #[allow(clippy::panic, reason = "it is an assertion, and no request comes near it")]
    pub fn assert_covers(&self, routes: impl Into<RouteList>) {
        if let Err(uncovered) = self.covers(routes) {
            panic!("{uncovered}");
        }
    }
}
