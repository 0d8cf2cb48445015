//! Why a request was refused: one word on the stack, one table of reasons.

use std::{any::Any, borrow::Cow, error::Error, fmt, sync::Arc};

use http::{HeaderName, HeaderValue, StatusCode};

macro_rules! reasons {
    ($($(#[$doc:meta])+ $name:ident = $status:ident, $code:literal, $title:literal;)+) => {
        /// Why a request was refused. One table gives each its code, status and title.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])+ $name,)+ }

        impl Reason {
            /// Every reason, in the order of the table.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)+];

            /// A stable, kebab-case word for machines: the last part of the problem's `type`.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)+ }
            }

            /// The HTTP status it is answered with.
            pub fn status(self) -> StatusCode {
                match self { $(Reason::$name => StatusCode::$status,)+ }
            }

            /// A short sentence for people, the problem's `title`.
            pub fn title(self) -> &'static str {
                match self { $(Reason::$name => $title,)+ }
            }
        }
    };
}

reasons! {
    /// The request is not well-formed HTTP or contradicts itself.
    MalformedRequest = BAD_REQUEST, "malformed-request", "The request cannot be read";
    /// The path holds what no honest client sends: empty or dot segments, control characters.
    BadPath = BAD_REQUEST, "bad-path", "The path is not acceptable";
    /// The path means one route as sent and another one decoded.
    AmbiguousPath = BAD_REQUEST, "ambiguous-path", "The path can be read in two ways";
    /// A header cannot be read, or contradicts another one.
    BadHeader = BAD_REQUEST, "bad-header", "A header is not acceptable";
    /// No host, two hosts, or a host that differs from the request target.
    BadHost = BAD_REQUEST, "bad-host", "The host cannot be told";
    /// A header that a limit is keyed by, or that a route requires, is absent.
    MissingHeader = BAD_REQUEST, "missing-header", "A required header is missing";
    /// Credentials of several schemes, or several of one, in one request.
    AmbiguousCredentials = BAD_REQUEST, "ambiguous-credentials", "More than one credential was sent";
    /// A version of the API that does not exist.
    UnknownVersion = BAD_REQUEST, "unknown-version", "There is no such version";
    /// No version of the API where one must be named.
    MissingVersion = BAD_REQUEST, "missing-version", "A version is required";
    /// Two versions of the API in one request.
    AmbiguousVersion = BAD_REQUEST, "ambiguous-version", "More than one version was asked for";
    /// A logout token that is malformed, forged or not meant for this service.
    BadLogoutToken = BAD_REQUEST, "bad-logout-token", "The logout token is not valid";
    /// The body ended early or broke its framing.
    BrokenBody = BAD_REQUEST, "broken-body", "The body cannot be read";
    /// The body is not JSON.
    JsonMalformed = BAD_REQUEST, "json-malformed", "The body is not well-formed JSON";
    /// The JSON is too deep, too wide, too long, or names a member twice.
    JsonLimit = BAD_REQUEST, "json-limit", "The JSON exceeds a limit";
    /// No credentials where some are needed.
    MissingCredentials = UNAUTHORIZED, "missing-credentials", "Credentials are required";
    /// Credentials that are malformed, forged, unknown or meant for someone else.
    InvalidCredentials = UNAUTHORIZED, "invalid-credentials", "The credentials are not valid";
    /// Genuine credentials whose time is over.
    ExpiredCredentials = UNAUTHORIZED, "expired-credentials", "The credentials have expired";
    /// Genuine credentials of a caller who has to authenticate more strongly, or again.
    InsufficientAuthentication = UNAUTHORIZED, "insufficient-authentication", "A stronger or more recent authentication is required";
    /// No proof that the sender of a token may use it, or one that is not good.
    InvalidProof = UNAUTHORIZED, "invalid-proof", "A valid proof of possession is required";
    /// A proof that is good, but without a nonce that is still fresh.
    NonceRequired = UNAUTHORIZED, "nonce-required", "The proof needs a fresh nonce";
    /// Genuine credentials that were taken back before their time was over.
    RevokedCredentials = UNAUTHORIZED, "revoked-credentials", "The credentials have been revoked";
    /// The client's address may not call.
    AddressDenied = FORBIDDEN, "address-denied", "The client address is not allowed";
    /// Too much went wrong with requests of the client, or of the caller.
    Banned = FORBIDDEN, "banned", "The client is banned for a while";
    /// A browser sent it with cookies on behalf of another site.
    CrossSite = FORBIDDEN, "cross-site", "The request comes from another site";
    /// The caller lacks a scope or a role.
    InsufficientScope = FORBIDDEN, "insufficient-scope", "The caller may not do this";
    /// The caller is known and may not do this.
    Forbidden = FORBIDDEN, "forbidden", "This is not allowed";
    /// The router chose another route than the policy judged.
    RouteMismatch = FORBIDDEN, "route-mismatch", "The route is not the one that was judged";
    /// Credentials were sent where anybody on the way could read them.
    InsecureCredentials = FORBIDDEN, "insecure-credentials", "The credentials were not sent in private";
    /// The route is answered over HTTPS only.
    HttpsRequired = FORBIDDEN, "https-required", "HTTPS is required";
    /// There is no such object, or it is not the caller's: the answer is the same.
    NotFound = NOT_FOUND, "not-found", "There is no such resource";
    /// The method is refused everywhere.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed";
    /// The body did not arrive in time.
    BodyTimeout = REQUEST_TIMEOUT, "body-timeout", "The body took too long to arrive";
    /// An answer that had begun stood still for too long, and was ended.
    IdleStream = REQUEST_TIMEOUT, "idle-stream", "The stream stood still for too long";
    /// The same request, by its `Idempotency-Key`, is under way.
    RequestInProgress = CONFLICT, "request-in-progress", "The same request is under way";
    /// The same request, by its `Idempotency-Key`, was done, and its answer cannot be given again.
    AnswerNotKept = CONFLICT, "answer-not-kept", "The request was done before";
    /// A version of the API whose time is over.
    RetiredVersion = GONE, "retired-version", "This version is no longer served";
    /// The body is larger than the route takes.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large";
    /// The body's media type is not one the route takes.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The media type is not supported";
    /// A well-formed host that this service does not answer for.
    MisdirectedRequest = MISDIRECTED_REQUEST, "misdirected-request", "This service does not answer for that host";
    /// The body breaks the route's schema.
    SchemaViolation = UNPROCESSABLE_ENTITY, "schema-violation", "The body does not match the schema";
    /// An `Idempotency-Key` that was sent with another request.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used before";
    /// The request costs more than its limits ever admit at once.
    TooCostly = UNPROCESSABLE_ENTITY, "too-costly", "The request costs too much";
    /// A limit is used up.
    RateLimited = TOO_MANY_REQUESTS, "rate-limited", "Too many requests";
    /// As many requests of the caller's are under way as may be.
    TooManyConcurrent = TOO_MANY_REQUESTS, "too-many-concurrent", "Too many requests at the same time";
    /// Too many headers, or too large in all.
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "The headers are too large";
    /// A handler or a guard panicked.
    Panicked = INTERNAL_SERVER_ERROR, "internal-error", "Something went wrong on our side";
    /// The service is put together wrongly: an extractor outside of every stack, say.
    Misconfigured = INTERNAL_SERVER_ERROR, "misconfigured", "Something is set up wrongly on our side";
    /// The peer's address is needed and the server does not provide it.
    AddressUnknown = SERVICE_UNAVAILABLE, "address-unknown", "The client address is not known";
    /// Something needed for a decision is out of reach.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "The service cannot decide right now";
    /// As many requests are under way as the service can take.
    Overloaded = SERVICE_UNAVAILABLE, "overloaded", "The service is busy";
    /// The handler did not answer in time.
    HandlerTimeout = SERVICE_UNAVAILABLE, "handler-timeout", "The service took too long to answer";
}

