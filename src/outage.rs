//! The refusal where a store cannot tell.

use http::{HeaderValue, header::RETRY_AFTER};

use crate::{
    answer::StoreError,
    rejection::{Reason, Rejection},
};

/// How long a caller is told to wait.
pub(crate) const RETRY: HeaderValue = HeaderValue::from_static("5");

impl StoreError {
    /// The refusal of a request that is left open: the caller is not to blame and may come again.
    /// `expected` is the store as it should be.
    #[cold]
    pub(crate) fn refusal(self, expected: &'static str) -> Rejection {
        Rejection::new(Reason::Unavailable)
            .expected(expected)
            .found("one that does not")
            .cause(self)
            .header(RETRY_AFTER, RETRY)
    }
}
