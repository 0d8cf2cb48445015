use std::time::Duration;

use http::HeaderValue;

use crate::error::Mistakes;

const YEAR: Duration = Duration::from_secs(31_536_000);

/// `Strict-Transport-Security` (RFC 6797): for how long browsers are to use nothing but HTTPS.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use tower_parapet::transport::{Hsts, Https};
///
/// let careful = Hsts::new().max_age(Duration::from_secs(300)).host_only();
/// let https = Https::builder().hsts(careful).build()?;
/// # let _ = https;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing until it is given to `HttpsBuilder::hsts`"]
pub struct Hsts {
    max_age: Duration,
    subdomains: bool,
    preload: bool,
}

impl Default for Hsts {
    fn default() -> Self {
        Self::new()
    }
}

impl Hsts {
    /// One year, with subdomains, without `preload` (OWASP, ASVS 3.4.1).
    pub fn new() -> Self {
        Self { max_age: YEAR, subdomains: true, preload: false }
    }

    /// For how long, in whole seconds. Default one year. Zero makes browsers forget.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    /// Leaves the subdomains out, where some of them cannot do HTTPS yet.
    pub fn host_only(self) -> Self {
        Self { subdomains: false, ..self }
    }

    /// Consents to the lists that browsers ship with (<https://hstspreload.org>): at least one year,
    /// with subdomains, and hard to take back.
    pub fn preload(self) -> Self {
        Self { preload: true, ..self }
    }

    pub(super) fn check(self, mistakes: &mut Mistakes) {
        if self.max_age.subsec_nanos() != 0 {
            mistakes.push(
                "hsts",
                format!("{:?}", self.max_age),
                "is not a whole number of seconds",
                "write it with `Duration::from_secs`",
            );
        }
        if self.preload && self.max_age < YEAR {
            mistakes.push(
                "hsts",
                format!("preload, max-age={}", self.max_age.as_secs()),
                "is too short for the lists that browsers ship with",
                "set `max_age` to at least 31536000 seconds, or leave `preload` out",
            );
        }
        if self.preload && !self.subdomains {
            mistakes.push(
                "hsts",
                "preload, host_only",
                "leaves the subdomains out, which the lists that browsers ship with do not",
                "leave out either `host_only` or `preload`",
            );
        }
    }

    /// What a browser that follows it does not cover; none for a year or more with subdomains.
    pub(super) fn weakness(self) -> Option<&'static str> {
        match (self.max_age < YEAR, self.subdomains) {
            (true, _) => Some("browsers remember HTTPS for less than a year"),
            (false, false) => Some("subdomains are left out"),
            (false, true) => None,
        }
    }

    pub(super) fn value(self) -> HeaderValue {
        if self == Self::new() {
            return HeaderValue::from_static("max-age=31536000; includeSubDomains");
        }
        let subdomains = if self.subdomains { "; includeSubDomains" } else { "" };
        let preload = if self.preload { "; preload" } else { "" };
        let text = format!("max-age={}{subdomains}{preload}", self.max_age.as_secs());
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("max-age=0"))
    }
}

/// Whether browsers remember anything about a host: not of an address (RFC 6797, section 8.1.1), and
/// what a developer's `localhost` said once would break every other service on it.
pub(super) fn is_memorable(host: &[u8]) -> bool {
    if host.first() == Some(&b'[') {
        return false;
    }
    let name = host.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = name.strip_suffix(b".").unwrap_or(name);
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_address = last.iter().all(u8::is_ascii_digit) || last.starts_with(b"0x");
    !is_address && !last.eq_ignore_ascii_case(b"localhost")
}