impl Reason {
    /// Whether somebody sent what no issuer of ours made, a guess say: what costs the client's network.
    /// A token whose sender cannot prove that it is theirs is as good as forged; what was genuine once,
    /// and has expired or was revoked, is no guess.
    #[cfg(feature = "throttle")]
    pub(crate) fn is_forgery(self) -> bool {
        matches!(self, Reason::InvalidCredentials | Reason::InvalidProof | Reason::BadLogoutToken)
    }
}

/// One thing wrong in a body: where, as an RFC 6901 JSON pointer, and what; never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The place in the body, `/items/3/price` say; empty for the whole.
    pub pointer: String,
    /// What is wrong with it, without the value.
    pub detail: Cow<'static, str>,
}

impl Violation {
    /// A violation at a JSON pointer.
    pub fn new(pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A refusal: a [`Reason`], what the caller may know, and what only observers may.
///
/// It is one word and cheap to clone. It is never an error of the service: a stack turns it into a
/// response. A handler may return it too; the outermost stack renders it like its own.
///
/// # Example
/// ```
/// use tower_parapet::{Reason, Rejection};
///
/// let rejection = Rejection::new(Reason::Forbidden)
///     .detail("orders are closed on Sundays")
///     .expected("a working day")
///     .found("Sunday");
/// assert_eq!(rejection.status(), 403);
/// ```
#[derive(Clone)]
pub struct Rejection(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    reason: Reason,
    detail: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
    violations: Vec<Violation>,
    guard: Option<&'static str>,
    expected: Option<Cow<'static, str>>,
    found: Option<Cow<'static, str>>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Rejection {
    /// A refusal with nothing but its reason.
    pub fn new(reason: Reason) -> Self {
        Self(Arc::new(Inner {
            reason,
            detail: Cow::Borrowed(""),
            headers: Vec::new(),
            violations: Vec::new(),
            guard: None,
            expected: None,
            found: None,
            cause: None,
        }))
    }

    fn edit(mut self, edit: impl FnOnce(&mut Inner)) -> Self {
        edit(Arc::make_mut(&mut self.0));
        self
    }

    /// A sentence for the caller. Public: never a secret, never what was sent.
    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.detail = detail.into())
    }

