//! The stack: guards in the library's order, behind one builder.

mod address;
#[cfg(feature = "audit")]
mod audit;
mod auth;
#[cfg(feature = "throttle")]
mod bans;
#[cfg_attr(all(feature = "testing", not(debug_assertions)), path = "build/testing.rs")]
mod build;
mod builder;
#[cfg(feature = "throttle")]
mod concurrency;
mod coverage;
mod cross_origin;
mod explain;
mod findings;
#[cfg(feature = "throttle")]
mod flows;
mod life;
#[cfg(feature = "mtls")]
mod mtls;
mod request_id;
mod resource;
mod streams;
#[cfg(feature = "throttle")]
mod throttle;
mod transport;
#[cfg_attr(not(feature = "validate"), path = "unvalidated.rs")]
mod validate;
mod version;

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use crate::{
    compose::Routes,
    manifest::Manifest,
    service::{Guarded, Stack},
};

pub use builder::{DangerousStack, ParapetBuilder};
pub use explain::Explain;
pub use life::Shutdown;

/// All protections of a service as one layer. Cheap to clone; clones share everything.
///
/// # Example
/// ```
/// use tower_parapet::Parapet;
///
/// let parapet = Parapet::builder().public("/health", "load balancer").build()?;
/// println!("{}", parapet.manifest());
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Parapet {
    stack: Arc<Stack>,
    routes: Option<Routes>,
}

impl Parapet {
    /// Starts with the defaults: everything closed, sane requests only, security headers.
    pub fn builder() -> ParapetBuilder {
        ParapetBuilder::new()
    }

    /// What the stack does: the order of its guards and, route by route, who may call.
    ///
    /// Its text is stable, made to be kept as a snapshot in a test.
    pub fn manifest(&self) -> Manifest {
        Manifest::of(&self.stack, self.routes.as_ref())
    }
}

impl<S> Layer<S> for Parapet {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded::new(self.stack.clone(), inner)
    }
}

impl fmt::Debug for Parapet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.stack.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("Parapet").field("guards", &names).finish_non_exhaustive()
    }
}
