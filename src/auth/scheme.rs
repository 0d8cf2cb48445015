use std::{borrow::Cow, fmt, sync::Arc};

use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue};

use crate::{
    auth::metadata::ResourceFacts,
    context::Principal,
    error::ConfigError,
    guard::{Exchange, Needs},
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
    /// Real I/O first. Made by [`Attempt::suspend`].
    Pending(Pending),
}

impl Attempt {
    /// Decides later, after real I/O: a fetched key, an answer of the issuer. It is boxed, so only
    /// slow paths should take it.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::{Principal, auth::Attempt};
    ///
    /// let attempt = Attempt::suspend(|exchange| Box::pin(async move {
    ///     exchange.note("looked-up", "yes");
    ///     Ok(Attempt::Verified(Principal::builder("https://id.example", "alice").build()))
    /// }));
    /// # let _ = attempt;
    /// ```
    pub fn suspend<F>(resume: F) -> Self
    where
        F: for<'a> FnOnce(&'a mut Exchange) -> BoxFuture<'a, Result<Attempt, Rejection>>
            + Send
            + 'static,
    {
        Attempt::Pending(Pending(Box::new(resume)))
    }
}

type ResumeFn =
    dyn for<'a> FnOnce(&'a mut Exchange) -> BoxFuture<'a, Result<Attempt, Rejection>> + Send;

/// A verification that waits for I/O; see [`Attempt::suspend`].
pub struct Pending(Box<ResumeFn>);

impl Pending {
    /// Follows it to the end: never [`Attempt::Pending`] again.
    pub(super) async fn wait(self, exchange: &mut Exchange) -> Result<Attempt, Rejection> {
        let mut attempt = Attempt::Pending(self);
        while let Attempt::Pending(Pending(resume)) = attempt {
            attempt = resume(exchange).await?;
        }
        Ok(attempt)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
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
    /// whatever they are. Those that stand in none count only where no header holds any. The header is marked [sensitive](HeaderValue::is_sensitive) by then.
    fn header(&self) -> Option<&HeaderName>;

    /// Whether several lines of its [`header`](Self::header) are one value, as those of a structured
    /// field are. Default no: they are credentials sent twice.
    fn joins_lines(&self) -> bool {
        false
    }

    /// Whether the request carries credentials of this scheme, good or bad. Cheap.
    fn is_presented(&self, exchange: &Exchange) -> bool;

    /// Verifies the credentials.
    ///
    /// # Errors
    /// Credentials that are malformed, forged or expired; a store that does not answer.
    fn authenticate(&self, exchange: &mut Exchange) -> Result<Attempt, Rejection>;

    /// The `WWW-Authenticate` challenges for a request without credentials, one for each way it
    /// offers (RFC 9110, RFC 6750). Every 401 of the stack lists those of all its schemes; where this
    /// scheme refuses by a challenge that begins with one of these, that one stands for both.
    fn challenges(&self) -> Vec<HeaderValue>;

    /// Further headers of every 401 of the stack, which tell how to come in: `Accept-Signature`, say.
    /// Default none.
    fn invitations(&self) -> Vec<(HeaderName, HeaderValue)> {
        Vec::new()
    }

    /// Takes credentials out of a place that handlers echo or log. It runs for every request that is
    /// let through, on public routes too, once all schemes are done. Default: nothing, as with the
    /// header of [`header`](Self::header), which is sensitive by then.
    fn hide(&self, exchange: &mut Exchange) {
        let _ = exchange;
    }

    /// What must be known before it can verify; a stack that cannot provide it does not build.
    /// Default nothing.
    fn needs(&self) -> Needs {
        Needs::NONE
    }

    /// Tells clients how to get credentials: whose tokens are taken, by which proofs. For
    /// [protected-resource metadata](crate::auth::metadata). Default nothing.
    fn describe(&self, facts: &mut ResourceFacts) {
        let _ = facts;
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
