//! Where a request goes, and who said so.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;

use super::address::Reach;
use crate::error::Mistakes;

/// A URL that may be asked: `https`, or `http` to this machine.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RemoteUrl {
    uri: Uri,
    /// The operator's URL whose document named this one.
    named_by: Option<Arc<RemoteUrl>>,
}

/// Why a text is not such a URL, and what to write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadUrl {
    pub(crate) problem: &'static str,
    pub(crate) remedy: &'static str,
}

impl BadUrl {
    const fn new(problem: &'static str, remedy: &'static str) -> Self {
        Self { problem, remedy }
    }

    /// Tells what is wrong with a text that a setter was given.
    pub(crate) fn tell(self, setter: &'static str, text: &str, mistakes: &mut Mistakes) {
        let shown = text.split(['?', '#']).next().unwrap_or_default();
        let shown = if shown.contains('@') { "" } else { shown };
        mistakes.push(setter, shown, self.problem, self.remedy);
    }
}

impl RemoteUrl {
    /// Reads a URL that the operator wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, BadUrl> {
        if text.contains('#') {
            return Err(BadUrl::new("has a fragment", "leave out `#` and what follows"));
        }
        let remedy = "write it as `https://id.example/path`";
        let uri: Uri = text.parse().map_err(|_| BadUrl::new("is not a URL", remedy))?;
        let (Some(_), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(BadUrl::new("is not a URL with scheme and host", remedy));
        };
        if authority.as_str().contains('@') {
            let remedy = "leave it out: credentials have setters of their own";
            return Err(BadUrl::new("has user info", remedy));
        }
        // A port that is no number is no port to `Uri`.
        let is_odd = authority.port().is_none() && authority.as_str() != authority.host();
        if authority.host().is_empty() || is_odd || authority.port_u16() == Some(0) {
            return Err(BadUrl::new("has no usable host and port", remedy));
        }
        let url = Self { uri, named_by: None };
        if url.uri.scheme() == Some(&Scheme::HTTPS) {
            return Ok(url);
        }
        if url.uri.scheme() != Some(&Scheme::HTTP) {
            return Err(BadUrl::new("is neither `https` nor `http`", remedy));
        }
        if url.is_loopback_by_name() {
            Ok(url)
        } else {
            let problem = "is plain `http`, so that anyone on the way can answer";
            Err(BadUrl::new(problem, "write `https`; only a loopback host may go without"))
        }
    }

    /// Reads what a setter was given. Of what will not do, nothing is shown that may be a secret.
    pub(crate) fn given(setter: &'static str, text: &str, mistakes: &mut Mistakes) -> Option<Self> {
        Self::parse(text).map_err(|bad| bad.tell(setter, text, mistakes)).ok()
    }

    /// Reads a URL in a document that this one gave.
    pub(crate) fn discovered(&self, text: &str) -> Result<Self, BadUrl> {
        let mut url = Self::parse(text)?;
        let operator = self.named_by.clone().unwrap_or_else(|| Arc::new(self.clone()));
        if url.uri.scheme() == Some(&Scheme::HTTP) && operator.uri.scheme() != Some(&Scheme::HTTP) {
            let remedy = "let the provider publish `https`";
            return Err(BadUrl::new("is plain `http` in a document that came by `https`", remedy));
        }
        url.named_by = (!url.has_host_of(&operator)).then_some(operator);
        Ok(url)
    }

    /// Reads where a redirect points to; only the same scheme, host and port will do.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let path = location.strip_prefix('/').filter(|rest| !rest.starts_with(['/', '\\']));
        let uri = if path.is_some() {
            let mut parts = self.uri.clone().into_parts();
            let without_fragment = location.split('#').next().unwrap_or_default();
            parts.path_and_query = Some(without_fragment.parse().ok()?);
            Uri::from_parts(parts).ok()?
        } else {
            Self::parse(location).ok()?.uri
        };
        let url = Self { uri, named_by: self.named_by.clone() };
        let is_same = url.uri.scheme() == self.uri.scheme()
            && url.has_host_of(self)
            && url.port() == self.port();
        is_same.then_some(url)
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The host, without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        bare(self.uri.host().unwrap_or_default())
    }

    fn port(&self) -> u16 {
        let default = if self.uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        self.uri.port_u16().unwrap_or(default)
    }

    fn has_host_of(&self, other: &Self) -> bool {
        let bare = |url: &Self| url.host().trim_end_matches('.').to_ascii_lowercase();
        bare(self) == bare(other)
    }

    /// Whose host decides how far this URL may lead; `None`: it is the operator's own.
    pub(super) fn named_by(&self) -> Option<&Self> {
        self.named_by.as_deref()
    }

    fn is_loopback_by_name(&self) -> bool {
        let host = self.host().trim_end_matches('.');
        match host.parse::<IpAddr>() {
            Ok(address) => Reach::Loopback.admit(address).is_ok(),
            // RFC 6761, section 6.3. What it resolves to is looked at as well.
            Err(_) => {
                let last = host.rsplit('.').next().unwrap_or(host);
                last.eq_ignore_ascii_case("localhost")
            }
        }
    }
}

