use http::Response;
use http_body::Body;
use http_body_util::BodyExt;

use super::recorder::refusal;
use crate::rejection::{Reason, Rejection};

/// What a test asks of an answer that never went over a connection.
pub trait TestResponse: Sized {
    /// How its body fails.
    type Error;

    /// The refusal behind it, with its private parts; `None` where the handler answered.
    fn rejection(&self) -> Option<&Rejection>;

    /// Asserts that it is a refusal for this reason, and gives it.
    ///
    /// # Panics
    /// Where it is not; the message says what it is instead, and why.
    #[track_caller]
    fn assert_rejected(&self, reason: Reason) -> &Rejection;

    /// Asserts that no guard refused, whatever the handler answered.
    ///
    /// # Panics
    /// Where one did; the message says which, and why.
    #[track_caller]
    fn assert_admitted(&self);

    /// Reads its body to the end, which completes the record of the request.
    ///
    /// # Errors
    /// Where the body fails under way.
    fn text(self) -> impl Future<Output = Result<String, Self::Error>> + Send;
}

#[allow(clippy::panic, reason = "an assertion fails by panicking")]
impl<B> TestResponse for Response<B>
where
    B: Body<Data: Send, Error: Send> + Send,
{
    type Error = B::Error;

    fn rejection(&self) -> Option<&Rejection> {
        self.extensions().get()
    }

    fn assert_rejected(&self, reason: Reason) -> &Rejection {
        let status = self.status();
        let wanted = reason.code();
        match self.rejection() {
            Some(rejection) if rejection.reason() == reason => rejection,
            Some(other) => panic!("expected `{wanted}`, got {status}, {}", refusal(other)),
            None => panic!("expected `{wanted}`, but nothing refused: {status}"),
        }
    }

    fn assert_admitted(&self) {
        if let Some(rejection) = self.rejection() {
            panic!("expected no refusal, got {}, {}", self.status(), refusal(rejection));
        }
    }

    async fn text(self) -> Result<String, B::Error> {
        let bytes = self.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
