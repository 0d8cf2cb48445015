use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum_core::extract::FromRequestParts;
use http::request;

/// No figure so far: more than any.
const UNSET: u64 = u64::MAX;

/// Where a handler says what its request has cost; see
/// [`settle_by_handler`](super::super::ThrottleBuilder::settle_by_handler).
///
/// An extractor, and an extension of the request. The last figure set before the handler answers
/// counts, for every throttle that settles by it; later ones do not. Where no throttle does, nobody
/// listens.
///
/// # Example
/// ```
/// use tower_parapet::throttle::Cost;
///
/// async fn search(cost: Cost) -> String {
///     let (rows, scanned) = ("[]", 17);
///     cost.set(scanned);
///     rows.to_owned()
/// }
/// # let _ = search;
/// ```
#[derive(Clone, Debug)]
pub struct Cost(Arc<AtomicU64>);

impl Default for Cost {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(UNSET)))
    }
}

impl Cost {
    /// The request has cost so much, in all; 0 gives back what it was charged.
    pub fn set(&self, cost: u32) {
        self.0.store(cost.into(), Ordering::Relaxed);
    }

    /// Adds to what was set, up to the most that can be: for work that is counted as it is done.
    pub fn add(&self, cost: u32) {
        let more = |so_far: u64| {
            let so_far = if so_far == UNSET { 0 } else { so_far };
            Some((so_far + u64::from(cost)).min(u32::MAX.into()))
        };
        // It never declines.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// What was set, if anything was.
    pub fn told(&self) -> Option<u32> {
        u32::try_from(self.0.load(Ordering::Relaxed)).ok()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Cost {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
