//! What an object says of itself: how it is loaded, and whose it is.

use std::{error::Error, fmt, future::Future};

use serde::de::DeserializeOwned;

use crate::context::Principal;

/// An object that belongs to a caller, and that [`Owned`](super::Owned) hands over to nobody else.
///
/// `S` is the state of the router.
///
/// # Example
/// ```
/// use std::{collections::HashMap, sync::Arc};
/// use axum::{Router, routing::get};
/// use tower_parapet::{Principal, extract::{LoadError, Ownable, Owned, Owner}};
///
/// #[derive(Clone)]
/// struct Order {
///     customer: String,
///     text: String,
/// }
///
/// type Orders = Arc<HashMap<u64, Order>>;
///
/// impl Ownable<Orders> for Order {
///     type Key = u64;
///
///     async fn load(orders: &Orders, id: u64) -> Result<Option<Self>, LoadError> {
///         Ok(orders.get(&id).cloned())
///     }
///
///     fn owner(&self) -> Owner<'_> {
///         Owner::new("https://id.example", &self.customer)
///     }
///
///     fn may_access(&self, caller: &Principal) -> bool {
///         self.owner().is(caller) || caller.has_role("support")
///     }
/// }
///
/// async fn show(order: Owned<Order>) -> String {
///     order.text.clone()
/// }
///
/// let router: Router =
///     Router::new().route("/orders/{id}", get(show)).with_state(Orders::default());
/// # let _ = router;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whose it is with the state `{S}`",
    label = "`Owned` hands over objects that implement `Ownable`",
    note = "implement `Ownable<{S}>` for `{Self}`: how it is loaded, and who owns it"
)]
pub trait Ownable<S>: Sized {
    /// What names the object in the path: the parameters of the route, as
    /// [`Path`](axum::extract::Path) reads them. One value, a tuple in order, or a struct by name.
    type Key: DeserializeOwned + Send;

    /// Loads the object, whoever owns it; `None` when there is none of that name.
    ///
    /// # Errors
    /// When it cannot be told whether there is one. The caller gets 503, observers get the error.
    fn load(
        state: &S,
        key: Self::Key,
    ) -> impl Future<Output = Result<Option<Self>, LoadError>> + Send;

    /// Whose it is.
    fn owner(&self) -> Owner<'_>;

    /// Whether `caller` may have it. Default: the owner alone. Widen it for the roles or scopes
    /// that serve everybody.
    fn may_access(&self, caller: &Principal) -> bool {
        self.owner().is(caller)
    }
}

/// Whose an object is: an issuer and a subject, which only together are an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner<'a> {
    issuer: &'a str,
    subject: &'a str,
}

impl<'a> Owner<'a> {
    /// The caller that `issuer` knows as `subject`; for one identity provider the issuer is a
    /// constant.
    pub fn new(issuer: &'a str, subject: &'a str) -> Self {
        Self { issuer, subject }
    }

    /// Whether the owner is this caller. An empty subject is nobody.
    pub fn is(&self, caller: &Principal) -> bool {
        !self.subject.is_empty()
            && self.issuer == caller.issuer()
            && self.subject == caller.subject()
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.subject, self.issuer)
    }
}

/// Why an object could not be loaded; seen by observers only. `?` makes it of any error.
#[derive(Debug)]
pub struct LoadError(Box<dyn Error + Send + Sync>);

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for LoadError {
    fn from(cause: E) -> Self {
        Self(cause.into())
    }
}

impl LoadError {
    pub(super) fn into_cause(self) -> Cause {
        Cause(self.0)
    }
}

/// The same, as an error: `LoadError` itself cannot be one and be made of any.
#[derive(Debug, thiserror::Error)]
#[error("the object could not be loaded: {0}")]
pub(super) struct Cause(#[source] Box<dyn Error + Send + Sync>);
