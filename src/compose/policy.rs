use std::{fmt, sync::Arc, time::Duration};

use crate::{
    context::Access,
    error::Mistakes,
    guard::{Guard, IntoGuard},
};

/// What a route asks of a request: who may call, under which guards and limits of its own.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_parapet::compose::Policy;
///
/// let uploads = Policy::authenticated()
///     .body_limit(64 << 20)
///     .deadline(Duration::from_secs(300));
/// ```
#[derive(Clone)]
pub struct Policy {
    pub(crate) access: Access,
    pub(crate) guards: Vec<Arc<dyn Guard>>,
    pub(crate) body_limit: Option<u64>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) mistakes: Mistakes,
}

impl Policy {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            guards: Vec::new(),
            body_limit: None,
            deadline: None,
            mistakes: Mistakes::default(),
        }
    }

    /// For any authenticated caller.
    pub fn authenticated() -> Self {
        Self::new(Access::Authenticated)
    }

    /// For anyone; credentials that are sent must be good, and are then known to the handler.
    pub fn optional() -> Self {
        Self::new(Access::Optional)
    }

    /// Adds a guard that runs on this route only, in its own phase.
    ///
    /// The route is judged in [`Phase::Transport`](crate::Phase::Transport), so a guard of an
    /// earlier phase is refused when the table is built.
    pub fn guard(mut self, guard: impl IntoGuard) -> Self {
        self.guards.extend(self.mistakes.absorb("guard", guard.into_guard()));
        self
    }

    /// The largest body in bytes, in place of the stack's 1 MiB.
    pub fn body_limit(mut self, bytes: u64) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// How long the handler may take to its first byte, in place of the stack's 30 seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.mistakes.refuse_zero("deadline", deadline);
        self.deadline = Some(deadline);
        self
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.guards.iter().map(|guard| guard.name()).collect();
        f.debug_struct("Policy")
            .field("access", &self.access)
            .field("guards", &names)
            .field("body_limit", &self.body_limit)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
