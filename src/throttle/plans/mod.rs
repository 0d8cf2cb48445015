//! Named sets of limits, and which of them a caller has.

mod build;
mod look_up;
mod selectors;
mod source;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::limit::Limit;

pub use source::PlanSource;

/// Named sets of limits, `free` and `pro` say, and how the plan of a caller is known; for
/// [`ThrottleBuilder::plans`](super::ThrottleBuilder::plans).
///
/// A caller whose plan is absent, or of a name that is none of these, has the one named by
/// [`otherwise`](Self::otherwise), without which nothing is built. Requests without a caller have the
/// limits that the throttle began with. Each plan has buckets of its own: whoever changes plans
/// begins anew.
///
/// # Example
/// ```
/// use tower_parapet::throttle::{Key, Limit, Plans, Throttle};
///
/// let plans = Plans::by_claim("plan")
///     .plan("free", [Limit::per_minute(60), Limit::per_day(1_000)])
///     .plan("pro", [Limit::per_minute(6_000)])
///     .otherwise("free");
/// Throttle::per_minute(30).by(Key::Principal).plans(plans).build()?;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
///
/// # Defaults
/// Of a look-up ([`by_source`](Self::by_source)) alone:
///
/// | setting | default |
/// |---|---|
/// | [`ttl`](Self::ttl) | one minute |
/// | [`timeout`](Self::timeout) | five seconds |
/// | [`capacity`](Self::capacity) | 10 000 callers, about 100 bytes each |
/// | [`parallel`](Self::parallel) | 64 look-ups |
/// | [`fallback`](Self::fallback) | none: where the plan cannot be told, the request is refused with 503 |
#[derive(Clone)]
#[must_use = "plans do nothing until a throttle has them"]
pub struct Plans {
    by: By,
    plans: Vec<(String, Vec<Limit>)>,
    otherwise: Option<String>,
    fallback: Option<String>,
    ttl: Duration,
    timeout: Duration,
    capacity: usize,
    parallel: usize,
}

/// How the plan of a caller is known.
#[derive(Clone)]
enum By {
    Claim(String),
    Owner { issuer: String, owners: Vec<(String, String)> },
    Stored,
    Source(Arc<dyn PlanSource>),
}

impl Plans {
    /// By a claim of the verified token, a text: its name, or a JSON pointer (RFC 6901) where it
    /// begins with `/`.
    pub fn by_claim(claim: impl Into<String>) -> Self {
        Self::new(By::Claim(claim.into()))
    }

    /// By a table of owners of API keys and their plans. The owners are those of the issuer
    /// `api-key`, as they are unless a key says otherwise; [`issuer`](Self::issuer) names another one.
    pub fn by_owner<O: Into<String>, P: Into<String>>(
        owners: impl IntoIterator<Item = (O, P)>,
    ) -> Self {
        let owners = owners.into_iter().map(|(owner, plan)| (owner.into(), plan.into())).collect();
        Self::new(By::Owner { issuer: "api-key".to_owned(), owners })
    }

    /// By what the store of API keys or users keeps with them:
    /// [`Principal::plan`](crate::Principal::plan).
    pub fn by_store() -> Self {
        Self::new(By::Stored)
    }

    /// By a look-up: a database, another service. What it finds is remembered for a while, and there
    /// is one look-up at a time for each caller, however many ask.
    pub fn by_source(source: impl PlanSource) -> Self {
        Self::new(By::Source(Arc::new(source)))
    }

    fn new(by: By) -> Self {
        Self {
            by,
            plans: Vec::new(),
            otherwise: None,
            fallback: None,
            ttl: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            capacity: 10_000,
            parallel: 64,
        }
    }

    /// Adds a plan, and its limits, up to four.
    pub fn plan(
        mut self,
        name: impl Into<String>,
        limits: impl IntoIterator<Item = Limit>,
    ) -> Self {
        self.plans.push((name.into(), limits.into_iter().collect()));
        self
    }

    /// The plan of callers whose own is absent or unknown. Required.
    pub fn otherwise(mut self, name: impl Into<String>) -> Self {
        self.otherwise = Some(name.into());
        self
    }

    /// Who vouches for the owners of the table. Default `api-key`.
    pub fn issuer(mut self, name: impl Into<String>) -> Self {
        if let By::Owner { issuer, .. } = &mut self.by {
            *issuer = name.into();
        }
        self
    }

    /// The plan of callers whose own cannot be looked up, since the source fails, takes too long or
    /// is asked too much. Default none: they are refused with 503 and `Retry-After`.
    pub fn fallback(mut self, name: impl Into<String>) -> Self {
        self.fallback = Some(name.into());
        self
    }

    /// How long a plan is remembered that was looked up, and so how long a change of it takes to be
    /// noticed. Default one minute.
    pub fn ttl(mut self, time: Duration) -> Self {
        self.ttl = time;
        self
    }

    /// How long a look-up may take. Default five seconds.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Of how many callers the plan is remembered. Default 10 000.
    pub fn capacity(mut self, callers: usize) -> Self {
        self.capacity = callers;
        self
    }

    /// How many look-ups may be under way; beyond them they fail. Default 64.
    pub fn parallel(mut self, look_ups: usize) -> Self {
        self.parallel = look_ups;
        self
    }
}

impl fmt::Debug for Plans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.plans.iter().map(|(name, _)| name).collect();
        f.debug_struct("Plans").field("plans", &names).finish_non_exhaustive()
    }
}
