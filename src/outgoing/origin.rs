//! Whom a token may be sent to.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::uri::Scheme;
use http::{HeaderMap, Uri};

use crate::remote::{BadUrl, RemoteUrl};

/// A nonce is a few words at most.
const LONGEST_NONCE: usize = 512;

/// Scheme, host and port of a server, and the nonce it gave us last (RFC 9449, section 8.2).
#[derive(Debug)]
pub(super) struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
    nonce: Nonce,
}

/// The last nonce of a server; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Nonce(Arc<Mutex<Option<Box<str>>>>);

impl Nonce {
    pub(super) fn current(&self) -> Option<Box<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the one that an answer bears.
    pub(super) fn learn(&self, headers: &HeaderMap) {
        let said = headers.get("dpop-nonce").and_then(|value| value.to_str().ok());
        let said = said.filter(|said| (1..=LONGEST_NONCE).contains(&said.len()));
        if let Some(said) = said {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.as_deref() != Some(said) {
                *known = Some(said.into());
            }
        }
    }
}

impl Origin {
    /// Reads an origin as an operator writes it.
    pub(super) fn parse(text: &str) -> Result<Self, BadUrl> {
        let url = RemoteUrl::parse(text)?;
        let uri = url.uri();
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(BadUrl {
                problem: "has a path, and a token is for a whole origin",
                remedy: "write it as `https://stock.example`",
            });
        }
        Self::of(uri).ok_or(BadUrl {
            problem: "is not an origin",
            remedy: "write it as `https://stock.example`",
        })
    }

    fn of(uri: &Uri) -> Option<Self> {
        let (scheme, host) = (uri.scheme()?, uri.host()?);
        Some(Self {
            scheme: scheme.clone(),
            host: host.to_ascii_lowercase(),
            port: port(uri, scheme)?,
            nonce: Nonce::default(),
        })
    }

    /// Whether a request goes there. One without a host goes nowhere that is known.
    pub(super) fn covers(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(host)) = (uri.scheme(), uri.host()) else { return false };
        *scheme == self.scheme
            && host.eq_ignore_ascii_case(&self.host)
            && port(uri, scheme) == Some(self.port)
    }

    pub(super) fn nonce(&self) -> &Nonce {
        &self.nonce
    }
}

fn port(uri: &Uri, scheme: &Scheme) -> Option<u16> {
    match uri.port() {
        Some(port) => Some(port.as_u16()),
        None if has_odd_port(uri) => None,
        None if *scheme == Scheme::HTTPS => Some(443),
        None if *scheme == Scheme::HTTP => Some(80),
        None => None,
    }
}

/// Whether something stands where the port does, and is none: clients may differ about where that leads.
fn has_odd_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    authority.rsplit('@').next().unwrap_or_default() != uri.host().unwrap_or_default()
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, .. } = self;
        let is_usual =
            (scheme == &Scheme::HTTPS && *port == 443) || (scheme == &Scheme::HTTP && *port == 80);
        write!(f, "{scheme}://{host}")?;
        if is_usual { Ok(()) } else { write!(f, ":{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(origin: &str, uri: &str) -> bool {
        Origin::parse(origin).unwrap().covers(&uri.parse().unwrap())
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for same in [
            "https://stock.example/items?x=1",
            "https://STOCK.example:443/",
            "https://user@stock.example/",
        ] {
            assert!(covers("https://stock.example", same), "{same}");
        }
        for other in [
            "http://stock.example/",
            "https://stock.example:8443/",
            "https://stock.example.evil/",
            "https://evil.example/?https://stock.example",
            "https://stock.example@evil.example/",
            "https://a.stock.example/",
            "/items",
            "stock.example:443",
        ] {
            assert!(!covers("https://stock.example/", other), "{other}");
        }
        assert!(covers("http://127.0.0.1:8080", "http://127.0.0.1:8080/x"));
    }

    #[test]
    fn an_origin_is_private_and_has_no_path() {
        for bad in ["http://stock.example", "https://stock.example/v1", "https://s.example?x", "/"]
        {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(
            Origin::parse("https://Stock.example:443/").unwrap().to_string(),
            "https://stock.example"
        );
    }
}
