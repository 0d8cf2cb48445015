//! Which requests go through a proxy.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::address::Reach;
use super::url::bare;
use crate::error::Mistakes;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Where the proxies are written down.
#[derive(Clone)]
pub(super) enum From {
    /// In the variables that curl reads too.
    Environment,
    /// In the program; the URL may hold a password.
    Url(String),
    None,
}

/// The proxy for a destination, if there is one.
#[derive(Debug)]
pub(super) struct Proxies(Option<Matcher>);

impl Proxies {
    pub(super) fn new(
        from: &From,
        variable: impl Fn(&str) -> Option<String>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let first = |names: [&'static str; 2]| {
            let mut set = names.into_iter().filter_map(|name| Some((name, variable(name)?)));
            set.find(|(_, value)| !value.trim().is_empty())
        };
        let (setter, url, except) = match from {
            From::None => return Self(None),
            From::Url(url) => ("proxy", url.clone(), String::new()),
            From::Environment => {
                let found = first(["HTTPS_PROXY", "https_proxy"])
                    .or_else(|| first(["ALL_PROXY", "all_proxy"]));
                let Some((name, url)) = found else { return Self(None) };
                let except = first(["NO_PROXY", "no_proxy"]).map(|(_, value)| value);
                (name, url, except.unwrap_or_default())
            }
        };
        let url = url.trim();
        if let Err((problem, remedy)) = check(url) {
            mistakes.push(setter, shown(url), problem, remedy);
            return Self(None);
        }
        Self(Some(Matcher::builder().https(url).no(except).build()))
    }

    /// Whoever is on this machine is reached without a proxy, as with Go's and curl's users.
    pub(super) fn of(&self, uri: &Uri) -> Option<Intercept> {
        let host = bare(uri.host().unwrap_or_default()).trim_end_matches('.');
        let is_here = match host.parse::<IpAddr>() {
            Ok(address) => Reach::Loopback.admit(address).is_ok(),
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        };
        self.0.as_ref().filter(|_| !is_here)?.intercept(uri)
    }
}

/// The matcher takes what it cannot use for no proxy at all, and the request would go directly.
fn check(url: &str) -> Result<(), (&'static str, &'static str)> {
    let remedy = "write it as `http://proxy.example:3128`";
    let uri: Uri = url.parse().map_err(|_| ("is not a URL", remedy))?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(("names no host", remedy));
    }
    match uri.scheme() {
        None => Ok(()),
        Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => Ok(()),
        Some(_) => Err(("is neither an `http` nor an `https` proxy", remedy)),
    }
}

/// Without the password, and without what may hold another.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

/// A proxy that did not open a tunnel.
#[derive(Debug, thiserror::Error)]
#[error("proxy `{proxy}`: {cause}")]
pub(super) struct ByProxy {
    pub(super) proxy: String,
    #[source]
    pub(super) cause: BoxError,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        let mut mistakes = Mistakes::default();
        let variable = |name: &str| {
            variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
        };
        let proxies = Proxies::new(&From::Environment, variable, &mut mistakes);
        mistakes.finish().map(|()| proxies).map_err(|error| error.to_string())
    }

    fn of(variables: &[(&str, &str)], uri: &str) -> Option<String> {
        Some(proxies(variables).unwrap().of(&uri.parse().unwrap())?.uri().to_string())
    }

    #[test]
    fn the_environment_names_the_proxy_as_it_does_for_curl() {
        let target = "https://id.example/keys";
        assert_eq!(of(&[], target), None);
        let https = ("HTTPS_PROXY", "http://one:1");
        assert_eq!(of(&[https], target).as_deref(), Some("http://one:1/"));
        assert_eq!(of(&[("https_proxy", "two:2")], target).as_deref(), Some("http://two:2/"));
        let all = ("ALL_PROXY", "http://all:3");
        assert_eq!(of(&[all], target).as_deref(), Some("http://all:3/"));
        assert_eq!(of(&[all, https], target).as_deref(), Some("http://one:1/"));
        assert_eq!(of(&[("HTTP_PROXY", "http://plain:4")], target), None);
        assert_eq!(of(&[("HTTPS_PROXY", " ")], target), None);
    }

    #[test]
    fn hosts_of_no_proxy_and_of_this_machine_are_reached_directly() {
        let https = ("HTTPS_PROXY", "http://one:1");
        let no = |list: &'static str| [https, ("NO_PROXY", list)];
        assert_eq!(of(&no("example"), "https://id.example/"), None);
        assert_eq!(of(&no(".other, id.example"), "https://id.example/"), None);
        assert_eq!(of(&no("10.0.0.0/8"), "https://10.1.2.3/"), None);
        assert_eq!(of(&no("*"), "https://id.example/"), None);
        assert!(of(&no("d.example"), "https://id.example/").is_some());
        for here in ["https://localhost/", "https://127.0.0.1:8443/", "https://[::1]/"] {
            assert_eq!(of(&[https], here), None, "{here}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_a_mistake_without_its_password() {
        let error = proxies(&[("HTTPS_PROXY", "socks5://user:secret@proxy:1080")]).unwrap_err();
        assert!(error.contains("HTTPS_PROXY") && error.contains("socks5://proxy:1080"), "{error}");
        assert!(!error.contains("secret"), "{error}");
        assert!(proxies(&[("ALL_PROXY", "http://")]).is_err());
        assert!(proxies(&[("ALL_PROXY", "a b")]).is_err());
    }

    #[test]
    fn credentials_of_a_proxy_are_for_the_proxy() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://user:p%40ss@proxy:1")]).unwrap();
        let found = proxies.of(&"https://id.example/".parse().unwrap()).unwrap();
        assert_eq!(found.uri(), "http://proxy:1/");
        assert_eq!(found.basic_auth().unwrap(), "Basic dXNlcjpwQHNz");
    }
}