    /// A header of the answer, `Retry-After` or `WWW-Authenticate` say; repeated names add up.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.edit(|inner| inner.headers.push((name, value)))
    }

    /// Puts other values in the place of its headers' own.
    pub(crate) fn amend(
        self,
        change: impl Fn(&HeaderName, &HeaderValue) -> Option<HeaderValue>,
    ) -> Self {
        let is_changed = |(name, value): &(HeaderName, HeaderValue)| change(name, value).is_some();
        if !self.0.headers.iter().any(is_changed) {
            return self;
        }
        self.edit(|inner| {
            for (name, value) in &mut inner.headers {
                if let Some(other) = change(name, value) {
                    *value = other;
                }
            }
        })
    }

    /// What is wrong in the body, place by place. Public.
    pub fn violations(self, violations: Vec<Violation>) -> Self {
        self.edit(|inner| inner.violations = violations)
    }

    /// What the guard would have let through. Private: records show it, answers never do.
    pub fn expected(self, expected: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.expected = Some(expected.into()))
    }

    /// What the guard found instead. Private: records show it, answers never do. It may repeat
    /// what was sent, so it is cut after 1 KiB.
    pub fn found(self, found: impl Into<Cow<'static, str>>) -> Self {
        self.edit(|inner| inner.found = Some(bounded(found.into())))
    }

    /// The underlying error. Private: records show it, answers never do.
    pub fn cause(self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.edit(|inner| inner.cause = Some(Arc::new(cause)))
    }

    /// The refusal that takes the place of a panic; its message goes to observers only.
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let message =
            match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
                (Some(text), _) => Cow::Borrowed(*text),
                (_, Some(text)) => Cow::Owned(text.clone()),
                _ => Cow::Borrowed("a panic without a message"),
            };
        Self::new(Reason::Panicked).found(message)
    }

    pub(crate) fn by(self, guard: &'static str) -> Self {
        if self.0.guard.is_some() {
            return self;
        }
        self.edit(|inner| inner.guard = Some(guard))
    }

    /// Why the request was refused.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.reason.status()
    }

    /// The name of the guard that refused, once a stack has seen it.
    pub fn guard(&self) -> Option<&'static str> {
        self.0.guard
    }

    /// What the caller is told, empty where the title says it all.
    pub fn public_detail(&self) -> &str {
        &self.0.detail
    }

    /// What the caller is told about the body.
    pub fn public_violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0.headers
    }

    /// What the guard would have let through; for observers.
    pub fn private_expected(&self) -> Option<&str> {
        self.0.expected.as_deref()
    }

    /// What the guard found instead; for observers.
    pub fn private_found(&self) -> Option<&str> {
        self.0.found.as_deref()
    }

    /// The underlying error; for observers.
    pub fn private_cause(&self) -> Option<&(dyn Error + Send + Sync)> {
        self.0.cause.as_deref()
    }
}

/// How much of what was found is kept, in bytes.
const FOUND: usize = 1024;

fn bounded(mut text: Cow<'static, str>) -> Cow<'static, str> {
    if text.len() > FOUND {
        let end = (0..=FOUND).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let text = text.to_mut();
        text.truncate(end);
        text.push('…');
    }
    text
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("reason", &self.0.reason)
            .field("guard", &self.0.guard)
            .field("detail", &self.0.detail)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.reason.code())
    }
}

impl Error for Rejection {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_kept_short_and_cut_between_characters() {
        let of = |text: String| {
            let rejection = Rejection::new(Reason::Forbidden).found(text);
            rejection.private_found().unwrap_or_default().to_owned()
        };
        assert_eq!(of("a".repeat(FOUND)), "a".repeat(FOUND));
        assert_eq!(of("é".repeat(FOUND)), format!("{}…", "é".repeat(FOUND / 2)));
    }
}
