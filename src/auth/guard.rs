//! The guard that settles who is calling.

use std::{borrow::Cow, fmt, sync::Arc};

use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};

use super::{Attempt, Scheme};
use crate::{
    context::{Access, Plain, Principal},
    guard::{Exchange, Flow, Guard, Phase},
    inspect::{Findings, Readiness, rule},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// Settles who is calling, by one of several schemes side by side.
///
/// The [route](crate::Route) says who may call at all. Without a route table in the same stack
/// credentials are required, unless [`optional`](Self::optional) was asked for: an inner layer
/// tightens what an outer stack left open.
///
/// The credentials stay in the request for the handler, marked
/// [sensitive](http::HeaderValue::is_sensitive), so that printing the headers does not show them.
///
/// # Example
/// ```
/// # #[cfg(feature = "api-key")] {
/// use tower_parapet::auth::{Authenticate, api_key::{ApiKeys, MemoryKeys}};
///
/// let people = ApiKeys::builder(MemoryKeys::new()).build()?;
/// let robots = ApiKeys::builder(MemoryKeys::new()).header("X-Robot-Key").build()?;
/// let guard = Authenticate::with(people).or(robots);
/// # let _ = guard; }
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Authenticate {
    schemes: Vec<Arc<dyn Scheme>>,
    missing: Rejection,
    optional: bool,
}

impl Authenticate {
    /// A guard with one scheme.
    pub fn with(scheme: impl Scheme) -> Self {
        Self::from_iter([Arc::new(scheme) as Arc<dyn Scheme>])
    }

    /// Adds another scheme. A request may use either, never both at once; two that read one header
    /// are asked in turn.
    pub fn or(mut self, scheme: impl Scheme) -> Self {
        self.schemes.push(Arc::new(scheme));
        self.missing = missing(self.schemes.iter().map(AsRef::as_ref));
        self
    }

    /// Lets requests without any credentials through, where no route table says otherwise. Bad
    /// credentials are refused as ever. Default: required.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The names of the schemes, in order.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.schemes.iter().map(|scheme| scheme.name())
    }
}

/// Of no schemes at all, it refuses every request that needs credentials.
impl FromIterator<Arc<dyn Scheme>> for Authenticate {
    fn from_iter<I: IntoIterator<Item = Arc<dyn Scheme>>>(schemes: I) -> Self {
        let schemes = Vec::from_iter(schemes);
        let missing = missing(schemes.iter().map(AsRef::as_ref));
        Self { schemes, missing, optional: false }
    }
}

impl Guard for Authenticate {
    fn name(&self) -> &'static str {
        "authenticate"
    }

    fn phase(&self) -> Phase {
        Phase::Authenticate
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let schemes = self.schemes.iter().map(AsRef::as_ref);
        admit(schemes, exchange, self.optional, || self.missing.clone())
    }

    fn summary(&self) -> Cow<'static, str> {
        let schemes = self.schemes.iter().map(|scheme| match scheme.summary() {
            told if told.is_empty() => Cow::Borrowed(scheme.name()),
            told => Cow::Owned(format!("{} ({told})", scheme.name())),
        });
        let mut text = schemes.collect::<Vec<_>>().join(" or ");
        if self.optional {
            text.push_str(", optional where no route says otherwise");
        }
        Cow::Owned(text)
    }

    fn findings(&self, report: &mut Findings) {
        if self.schemes.is_empty() {
            report.add(
                &rule::NO_SCHEME,
                self.name(),
                "there is no scheme, so nobody can authenticate",
            );
        }
        self.schemes.iter().for_each(|scheme| scheme.findings(report));
    }

    fn ready(&self, readiness: &mut Readiness) {
        self.schemes.iter().for_each(|scheme| scheme.ready(readiness));
    }
}

guard_layer!(Authenticate);

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("schemes", &self.schemes().collect::<Vec<_>>())
            .field("optional", &self.optional)
            .finish_non_exhaustive()
    }
}

