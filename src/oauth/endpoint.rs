//! Where an authorization server is asked: by its address, or by what its metadata says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use serde_json::Value;

use super::flight::Flights;
use crate::error::Mistakes;
use crate::json;
use crate::remote::{Remote, RemoteError, RemoteUrl};

/// How long metadata counts.
const FRESH: Duration = Duration::from_secs(3600);

/// Which endpoint of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Introspection,
    Token,
}

/// One endpoint of one server.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    Fixed(RemoteUrl),
    Discovered(Arc<Discovered>),
}

/// An endpoint that the metadata of the issuer names.
#[derive(Debug)]
pub(crate) struct Discovered {
    issuer: String,
    kind: Kind,
    /// Whether the server's endpoint for mutual TLS is wanted (RFC 8705, section 5).
    mutual_tls: bool,
    /// Where the metadata may be, in the order they are tried.
    places: Vec<RemoteUrl>,
    found: ArcSwapOption<Found>,
    flights: Flights<(), Result<RemoteUrl, Arc<EndpointError>>>,
}

#[derive(Debug)]
struct Found {
    url: RemoteUrl,
    until: Duration,
}

/// Why an endpoint is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EndpointError {
    #[error("the metadata of the issuer cannot be had")]
    Remote(#[from] RemoteError),
    #[error("the metadata of the issuer was answered with status {0}")]
    Status(u16),
    #[error("the metadata of the issuer is not as RFC 8414 has it: {0}")]
    Malformed(&'static str),
}

impl Endpoint {
    /// The endpoint, from memory where it can.
    pub(crate) async fn url(
        &self,
        remote: &Remote,
        now: Duration,
    ) -> Result<RemoteUrl, Arc<EndpointError>> {
        match self {
            Self::Fixed(url) => Ok(url.clone()),
            Self::Discovered(discovered) => discovered.url(remote, now).await,
        }
    }

    /// An endpoint of this issuer that its metadata has to name.
    pub(crate) fn discover(
        issuer: &str,
        kind: Kind,
        mutual_tls: bool,
        setter: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let places = places(issuer).map(|text| RemoteUrl::parse(&text));
        let places: Result<Vec<_>, _> = places.into_iter().collect();
        match places {
            Ok(places) => Some(Self::Discovered(Arc::new(Discovered {
                issuer: issuer.to_owned(),
                kind,
                mutual_tls,
                places,
                found: ArcSwapOption::empty(),
                flights: Flights::default(),
            }))),
            Err(bad) => {
                mistakes.push(setter, RemoteUrl::shown(issuer), bad.problem, bad.remedy);
                None
            }
        }
    }

    /// An endpoint by its own address.
    pub(crate) fn fixed(text: &str, setter: &'static str, mistakes: &mut Mistakes) -> Option<Self> {
        match RemoteUrl::parse(text) {
            Ok(url) => Some(Self::Fixed(url)),
            Err(bad) => {
                mistakes.push(setter, RemoteUrl::shown(text), bad.problem, bad.remedy);
                None
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(url) => url.fmt(f),
            Self::Discovered(discovered) => f.write_str(&discovered.issuer),
        }
    }
}

/// OpenID Connect Discovery, section 4, puts its path behind the issuer's; RFC 8414, section 3,
/// before it.
fn places(issuer: &str) -> [String; 2] {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    let path = issuer.find("://").and_then(|scheme| issuer.get(scheme + 3..));
    let path = path.and_then(|rest| rest.find('/').and_then(|slash| rest.get(slash..)));
    let path = path.unwrap_or_default();
    let origin = issuer.strip_suffix(path).unwrap_or(issuer);
    [
        format!("{issuer}/.well-known/openid-configuration"),
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
    ]
}

impl Discovered {
    async fn url(
        self: &Arc<Self>,
        remote: &Remote,
        now: Duration,
    ) -> Result<RemoteUrl, Arc<EndpointError>> {
        let known = self.found.load_full();
        if let Some(found) = known.as_ref().filter(|found| now < found.until) {
            return Ok(found.url.clone());
        }
        let flight = self.flights.join((), || {
            let (own, remote) = (self.clone(), remote.clone());
            async move {
                let url = own.fetch(&remote).await.map_err(Arc::new)?;
                let until = now.saturating_add(FRESH);
                own.found.store(Some(Arc::new(Found { url: url.clone(), until })));
                Ok(url)
            }
        });
        // What was known an hour ago is better than nothing.
        flight.await.or_else(|error| known.map(|found| found.url.clone()).ok_or(error))
    }

    async fn fetch(&self, remote: &Remote) -> Result<RemoteUrl, EndpointError> {
        let mut first = None;
        for place in &self.places {
            // Where nobody answers there is no use in asking at another path.
            let answered = remote.get(place, "application/json").await?;
            let read = match answered.status.as_u16() {
                200 => self.read(place, &answered.body),
                status => Err(EndpointError::Status(status)),
            };
            match (read, first.take()) {
                (Ok(url), _) => return Ok(url),
                // What was found and is wrong says more than what was not found.
                (Err(EndpointError::Status(_)), Some(earlier)) => first = Some(earlier),
                (Err(error), _) => first = Some(error),
            }
        }
        Err(first.unwrap_or(EndpointError::Malformed("there is none")))
    }

    fn read(&self, place: &RemoteUrl, body: &[u8]) -> Result<RemoteUrl, EndpointError> {
        let metadata = json::object(body);
        let metadata =
            metadata.map_err(|_| EndpointError::Malformed("it is not one JSON object"))?;
        // RFC 8414, section 3.3: a server that speaks for another issuer is an impostor.
        if metadata.get("issuer").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(EndpointError::Malformed("it is of another issuer"));
        }
        let aliases = metadata.get("mtls_endpoint_aliases").filter(|_| self.mutual_tls);
        let alias = aliases.and_then(|aliases| aliases.get(self.kind.name()));
        let url = alias.or_else(|| metadata.get(self.kind.name())).and_then(Value::as_str);
        let url = url.ok_or(EndpointError::Malformed("it does not name the endpoint"))?;
        place.discovered(url).map_err(|bad| EndpointError::Malformed(bad.problem))
    }
}

impl Kind {
    /// The member of the metadata (RFC 8414, section 2).
    fn name(self) -> &'static str {
        match self {
            Self::Introspection => "introspection_endpoint",
            Self::Token => "token_endpoint",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_behind_and_before_the_path_of_the_issuer() {
        let [oidc, oauth] = places("https://id.example");
        assert_eq!(oidc, "https://id.example/.well-known/openid-configuration");
        assert_eq!(oauth, "https://id.example/.well-known/oauth-authorization-server");
        let [oidc, oauth] = places("https://id.example/realms/shop/");
        assert_eq!(oidc, "https://id.example/realms/shop/.well-known/openid-configuration");
        assert_eq!(oauth, "https://id.example/.well-known/oauth-authorization-server/realms/shop");
    }

    fn read(issuer: &str, mutual_tls: bool, body: &str) -> Result<String, EndpointError> {
        let mut mistakes = Mistakes::default();
        let endpoint = Endpoint::discover(issuer, Kind::Token, mutual_tls, "issuer", &mut mistakes);
        let Some(Endpoint::Discovered(discovered)) = endpoint else { panic!("{mistakes:?}") };
        let place = RemoteUrl::parse("https://id.example/x").unwrap();
        discovered.read(&place, body.as_bytes()).map(|url| url.to_string())
    }

    #[test]
    fn metadata_of_another_issuer_or_shape_is_not_believed() {
        let good = r#"{"issuer":"https://id.example","token_endpoint":"https://id.example/token",
            "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.id.example/token"}}"#;
        assert_eq!(read("https://id.example", false, good).unwrap(), "https://id.example/token");
        assert_eq!(
            read("https://id.example", true, good).unwrap(),
            "https://mtls.id.example/token"
        );
        for bad in [
            "{}",
            "[]",
            "",
            r#"{"issuer":"https://id.example"}"#,
            r#"{"issuer":"https://id.example/","token_endpoint":"https://id.example/token"}"#,
            r#"{"issuer":"https://evil.example","token_endpoint":"https://id.example/token"}"#,
            r#"{"issuer":"https://id.example","token_endpoint":"http://id.example/token"}"#,
            r#"{"issuer":"https://id.example","token_endpoint":7}"#,
            r#"{"issuer":"https://evil.example","token_endpoint":"https://id.example/token",
                "issuer":"https://id.example"}"#,
        ] {
            assert!(read("https://id.example", false, bad).is_err(), "{bad}");
        }
    }
}
