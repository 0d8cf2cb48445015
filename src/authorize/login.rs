//! How strong an authentication must be, and how recent.

use std::time::Duration;

use super::requirement::{Requirement, Rule, is_token};
use crate::{context::Principal, error::Mistakes};

/// How far the clock of whoever authenticated the user may be ahead of ours.
const AHEAD: Duration = Duration::from_secs(60);

/// The user authenticated in one of these classes (`acr`), the preferred one first: words or URIs
/// that the issuer defines, compared character by character.
///
/// Others are told to authenticate again, with `acr_values`
/// ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470)).
///
/// # Example: transfers need a second factor, used within five minutes
/// ```
/// use std::time::Duration;
///
/// use tower_parapet::{Policy, authorize::{acr, max_age, scope}};
///
/// let fresh = acr(["urn:example:mfa"]).and(max_age(Duration::from_secs(300)));
/// let transfers = Policy::require(scope("transfers:write").and(fresh));
/// # let _ = transfers;
/// ```
pub fn acr<C: Into<Box<str>>>(classes: impl IntoIterator<Item = C>) -> Requirement {
    Requirement(Rule::Acr(classes.into_iter().map(Into::into).collect()))
}

/// The user authenticated by this method (`amr`), `mfa`, `hwk` or `otp` say
/// ([RFC 8176](https://www.rfc-editor.org/rfc/rfc8176)), compared character by character.
///
/// A client cannot be told which method it lacks, for want of a word for it in RFC 9470: where the
/// issuer has classes, prefer [`acr`].
pub fn amr(method: impl Into<Box<str>>) -> Requirement {
    Requirement(Rule::Amr(method.into()))
}

/// The user authenticated at most so long ago (`auth_time`), in whole seconds. A token that does
/// not say when is not recent, nor is one of the future beyond a minute.
///
/// Others are told to authenticate again, with `max_age`
/// ([RFC 9470](https://www.rfc-editor.org/rfc/rfc9470)).
pub fn max_age(oldest: Duration) -> Requirement {
    Requirement(Rule::MaxAge(oldest))
}

/// Nobody acts for the caller: the token has no `act`
/// ([RFC 8693](https://www.rfc-editor.org/rfc/rfc8693#section-4.1)).
pub fn not_delegated() -> Requirement {
    Requirement(Rule::Delegated(false))
}

/// Somebody acts for the caller, as [`Principal::actor`](crate::Principal::actor) tells.
pub fn delegated() -> Requirement {
    Requirement(Rule::Delegated(true))
}

pub(super) fn has_one_of(principal: &Principal, classes: &[Box<str>]) -> bool {
    classes.iter().any(|class| principal.has_acr(class))
}

pub(super) fn is_recent(principal: &Principal, oldest: Duration, now: Option<Duration>) -> bool {
    let (Some(then), Some(now)) = (principal.auth_time(), now) else {
        return false;
    };
    then <= now.saturating_add(AHEAD) && now.saturating_sub(then) <= oldest
}

/// What cannot be meant.
pub(super) fn mistakes(rule: &Rule, setter: &'static str, mistakes: &mut Mistakes) {
    match rule {
        Rule::Acr(classes) if classes.is_empty() => {
            let remedy = "name at least one class, as the issuer writes it into `acr`";
            mistakes.push(setter, "", "a list of `acr` is empty, which admits nobody", remedy);
        }
        Rule::Acr(classes) => {
            for class in classes.iter().filter(|class| !is_token(class)) {
                let remedy = "name one class without spaces, quotes or backslashes";
                mistakes.push(setter, &**class, "is not a class of authentication", remedy);
            }
        }
        Rule::Amr(method) if method.is_empty() => {
            let remedy = "name it as the issuer does, `mfa` say";
            mistakes.push(setter, "", "a method of authentication has no name", remedy);
        }
        Rule::MaxAge(oldest) if oldest.as_secs() == 0 => {
            let remedy = "write whole seconds, such as five minutes";
            mistakes.push(setter, "0s", "is an age that no authentication has", remedy);
        }
        _ => {}
    }
}
