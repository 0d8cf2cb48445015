//! The guard that settles what the caller may do.

use std::borrow::Cow;

use super::Requirement;
use crate::{
    error::Mistakes,
    guard::{Exchange, Flow, Guard, Needs, Phase},
    inspect::{Findings, rule},
    rejection::Rejection,
    service::guard_layer,
};

/// Lets only callers through that hold what is required.
///
/// It never loosens: where nobody was authenticated it refuses, on a public route too.
///
/// # Example
/// ```
/// use tower_parapet::authorize::{Authorize, role, scope};
///
/// let guard = Authorize::require(scope("orders:write").or(role("admin")));
/// assert_eq!(guard.requirement().to_string(), "scope orders:write or role admin");
/// ```
#[derive(Debug, Clone)]
pub struct Authorize {
    requirement: Requirement,
    /// Whether it asks for the time of day, which costs a look at the clock.
    is_timed: bool,
}

impl Authorize {
    /// Requires this of every caller.
    pub fn require(requirement: Requirement) -> Self {
        let is_timed = requirement.is_timed();
        Self { requirement, is_timed }
    }

    /// What is required.
    pub fn requirement(&self) -> &Requirement {
        &self.requirement
    }
}

impl Guard for Authorize {
    fn name(&self) -> &'static str {
        "authorize"
    }

    fn phase(&self) -> Phase {
        Phase::Authorize
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let now = self.is_timed.then(|| exchange.unix());
        let principal = exchange.principal().ok_or_else(|| exchange.context.unauthenticated())?;
        self.requirement.check_by(principal, now)?;
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(self.requirement.to_string())
    }

    fn needs(&self) -> Needs {
        Needs::PRINCIPAL
    }

    fn findings(&self, report: &mut Findings) {
        let mut mistakes = Mistakes::default();
        self.requirement.mistakes("require", &mut mistakes);
        if let Err(error) = mistakes.finish() {
            for mistake in error.mistakes() {
                report.add_with(
                    &rule::UNMET_REQUIREMENT,
                    "authorize",
                    format!("`{}` {}", mistake.value(), mistake.problem()),
                    mistake.remedy().to_owned(),
                );
            }
        }
    }
}

guard_layer!(Authorize);