/// Without the brackets of an IPv6 address.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Without the query, which may hold a secret.
impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}{}", self.uri.path())
    }
}

impl fmt::Debug for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(text: &str) -> &'static str {
        RemoteUrl::parse(text).unwrap_err().problem
    }

    #[test]
    fn a_url_is_https_or_goes_to_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example:8443/a?b=c",
            "https://10.0.0.1/keys",
            "https://[::1]/",
            "http://localhost:8080/keys",
            "http://LOCALHOST./",
            "http://id.localhost/",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
        ] {
            assert!(RemoteUrl::parse(good).is_ok(), "{good}");
        }
        for plain in ["http://id.example/", "http://10.0.0.1/", "http://localhost.example/"] {
            assert!(problem(plain).starts_with("is plain `http`"), "{plain}");
        }
        for odd in ["ftp://id.example/", "file:///etc/passwd", "unix:/run/x", "/keys", "id.example"]
        {
            assert!(RemoteUrl::parse(odd).is_err(), "{odd}");
        }
        for odd in ["https://", "https://:443/", "https://id.example:/", "https://id.example:0/"] {
            assert!(RemoteUrl::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn user_info_and_fragments_are_refused_and_a_query_is_never_shown() {
        assert_eq!(problem("https://user:secret@id.example/"), "has user info");
        assert_eq!(problem("https://id.example/keys#x"), "has a fragment");
        let url = RemoteUrl::parse("https://id.example/keys?token=secret").unwrap();
        assert_eq!(url.to_string(), "https://id.example/keys");
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn a_redirect_stays_at_scheme_host_and_port() {
        let url = RemoteUrl::parse("https://id.example/keys").unwrap();
        let to = |location: &str| url.redirected(location).map(|url| url.uri().to_string());
        assert_eq!(to("/other?x=1#y").as_deref(), Some("https://id.example/other?x=1"));
        assert_eq!(to("https://ID.example:443/b").as_deref(), Some("https://ID.example:443/b"));
        for away in [
            "https://evil.example/",
            "https://id.example:8443/keys",
            "http://id.example/keys",
            "//evil.example/keys",
            "/\\evil.example/keys",
            "keys",
            "",
            "https://id.example@evil.example/",
        ] {
            assert_eq!(to(away), None, "{away}");
        }
    }

    proptest! {
        #[test]
        fn no_text_leads_a_redirect_elsewhere(
            text in "(https?:)?[/\\\\]{0,3}([a-z@.:]{0,12}id\\.example)?[ -~\\t]{0,24}",
        ) {
            let url = RemoteUrl::parse("https://id.example:8443/keys").unwrap();
            if let Some(next) = url.redirected(&text) {
                prop_assert_eq!(next.uri().scheme_str(), Some("https"));
                prop_assert!(next.host().eq_ignore_ascii_case("id.example"), "{text}");
                prop_assert_eq!(next.port(), 8443);
                prop_assert!(!next.uri().authority().unwrap().as_str().contains('@'));
            }
        }

        #[test]
        fn no_text_is_taken_that_sends_in_the_clear_or_holds_credentials(
            text in "https?://[a-z0-9@.:%\\[\\]/\\\\#-]{0,24}",
        ) {
            if let Ok(url) = RemoteUrl::parse(&text) {
                let authority = url.uri().authority().unwrap();
                prop_assert!(!authority.as_str().contains('@') && !authority.host().is_empty());
                if url.uri().scheme_str() == Some("http") {
                    let address = url.host().parse::<IpAddr>();
                    let is_here = address.map_or(url.host().contains("localhost"), |a| a.is_loopback());
                    prop_assert!(is_here, "{text}");
                }
            }
        }
    }

    #[test]
    fn what_a_setter_was_given_is_told_without_its_secrets() {
        for (text, shown) in [
            ("http://id.example/path?key=secret", "http://id.example/path"),
            ("https://user:secret@id.example", ""),
            ("https://id.example/#secret", "https://id.example/"),
        ] {
            let mut mistakes = Mistakes::default();
            assert_eq!(RemoteUrl::given("endpoint", text, &mut mistakes), None);
            let told = mistakes.finish().unwrap_err().to_string();
            assert!(told.contains("`endpoint`") && told.contains(shown), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn a_document_does_not_lead_from_https_to_http() {
        let operator = RemoteUrl::parse("https://id.example").unwrap();
        assert!(operator.discovered("http://localhost/keys").is_err());
        assert!(operator.discovered("https://keys.example/").unwrap().named_by().is_some());
        assert!(operator.discovered("https://ID.example./keys").unwrap().named_by().is_none());
        let here = RemoteUrl::parse("http://localhost:1").unwrap();
        assert!(here.discovered("http://localhost:2/keys").is_ok());
    }
}
