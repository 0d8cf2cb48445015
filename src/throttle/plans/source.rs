use crate::answer::{Answer, StoreError};
use crate::context::Principal;

/// Looks up the plan of a caller: what [`Plans::by_source`](super::Plans::by_source) asks.
///
/// A closure from a [`Principal`] to a future is one. What comes after I/O is remembered; what is at
/// hand at once is asked for with every request.
///
/// # Example
/// ```
/// use tower_parapet::{Principal, StoreError, throttle::{Limit, Plans}};
///
/// # #[derive(Clone)] struct Billing;
/// # impl Billing {
/// #     async fn plan(&self, _: &str) -> Result<Option<String>, std::io::Error> { Ok(None) }
/// # }
/// # let billing = Billing;
/// let plans = Plans::by_source(move |caller: Principal| {
///     let billing = billing.clone();
///     async move { billing.plan(caller.subject()).await.map_err(StoreError::new) }
/// })
/// .plan("free", [Limit::per_hour(100)])
/// .plan("pro", [Limit::per_hour(10_000)])
/// .otherwise("free")
/// .fallback("pro");
/// # let _ = plans;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot look up plans",
    note = "write a closure `|caller: Principal| async move {{ … }}` that gives `Result<Option<String>, StoreError>`, or implement `PlanSource`"
)]
pub trait PlanSource: Send + Sync + 'static {
    /// The name of a caller's plan, or `None` where it has none. A future that it gives does nothing
    /// until it is waited for, since it may be dropped in favour of one that is under way.
    ///
    /// # Errors
    /// When that cannot be told now.
    fn plan_of(&self, caller: &Principal) -> Answer<Result<Option<String>, StoreError>>;
}

impl<F, T> PlanSource for F
where
    F: Fn(Principal) -> T + Send + Sync + 'static,
    T: Future<Output = Result<Option<String>, StoreError>> + Send + 'static,
{
    fn plan_of(&self, caller: &Principal) -> Answer<Result<Option<String>, StoreError>> {
        Answer::later(self(caller.clone()))
    }
}
