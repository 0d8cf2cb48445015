//! Setters of what looks at several requests of a caller together.

use crate::guard::IntoGuard;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// Finds callers who walk from object to object, and refuses them where it is made to; several
    /// stand side by side. See [`Enumeration`](crate::throttle::Enumeration).
    pub fn enumeration(self, detector: impl IntoGuard) -> Self {
        self.part_by_client("enumeration", detector)
    }

    /// A cap on several routes together; several add up. See
    /// [`BusinessFlow`](crate::throttle::BusinessFlow).
    pub fn business_flow(self, flow: impl IntoGuard) -> Self {
        self.part("business_flow", flow)
    }

    /// Runs a request once that is sent several times under one `Idempotency-Key`. See
    /// [`Idempotency`](crate::idempotency::Idempotency).
    pub fn idempotency(self, guard: impl IntoGuard) -> Self {
        self.part("idempotency", guard)
    }
}
