//! What the end of a request says of its sender.

use std::{borrow::Cow, fmt, ops::RangeInclusive};

use http::StatusCode;

use crate::{context::REPORTED, rejection::Reason};

use super::Record;

/// What the end of a request says of its sender: what throttles may charge for, and bans are made of.
///
/// It is read from the [`Record`], once the request is over. A call of gRPC that was answered with a
/// status of its own counts as the HTTP status that says the same.
///
/// # Example
/// ```
/// use tower_parapet::observe::Signal;
///
/// let signals = [Signal::FailedLogin, Signal::reported("card-declined"), Signal::status(409)];
/// assert_eq!(signals[1].to_string(), "reported `card-declined`");
/// # let _ = signals;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Credentials that are malformed, forged or unknown, refused by the stack. Genuine ones that have
    /// expired or were revoked do not count, nor do absent ones.
    ForgedCredentials,
    /// [`ForgedCredentials`](Self::ForgedCredentials), and a handler's own 401 to a method that is not
    /// safe: a login form that was sent a wrong password.
    FailedLogin,
    /// A 404, and any path that the policy does not name, asked for without credentials: both are how
    /// somebody looks for what may be there. What browsers and crawlers ask for by themselves does not
    /// count: `/favicon.ico`, `/robots.txt`, `/apple-touch-icon…`, `/.well-known/…`.
    NotFound,
    /// A 400 or 422: a body, a path or a header that cannot be right. Bodies that broke off do not
    /// count: bad lines do that.
    Invalid,
    /// A 403 because the caller may not do this. Refusals of addresses, of other sites' pages and of
    /// plain HTTP do not count, since they say nothing of who is asking.
    Forbidden,
    /// A 429: somebody goes on though told to wait.
    Limited,
    /// A fault of this service: a 5xx, a panic, an error of the inner service.
    Fault,
    /// One of these statuses, whoever answered it. Made by [`Signal::status`] and
    /// [`Signal::statuses`].
    Status(RangeInclusive<u16>),
    /// What a handler or a guard reported by this word. Made by [`Signal::reported`].
    Reported(Cow<'static, str>),
}

impl Signal {
    /// A status of one's own choice, 304 say.
    pub fn status(status: u16) -> Self {
        Self::Status(status..=status)
    }

    /// Statuses of one's own choice, `500..=599` say.
    pub fn statuses(statuses: RangeInclusive<u16>) -> Self {
        Self::Status(statuses)
    }

    /// What [`Context::report`](crate::Context::report) and
    /// [`Exchange::report`](crate::Exchange::report) tell by this word.
    pub fn reported(word: impl Into<Cow<'static, str>>) -> Self {
        Self::Reported(word.into())
    }

    /// Whether the end of a request shows it.
    pub fn is_shown_by(&self, record: &Record) -> bool {
        let reason = record.rejection.as_ref().map(|rejection| rejection.reason());
        match self {
            Self::ForgedCredentials => reason.is_some_and(Reason::is_forgery),
            Self::FailedLogin => match reason {
                Some(reason) => reason.is_forgery(),
                None => !record.method.is_safe() && status(record) == Some(401),
            },
            Self::NotFound => {
                !is_asked_unbidden(record)
                    && match reason {
                        Some(Reason::NotFound) => true,
                        Some(Reason::MissingCredentials) => {
                            record.route.as_ref().is_some_and(|route| !route.is_listed())
                        }
                        Some(_) => false,
                        None => status(record) == Some(404),
                    }
            }
            Self::Invalid => match reason {
                Some(Reason::BrokenBody) => false,
                Some(reason) => is_invalid(Some(reason.status().as_u16())),
                None => is_invalid(status(record)),
            },
            Self::Forbidden => match reason {
                Some(reason) => matches!(reason, Reason::Forbidden | Reason::InsufficientScope),
                None => status(record) == Some(403),
            },
            Self::Limited => status(record) == Some(429),
            Self::Fault => {
                use super::Outcome::{Failed, Panicked};
                matches!(record.outcome, Failed | Panicked)
                    || status(record).is_some_and(|status| status >= 500)
            }
            Self::Status(range) => status(record).is_some_and(|status| range.contains(&status)),
            Self::Reported(word) => reports(record).any(|told| told == word),
        }
    }

    /// A remedy where it can never be shown, or means nothing.
    pub(crate) fn flaw(&self) -> Option<(String, &'static str, &'static str)> {
        match self {
            Self::Status(range) if range.is_empty() => {
                let value = format!("{}..={}", range.start(), range.end());
                Some((value, "holds no status", "write the smaller number first"))
            }
            Self::Status(range) if *range.start() < 100 || *range.end() > 599 => {
                let value = format!("{}..={}", range.start(), range.end());
                Some((value, "is no status of HTTP", "write 100 to 599"))
            }
            Self::Reported(word) if !is_word(word) => {
                let remedy = "write 1 to 64 letters, digits, `-`, `_` or `.`";
                Some((word.chars().take(64).collect(), "cannot be the word of a report", remedy))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForgedCredentials => f.write_str("forged credentials"),
            Self::FailedLogin => f.write_str("failed login"),
            Self::NotFound => f.write_str("not found"),
            Self::Invalid => f.write_str("invalid request"),
            Self::Forbidden => f.write_str("forbidden"),
            Self::Limited => f.write_str("past a limit"),
            Self::Fault => f.write_str("fault of this service"),
            Self::Status(range) if range.start() == range.end() => {
                write!(f, "status {}", range.start())
            }
            Self::Status(range) => write!(f, "status {} to {}", range.start(), range.end()),
            Self::Reported(word) => write!(f, "reported `{word}`"),
        }
    }
}

/// Whether somebody reported anything.
fn reports(record: &Record) -> impl Iterator<Item = &str> {
    record.notes.iter().filter(|(key, _)| *key == REPORTED).map(|(_, word)| &**word)
}

fn is_word(word: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !word.is_empty() && word.len() <= 64 && word.chars().all(is_plain)
}

/// What browsers and crawlers ask for by themselves, whatever they came for.
fn is_asked_unbidden(record: &Record) -> bool {
    let path = record.path();
    matches!(path, "/favicon.ico" | "/robots.txt")
        || path.starts_with("/apple-touch-icon")
        || path.starts_with("/.well-known/")
}

fn is_invalid(status: Option<u16>) -> bool {
    matches!(status, Some(400 | 422))
}

/// The status answered, or what a status of gRPC comes to by HTTP.
fn status(record: &Record) -> Option<u16> {
    let status = record.status.as_ref().map(StatusCode::as_u16)?;
    if status != 200 || record.notes.is_empty() || record.rejection.is_some() {
        return Some(status);
    }
    let grpc = record.notes.iter().find(|(key, _)| *key == "grpc-status");
    Some(match grpc.map(|(_, code)| &**code) {
        Some("3" | "9" | "11") => 400,
        Some("16") => 401,
        Some("7") => 403,
        Some("5") => 404,
        Some("6" | "10") => 409,
        Some("8") => 429,
        Some("1") => 499,
        Some("2" | "13" | "15") => 500,
        Some("12") => 501,
        Some("14") => 503,
        Some("4") => 504,
        _ => status,
    })
}

#[cfg(test)]
mod tests;
