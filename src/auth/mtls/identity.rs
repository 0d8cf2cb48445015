//! Which of a certificate's names its owner is known by.

use std::borrow::Cow;

use super::certificate::Certified;
use super::flaw::{Flaw, quote};
use super::spiffe::SpiffeId;

/// The name in a certificate that the caller is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum By {
    /// The SPIFFE id: the only URI among the alternative names, `spiffe://trust-domain/path`.
    Spiffe,
    /// The distinguished name of the subject as text (RFC 4514), `CN=orders,O=Example`.
    Subject,
    /// The only DNS name among the alternative names. A wildcard names nobody.
    Dns,
    /// The only URI among the alternative names.
    Uri,
    /// The only e-mail address among the alternative names.
    Email,
    /// The only IP address among the alternative names.
    Ip,
}

impl By {
    /// A few words for the manifest.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Spiffe => "SPIFFE id",
            Self::Subject => "subject",
            Self::Dns => "DNS name",
            Self::Uri => "URI",
            Self::Email => "e-mail address",
            Self::Ip => "IP address",
        }
    }

    /// The one name of this kind. Of several, which one is meant would be for the reader to guess.
    pub(super) fn name(self, certified: &Certified) -> Result<Cow<'_, str>, Flaw> {
        match self {
            Self::Spiffe => {
                let uri = self.sole(&certified.uris)?;
                SpiffeId::parse(uri)
                    .map(|id| Cow::Borrowed(id.text))
                    .ok_or_else(|| self.flaw(quote(uri)))
            }
            Self::Subject if certified.subject.is_empty() => Err(self.flaw("none".to_owned())),
            Self::Subject => Ok(Cow::Borrowed(certified.subject.as_str())),
            Self::Dns => {
                let name = self.sole(&certified.dns)?;
                if name.contains('*') {
                    return Err(self.flaw(quote(name)));
                }
                Ok(Cow::Owned(name.to_ascii_lowercase()))
            }
            Self::Uri => self.sole(&certified.uris).map(Cow::Borrowed),
            Self::Email => self.sole(&certified.emails).map(Cow::Borrowed),
            Self::Ip => match certified.addresses.as_slice() {
                [one] => Ok(Cow::Owned(one.to_string())),
                many => Err(self.flaw(format!("{} of them", many.len()))),
            },
        }
    }

    fn sole(self, names: &[String]) -> Result<&str, Flaw> {
        match names {
            [one] => Ok(one),
            many => Err(self.flaw(format!("{} of them", many.len()))),
        }
    }

    fn flaw(self, found: String) -> Flaw {
        Flaw::Name { expected: format!("one {}", self.text()).into(), found }
    }
}

/// Whom a rule is for: one name, or with `/*` or `*` at its end all that begin like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    /// `None` where a star stands anywhere but at the end, or alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        (!stem.is_empty() && !stem.contains('*')).then(|| Self(text.to_owned()))
    }

    pub(super) fn covers(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => name.len() > stem.len() && name.starts_with(stem),
            None => name == self.0,
        }
    }
}

/// What is granted to whom.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) to: Pattern,
    pub(super) what: Granted,
}

#[derive(Clone, Debug)]
pub(super) enum Granted {
    Scope(String),
    Role(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_a_name_or_what_begins_like_it() {
        let covers = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().covers(name);
        assert!(covers("spiffe://a/ns/prod/*", "spiffe://a/ns/prod/sa/x"));
        assert!(!covers("spiffe://a/ns/prod/*", "spiffe://a/ns/prod/"));
        assert!(!covers("spiffe://a/ns/prod/*", "spiffe://a/ns/production/x"));
        assert!(covers("CN=a", "CN=a") && !covers("CN=a", "CN=a,O=b"));
        for bad in ["", "*", "a*b", "*a", "a**"] {
            assert!(Pattern::parse(bad).is_none(), "{bad}");
        }
    }
}
