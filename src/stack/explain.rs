//! Why a request is refused: the stack, asked without being passed.

use std::{fmt, future::IntoFuture, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request;

use crate::{
    inspect::{Explainable, Explanation},
    service::{Stack, explain},
};

use super::Parapet;

impl Parapet {
    /// What the stack would do with a request, guard by guard, and why; for development and tests.
    ///
    /// The guards run as they do for a live request, on a copy of the head, up to the handler, which
    /// is not run. Nothing is spent or counted: throttles are asked what they would say, and there
    /// is no record, no audit, no diagnosis, and no observer is told. A guard of one's own that
    /// counts must ask [`Exchange::is_rehearsal`](crate::Exchange::is_rehearsal). Caches may fill.
    ///
    /// Inner stacks, and what the handler does, are not part of it. An explanation is not for
    /// callers: it shows what was expected and found.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Parapet, Reason};
    ///
    /// # async fn explained() -> Result<(), Box<dyn std::error::Error>> {
    /// let parapet = Parapet::builder().public("/health", "load balancer").build()?;
    /// let request = http::Request::get("/admin").body(())?;
    /// let explanation = parapet.explain(&request).await;
    /// assert_eq!(explanation.rejection().map(|why| why.reason()), Some(Reason::MissingCredentials));
    /// println!("{explanation}");
    /// # Ok(())
    /// # }
    /// # futures_util::FutureExt::now_or_never(explained()).ok_or("waits")??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explain(&self, request: &impl Explainable) -> Explain {
        Explain { stack: self.stack.clone(), head: request.copy_head(), body: None }
    }
}

/// A question to a stack; awaiting it gives the [`Explanation`]. Made by [`Parapet::explain`].
#[must_use = "nothing is explained until it is awaited"]
pub struct Explain {
    stack: Arc<Stack>,
    head: request::Parts,
    body: Option<Bytes>,
}

impl Explain {
    /// The body of the request, to be judged too, as for a handler that reads all of it. Without
    /// it, a body that the head announces is judged by its length only.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl IntoFuture for Explain {
    type Output = Explanation;
    type IntoFuture = BoxFuture<'static, Explanation>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(explain(self.stack, self.head, self.body))
    }
}

impl fmt::Debug for Explain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explain")
            .field("method", &self.head.method)
            .field("path", &self.head.uri.path())
            .finish_non_exhaustive()
    }
}
