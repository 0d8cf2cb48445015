use std::borrow::Cow;

use http::HeaderValue;

use crate::{context::Principal, guard::Exchange, inspect::Findings, rejection::Rejection};

/// What a scheme found in a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Attempt {
    /// No credentials of this scheme.
    Absent,
    /// Good credentials.
    Verified(Principal),
}

/// One way to prove who is calling: bearer tokens, API keys.
///
/// Several stand side by side in one [`Authenticate`](crate::auth::Authenticate).
pub trait Scheme: Send + Sync + 'static {
    /// A short, stable word for records, `jwt` say.
    fn name(&self) -> &'static str;

    /// Whether the request carries credentials of this scheme, good or bad. Cheap.
    fn is_presented(&self, exchange: &Exchange) -> bool;

    /// Verifies the credentials.
    ///
    /// # Errors
    /// Credentials that are malformed, forged, expired or sent twice; a store that does not answer.
    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection>;

    /// The `WWW-Authenticate` challenge for a request without credentials (RFC 9110, RFC 6750).
    fn challenge(&self) -> HeaderValue;

    /// One line for the manifest.
    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    /// What the self-audit has to say about its settings.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }
}
