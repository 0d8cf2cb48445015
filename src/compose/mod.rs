//! Guards made of guards: the composition of guards is a guard.

mod all;
#[cfg(feature = "throttle")]
mod patterns;
mod policy;
mod reload;
pub(crate) mod routes;
mod shadow;
mod streams;
mod when;

#[cfg(feature = "throttle")]
pub(crate) use patterns::Patterns;

pub use all::All;
pub use policy::Policy;
pub use reload::Reloadable;
pub use routes::{Routes, RoutesBuilder};
pub use shadow::Shadow;
pub use when::When;