/// Makes a scheme a guard by itself, as if it stood alone in an [`Authenticate`].
#[cfg(any(feature = "jwt", feature = "api-key"))]
macro_rules! scheme_guard {
    ($scheme:ty) => {
        impl $crate::guard::Guard for $scheme {
            fn name(&self) -> &'static str {
                $crate::auth::Scheme::name(self)
            }

            fn phase(&self) -> $crate::guard::Phase {
                $crate::guard::Phase::Authenticate
            }

            fn check(
                &self,
                exchange: &mut $crate::guard::Exchange,
            ) -> Result<$crate::guard::Flow, $crate::rejection::Rejection> {
                $crate::auth::admit_alone(self, exchange)
            }

            fn summary(&self) -> std::borrow::Cow<'static, str> {
                $crate::auth::Scheme::summary(self)
            }

            fn findings(&self, report: &mut $crate::inspect::Findings) {
                $crate::auth::Scheme::findings(self, report);
            }

            fn ready(&self, readiness: &mut $crate::inspect::Readiness) {
                $crate::auth::Scheme::ready(self, readiness);
            }
        }
    };
}
#[cfg(any(feature = "jwt", feature = "api-key"))]
pub(crate) use scheme_guard;

/// What a scheme does that stands alone.
#[cfg(any(feature = "jwt", feature = "api-key"))]
pub(crate) fn admit_alone(scheme: &dyn Scheme, exchange: &mut Exchange) -> Result<Flow, Rejection> {
    let alone = std::iter::once(scheme);
    admit(alone.clone(), exchange, false, || missing(alone))
}

fn admit<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme> + Clone,
    exchange: &mut Exchange,
    optional: bool,
    missing: impl FnOnce() -> Rejection,
) -> Result<Flow, Rejection> {
    settle(schemes.clone(), exchange, optional, missing)?;
    schemes.for_each(|scheme| scheme.hide(exchange));
    Ok(Flow::Continue)
}

fn settle<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme> + Clone,
    exchange: &mut Exchange,
    optional: bool,
    missing: impl FnOnce() -> Rejection,
) -> Result<(), Rejection> {
    conceal(&mut exchange.head.headers, &AUTHORIZATION);
    for header in schemes.clone().filter_map(Scheme::header).filter(|own| *own != AUTHORIZATION) {
        conceal(&mut exchange.head.headers, header);
    }
    if let Some(plain) = exchange.context.refuses_credentials {
        refuse_leaked(schemes.clone(), exchange, plain)?;
    }
    // What an outer stack left open, an inner one may close.
    let optional = match exchange.own_route().map(|route| route.access()) {
        Some(Access::Public { .. } | Access::Probe) => {
            exchange.context.unauthenticated = Some(missing());
            return Ok(());
        }
        Some(Access::Optional) => true,
        Some(Access::Authenticated) => false,
        None => optional,
    };
    match authenticate(schemes, exchange)? {
        Some(principal) => exchange.set_principal(principal),
        None if exchange.headers().contains_key(AUTHORIZATION) => return Err(foreign(&missing())),
        None if optional => exchange.context.unauthenticated = Some(missing()),
        None => return Err(missing()),
    }
    Ok(())
}

/// Credentials that came in the clear are not looked at, on a public route neither. What a stack knows
/// of was refused before; this is for schemes of guards, and for credentials in places of their own.
#[cold]
fn refuse_leaked<'a>(
    mut schemes: impl Iterator<Item = &'a dyn Scheme>,
    exchange: &mut Exchange,
    plain: Plain,
) -> Result<(), Rejection> {
    let sent = schemes.find_map(|scheme| {
        let is_sent =
            |header| scheme.is_presented(exchange) || exchange.headers().contains_key(header);
        scheme.header().filter(|header| is_sent(*header))
    });
    sent.map_or(Ok(()), |header| Err(exchange.leaked(plain, header)))
}

/// In place, since a sensitive value stays what it was; only its printed form goes.
fn conceal(headers: &mut HeaderMap, name: &HeaderName) {
    if is_repeated(headers, name) {
        let all = headers.iter_mut().filter(|(other, _)| *other == name);
        all.for_each(|(_, value)| value.set_sensitive(true));
    } else if let Some(value) = headers.get_mut(name) {
        value.set_sensitive(true);
    }
}

fn authenticate<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme> + Clone,
    exchange: &mut Exchange,
) -> Result<Option<Principal>, Rejection> {
    let mut presented = None;
    let mut alternatives = false;
    for scheme in schemes.clone() {
        if !scheme.is_presented(exchange) {
            continue;
        }
        match presented {
            None => presented = Some(scheme),
            Some(first) if share_a_header(first, scheme) => alternatives = true,
            Some(first) => return Err(ambiguous(first.name(), scheme.name())),
        }
    }
    let Some(scheme) = presented else {
        return Ok(None);
    };
    let header = scheme.header();
    if header != Some(&AUTHORIZATION) && exchange.headers().contains_key(AUTHORIZATION) {
        return Err(ambiguous(scheme.name(), "an authorization header that no scheme reads"));
    }
    if header.is_some_and(|header| is_repeated(exchange.headers(), header)) {
        return Err(ambiguous(scheme.name(), "another value of the same header"));
    }
    if alternatives { first_to_admit(schemes, exchange) } else { judge(scheme, exchange) }
}

