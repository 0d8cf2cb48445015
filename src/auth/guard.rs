//! The guard that settles who is calling.

use std::{borrow::Cow, fmt, sync::Arc};

use super::Scheme;
use super::refusal::missing;
use super::settle::Lineup;
#[cfg(any(feature = "jwt", feature = "api-key"))]
use super::settle::settle;
use crate::{
    guard::{Exchange, Flow, Guard, Needs, Phase},
    inspect::{Findings, Readiness, rule},
    rejection::Rejection,
    service::guard_layer,
};

/// Settles who is calling, by one of several schemes side by side.
///
/// The [route](crate::Route) says who may call at all. Without a route table in the same stack
/// credentials are required, unless [`optional`](Self::optional) was asked for: an inner layer
/// tightens what an outer stack left open.
///
/// The credentials stay in the request for the handler, marked
/// [sensitive](http::HeaderValue::is_sensitive), so that printing the headers does not show them.
///
/// # Example
/// ```
/// # #[cfg(feature = "api-key")] {
/// use tower_parapet::auth::{Authenticate, api_key::{ApiKeys, MemoryKeys}};
///
/// let people = ApiKeys::builder(MemoryKeys::new()).build()?;
/// let robots = ApiKeys::builder(MemoryKeys::new()).header("X-Robot-Key").build()?;
/// let guard = Authenticate::with(people).or(robots);
/// # let _ = guard; }
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Authenticate {
    lineup: Lineup,
}

impl Authenticate {
    /// A guard with one scheme.
    pub fn with(scheme: impl Scheme) -> Self {
        Self::from_iter([Arc::new(scheme) as Arc<dyn Scheme>])
    }

    /// Adds another scheme. A request may use either, never both at once; two that read one header
    /// are asked in turn.
    pub fn or(self, scheme: impl Scheme) -> Self {
        let schemes = self.lineup.schemes.iter().cloned();
        let mut more = Self::from_iter(schemes.chain([Arc::new(scheme) as Arc<dyn Scheme>]));
        more.lineup.optional = self.lineup.optional;
        more
    }

    /// Lets requests without any credentials through, where no route table says otherwise. Bad
    /// credentials are refused as ever. Default: required.
    pub fn optional(mut self) -> Self {
        self.lineup.optional = true;
        self
    }

    /// The names of the schemes, in order.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.lineup.iter().map(Scheme::name)
    }
}

/// Of no schemes at all, it refuses every request that needs credentials.
impl FromIterator<Arc<dyn Scheme>> for Authenticate {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Scheme>>>(schemes: I) -> Self {
        let schemes: Arc<[Arc<dyn Scheme>]> = Arc::from_iter(schemes);
        let missing = missing(schemes.iter().map(AsRef::as_ref));
        Self { lineup: Lineup { schemes, missing, optional: false } }
    }
}

impl Guard for Authenticate {
    fn name(&self) -> &'static str {
        "authenticate"
    }

    fn phase(&self) -> Phase {
        Phase::Authenticate
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        self.lineup.admit(exchange)
    }

    fn needs(&self) -> Needs {
        self.lineup.iter().map(Scheme::needs).fold(Needs::NONE, Needs::and)
    }

    fn summary(&self) -> Cow<'static, str> {
        let schemes = self.lineup.iter().map(|scheme| match scheme.summary() {
            told if told.is_empty() => Cow::Borrowed(scheme.name()),
            told => Cow::Owned(format!("{} ({told})", scheme.name())),
        });
        let mut text = schemes.collect::<Vec<_>>().join(" or ");
        if self.lineup.optional {
            text.push_str(", optional where no route says otherwise");
        }
        Cow::Owned(text)
    }

    fn findings(&self, report: &mut Findings) {
        if self.lineup.schemes.is_empty() {
            report.add(
                &rule::NO_SCHEME,
                self.name(),
                "there is no scheme, so nobody can authenticate",
            );
        }
        self.lineup.iter().for_each(|scheme| scheme.findings(report));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.lineup.iter().for_each(|scheme| scheme.ready(readiness));
    }
}

guard_layer!(Authenticate);

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("schemes", &self.schemes().collect::<Vec<_>>())
            .field("optional", &self.lineup.optional)
            .finish_non_exhaustive()
    }
}

/// Makes a scheme a guard by itself, as if it stood alone in an [`Authenticate`].
#[cfg(any(feature = "jwt", feature = "api-key"))]
macro_rules! scheme_guard {
    ($scheme:ty) => {
        impl $crate::guard::Guard for $scheme {
            fn name(&self) -> &'static str {
                $crate::auth::Scheme::name(self)
            }

            fn phase(&self) -> $crate::guard::Phase {
                $crate::guard::Phase::Authenticate
            }

            fn check(
                &self,
                exchange: &mut $crate::guard::Exchange,
            ) -> Result<$crate::guard::Flow, $crate::rejection::Rejection> {
                $crate::auth::admit_alone(self, exchange)
            }

            fn needs(&self) -> $crate::guard::Needs {
                $crate::auth::Scheme::needs(self)
            }

            fn summary(&self) -> std::borrow::Cow<'static, str> {
                $crate::auth::Scheme::summary(self)
            }

            fn findings(&self, report: &mut $crate::inspect::Findings) {
                $crate::auth::Scheme::findings(self, report);
            }

            fn ready(&self, readiness: &mut $crate::inspect::Readiness) {
                $crate::auth::Scheme::ready(self, readiness);
            }
        }
    };
}
#[cfg(any(feature = "jwt", feature = "api-key"))]
pub(crate) use scheme_guard;

/// Lets the builder of such a scheme stand where the scheme does, and builds it there.
#[cfg(any(feature = "jwt", feature = "api-key"))]
macro_rules! scheme_builder {
    ($builder:ty) => {
        impl $crate::auth::IntoScheme for $builder {
            fn into_scheme(
                self,
            ) -> Result<std::sync::Arc<dyn $crate::auth::Scheme>, $crate::error::ConfigError> {
                Ok(std::sync::Arc::new(self.build()?))
            }
        }

        impl $crate::guard::IntoGuard for $builder {
            fn into_guard(
                self,
            ) -> Result<std::sync::Arc<dyn $crate::guard::Guard>, $crate::error::ConfigError> {
                Ok(std::sync::Arc::new(self.build()?))
            }
        }
    };
}
#[cfg(any(feature = "jwt", feature = "api-key"))]
pub(crate) use scheme_builder;

/// What a scheme does that stands alone.
#[cfg(any(feature = "jwt", feature = "api-key"))]
pub(crate) fn admit_alone<S: Scheme + Clone>(
    scheme: &S,
    exchange: &mut Exchange,
) -> Result<Flow, Rejection> {
    let alone = std::iter::once(scheme as &dyn Scheme);
    match settle(alone.clone(), exchange, false, || missing(alone.clone()))? {
        None => Ok(Flow::Continue),
        Some(waiting) => {
            let lineup = Authenticate::with(scheme.clone()).lineup;
            Ok(lineup.later(waiting))
        }
    }
}
