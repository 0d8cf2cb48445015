use crate::compose::Policy;

use super::{Authorize, Requirement};

impl Policy {
    /// For authenticated callers who meet a requirement.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Policy, authorize::{role, scope}};
    ///
    /// let admins = Policy::require(scope("admin").or(role("operator")));
    /// ```
    pub fn require(requirement: Requirement) -> Self {
        let mut policy = Policy::authenticated();
        requirement.mistakes("require", &mut policy.mistakes);
        policy.guard(Authorize::require(requirement))
    }
}
