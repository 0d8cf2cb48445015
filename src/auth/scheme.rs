use std::{borrow::Cow, sync::Arc};

use http::{HeaderName, HeaderValue};

use crate::{
    context::Principal,
    error::ConfigError,
    guard::Exchange,
    inspect::{Findings, Readiness},
    rejection::Rejection,
};

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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a scheme of authentication",
    note = "a builder is a scheme once it is built; a scheme of one's own implements `Scheme`"
)]
pub trait Scheme: Send + Sync + 'static {
    /// A short, stable word for records, `jwt` say.
    fn name(&self) -> &'static str;

    /// The header that its credentials stand in; `None` where they stand in none, as with the
    /// certificate of a connection.
    ///
    /// Schemes that read one header are alternatives, asked in turn: two issuers of bearer tokens,
    /// say. Credentials in two headers, or twice in one, are refused before a scheme is asked,
    /// whatever they are. The header is marked [sensitive](HeaderValue::is_sensitive) by then.
    fn header(&self) -> Option<&HeaderName>;

    /// Whether the request carries credentials of this scheme, good or bad. Cheap.
    fn is_presented(&self, exchange: &Exchange) -> bool;

    /// Verifies the credentials.
    ///
    /// # Errors
    /// Credentials that are malformed, forged or expired; a store that does not answer.
    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection>;

    /// The `WWW-Authenticate` challenge for a request without credentials (RFC 9110, RFC 6750).
    fn challenge(&self) -> HeaderValue;

    /// Takes credentials out of a place that handlers echo or log. It runs for every request that is
    /// let through, on public routes too, once all schemes are done. Default: nothing, as with the
    /// header of [`header`](Self::header), which is sensitive by then.
    fn hide(&self, exchange: &mut Exchange) {
        let _ = exchange;
    }

    /// One line for the manifest.
    fn summary(&self) -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    /// What the self-audit has to say about its settings.
    fn findings(&self, report: &mut Findings) {
        let _ = report;
    }

    /// What it still waits for before it can verify: keys, a store. Default nothing.
    fn ready(&self, readiness: &mut Readiness) {
        let _ = readiness;
    }
}

/// A scheme, or a builder that becomes one: what a stack's setter takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a scheme of authentication nor a builder of one",
    note = "a scheme of one's own implements `Scheme`"
)]
pub trait IntoScheme {
    /// The scheme.
    ///
    /// # Errors
    /// Every mistake in the builder's settings.
    fn into_scheme(self) -> Result<Arc<dyn Scheme>, ConfigError>;
}

impl<S: Scheme> IntoScheme for S {
    fn into_scheme(self) -> Result<Arc<dyn Scheme>, ConfigError> {
        Ok(Arc::new(self))
    }
}
