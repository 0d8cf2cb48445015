//! What is known at once, or after real I/O.

use std::{error::Error, fmt};

use futures_util::future::BoxFuture;

/// A look-up's result: at once where it is at hand, else after the I/O it takes.
///
/// # Example
/// ```
/// use tower_parapet::Answer;
///
/// fn find(id: u32) -> Answer<Option<&'static str>> {
///     match id {
///         1 => Answer::Now(Some("kept in memory")),
///         _ => Answer::later(async move { None }), // asks a database
///     }
/// }
/// # let _ = find(1);
/// ```
#[non_exhaustive]
pub enum Answer<T> {
    /// It is at hand.
    Now(T),
    /// It takes I/O.
    Later(BoxFuture<'static, T>),
}

impl<T> Answer<T> {
    /// An answer that takes I/O. It is boxed, so only slow paths should give it.
    pub fn later(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::Later(Box::pin(future))
    }

    /// The answer, however long it takes.
    pub async fn wait(self) -> T {
        match self {
            Self::Now(answer) => answer,
            Self::Later(future) => future.await,
        }
    }
}

impl<T> From<T> for Answer<T> {
    fn from(answer: T) -> Self {
        Self::Now(answer)
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}

/// Why a store could not tell; seen by observers only.
#[derive(Debug, thiserror::Error)]
#[error("the store failed: {0}")]
pub struct StoreError(#[source] Box<dyn Error + Send + Sync>);

impl StoreError {
    /// Wraps what went wrong.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