fn is_repeated(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.len() > headers.keys_len() && headers.get_all(name).iter().nth(1).is_some()
}

fn share_a_header(one: &dyn Scheme, other: &dyn Scheme) -> bool {
    one.header().is_some_and(|header| other.header() == Some(header))
}

fn judge(scheme: &dyn Scheme, exchange: &mut Exchange) -> Result<Option<Principal>, Rejection> {
    match scheme.authenticate(exchange) {
        Ok(Attempt::Verified(principal)) => Ok(Some(principal)),
        Ok(Attempt::Absent) => Ok(None),
        Err(rejection) => Err(challenged(rejection, scheme).by(scheme.name())),
    }
}

/// Asks the schemes that read one header in turn. Credentials that are invalid to one may be
/// another's; those that are expired, or that a scheme cannot judge right now, are its own.
fn first_to_admit<'a>(
    schemes: impl Iterator<Item = &'a dyn Scheme>,
    exchange: &mut Exchange,
) -> Result<Option<Principal>, Rejection> {
    let mut refusal: Option<Rejection> = None;
    for scheme in schemes {
        if !scheme.is_presented(exchange) {
            continue;
        }
        match judge(scheme, exchange) {
            Ok(None) => {}
            Ok(admitted) => return Ok(admitted),
            Err(next) => refusal = Some(refusal.map_or(next.clone(), |last| graver(last, next))),
        }
    }
    refusal.map_or(Ok(None), Err)
}

/// The refusal that says more; of two that say that the credentials are nobody's, both.
fn graver(last: Rejection, next: Rejection) -> Rejection {
    match (last.reason(), next.reason()) {
        (Reason::InvalidCredentials, Reason::InvalidCredentials) => {
            let both = Both(last.clone(), next.clone());
            let kept = match (last.private_found(), next.private_found()) {
                (Some(one), Some(other)) => {
                    let found = format!("{one}; {other}");
                    last.found(found)
                }
                (None, Some(_)) => next,
                (_, None) => last,
            };
            kept.cause(both)
        }
        (Reason::InvalidCredentials, _) | (_, Reason::ExpiredCredentials) => next,
        _ => last,
    }
}

/// Why either scheme refused: told only where somebody reads it.
#[derive(Debug)]
struct Both(Rejection, Rejection);

impl fmt::Display for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let causes = [&self.0, &self.1].into_iter().filter_map(Rejection::private_cause);
        for (index, cause) in causes.enumerate() {
            write!(f, "{}{cause}", if index > 0 { "; or: " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Both {}

/// RFC 9110, section 15.5.2: a 401 carries at least one challenge.
fn challenged(rejection: Rejection, scheme: &dyn Scheme) -> Rejection {
    let is_unchallenged = !rejection.headers().iter().any(|(name, _)| name == WWW_AUTHENTICATE);
    if rejection.status() == 401 && is_unchallenged {
        rejection.header(WWW_AUTHENTICATE, scheme.challenge())
    } else {
        rejection
    }
}

/// RFC 6750, section 3.1: without credentials the challenge carries no error.
fn missing<'a>(schemes: impl Iterator<Item = &'a dyn Scheme>) -> Rejection {
    let missing = Rejection::new(Reason::MissingCredentials)
        .expected("credentials of a scheme that is read here")
        .found("none");
    schemes
        .fold(missing, |rejection, scheme| rejection.header(WWW_AUTHENTICATE, scheme.challenge()))
}

/// An `Authorization` that no scheme reads: sent, so not absent, and not good.
fn foreign(missing: &Rejection) -> Rejection {
    let rejection = Rejection::new(Reason::InvalidCredentials)
        .detail("the authorization scheme is not one that is accepted here")
        .expected("credentials of a scheme that is read here")
        .found("an authorization header that no scheme reads");
    missing
        .headers()
        .iter()
        .fold(rejection, |rejection, (name, value)| rejection.header(name.clone(), value.clone()))
}

fn ambiguous(one: &str, other: &str) -> Rejection {
    Rejection::new(Reason::AmbiguousCredentials)
        .detail("send one credential, in one place only")
        .expected("one credential in one place")
        .found(format!("credentials of {one}, and {other}"))
}
