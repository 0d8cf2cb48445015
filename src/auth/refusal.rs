//! Refusals of several schemes as one.

use std::fmt;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue};

use super::Scheme;
use crate::rejection::{Reason, Rejection};

/// The refusal that says more; of two that say that the credentials are nobody's, both.
pub(super) fn graver(last: Rejection, next: Rejection) -> Rejection {
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
        (Reason::InvalidCredentials, _)
        | (_, Reason::ExpiredCredentials | Reason::RevokedCredentials) => next,
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

/// Lists every way in: a 401 carries the challenges of all schemes (RFC 9110, section 11.6.1), one's
/// own error in place of its plain challenge.
pub(super) fn listing(rejection: Rejection, missing: &Rejection) -> Rejection {
    if rejection.status() != 401 {
        return rejection;
    }
    missing.headers().iter().fold(rejection, |rejection, (name, plain)| {
        if has(&rejection, name, plain) {
            return rejection;
        }
        let rejection = rejection.amend(|header, value| {
            (header == WWW_AUTHENTICATE).then(|| completed(value, plain)).flatten()
        });
        if has(&rejection, name, plain) {
            rejection
        } else {
            rejection.header(name.clone(), plain.clone())
        }
    })
}

fn has(rejection: &Rejection, name: &HeaderName, plain: &HeaderValue) -> bool {
    let begins = |value: &HeaderValue| value.as_bytes().starts_with(plain.as_bytes());
    rejection.headers().iter().any(|(header, value)| header == name && begins(value))
}

/// An error by itself, `Bearer error="…"`, which knows nothing of realm and algorithms, behind what the
/// scheme says of itself.
fn completed(value: &HeaderValue, plain: &HeaderValue) -> Option<HeaderValue> {
    let (scheme, error) = value.to_str().ok()?.split_once(' ')?;
    let (own, parameters) = plain.to_str().ok()?.split_once(' ')?;
    if !own.eq_ignore_ascii_case(scheme) || !error.starts_with("error=") {
        return None;
    }
    HeaderValue::try_from(format!("{own} {parameters}, {error}")).ok()
}

/// RFC 6750, section 3.1: without credentials the challenge carries no error.
pub(super) fn missing<'a>(schemes: impl Iterator<Item = &'a dyn Scheme>) -> Rejection {
    let missing = Rejection::new(Reason::MissingCredentials)
        .expected("credentials of a scheme that is read here")
        .found("none");
    schemes
        .flat_map(|scheme| {
            let challenges = scheme.challenges().into_iter();
            challenges.map(|challenge| (WWW_AUTHENTICATE, challenge)).chain(scheme.invitations())
        })
        .fold(missing, |rejection, (name, value)| rejection.header(name, value))
}

/// An `Authorization` that no scheme reads: sent, so not absent, and not good.
pub(super) fn foreign(missing: &Rejection) -> Rejection {
    let rejection = Rejection::new(Reason::InvalidCredentials)
        .detail("the authorization scheme is not one that is accepted here")
        .expected("credentials of a scheme that is read here")
        .found("an authorization header that no scheme reads");
    missing
        .headers()
        .iter()
        .fold(rejection, |rejection, (name, value)| rejection.header(name.clone(), value.clone()))
}

pub(super) fn ambiguous(one: &str, other: &str) -> Rejection {
    Rejection::new(Reason::AmbiguousCredentials)
        .detail("send one credential, in one place only")
        .expected("one credential in one place")
        .found(format!("credentials of {one}, and {other}"))
}
