//! What an issuer says of itself: OpenID Connect Discovery 1.0, section 4, and RFC 8414.

use serde_json::{Map, Value};

use super::error::RemoteError;
use super::send::Remote;
use super::url::{BadUrl, RemoteUrl};
use crate::error::Mistakes;
use crate::json;

/// The longest text of a document's own in an error, in characters.
const FOUND_CHARS: usize = 256;

/// Where the metadata of one issuer may be.
#[derive(Debug)]
pub(crate) struct Discovery {
    issuer: Box<str>,
    /// In the order they are tried.
    places: [RemoteUrl; 2],
}

/// A document of the issuer's.
pub(crate) struct Metadata<'a> {
    place: &'a RemoteUrl,
    members: Map<String, Value>,
}

/// Why it is not known what the issuer says. It names the host, and where on it the document is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error("`{0}` {1}; check the issuer's name")]
    Wrong(Box<str>, Box<str>),
}

impl Discovery {
    /// Of the issuer that a setter was given.
    pub(crate) fn given(
        setter: &'static str,
        issuer: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        Self::of(issuer).map_err(|bad| bad.tell(setter, issuer, mistakes)).ok()
    }

    fn of(issuer: &str) -> Result<Self, BadUrl> {
        RemoteUrl::parse(issuer)?;
        let [behind, before] = places(issuer);
        let places = [RemoteUrl::parse(&behind)?, RemoteUrl::parse(&before)?];
        Ok(Self { issuer: issuer.into(), places })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Reads what is wanted from the first document that has it.
    pub(crate) async fn find<T>(
        &self,
        remote: &Remote,
        read: impl Fn(&Metadata<'_>) -> Result<T, MetadataError>,
    ) -> Result<T, MetadataError> {
        let [first, second] = &self.places;
        match self.at(first, remote, &read).await {
            // It is there, or nobody is: no use in asking elsewhere.
            Err(error) if error.is_answer() => {
                self.at(second, remote, &read).await.map_err(|other| match other {
                    // What was found and is wrong says more than what was not found.
                    MetadataError::Wrong(..) => other,
                    MetadataError::Remote(_) => error,
                })
            }
            found => found,
        }
    }

    async fn at<T>(
        &self,
        place: &RemoteUrl,
        remote: &Remote,
        read: impl Fn(&Metadata<'_>) -> Result<T, MetadataError>,
    ) -> Result<T, MetadataError> {
        let answered = remote.get(place, "application/json").await?.ok(place)?;
        read(&Metadata::read(place, &self.issuer, &answered.body)?)
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

impl<'a> Metadata<'a> {
    /// Believes a document that is of this issuer, letter by letter: a server that speaks for another
    /// one is an impostor (RFC 8414, section 3.3).
    fn read(place: &'a RemoteUrl, issuer: &str, body: &[u8]) -> Result<Self, MetadataError> {
        let members = json::object(body)
            .map_err(|_| wrong(place, "is not a JSON object whose names are unique"))?;
        match members.get("issuer") {
            Some(Value::String(named)) if named == issuer => Ok(Self { place, members }),
            Some(Value::String(named)) => {
                let named = named.chars().filter(|letter| !letter.is_control());
                let named: String = named.take(FOUND_CHARS).collect();
                Err(wrong(place, format!("is of the issuer `{named}`, and not of `{issuer}`")))
            }
            _ => Err(wrong(place, "names no `issuer`")),
        }
    }

    /// The address under a name.
    pub(crate) fn address(&self, name: &str) -> Result<RemoteUrl, MetadataError> {
        self.follow(name, self.members.get(name))
    }

    /// The address under a name for clients that show a certificate, where there is one of its own
    /// (RFC 8705, section 5).
    pub(crate) fn mutual_tls_address(&self, name: &str) -> Result<RemoteUrl, MetadataError> {
        let aliases = self.members.get("mtls_endpoint_aliases");
        match aliases.and_then(|aliases| aliases.get(name)) {
            None => self.address(name),
            alias => self.follow(name, alias),
        }
    }

    fn follow(&self, name: &str, found: Option<&Value>) -> Result<RemoteUrl, MetadataError> {
        let Some(Value::String(text)) = found else {
            return Err(wrong(self.place, format!("has no `{name}`")));
        };
        let url = self.place.discovered(text);
        url.map_err(|bad| wrong(self.place, format!("has a `{name}` that {}", bad.problem)))
    }
}

fn wrong(place: &RemoteUrl, why: impl Into<Box<str>>) -> MetadataError {
    MetadataError::Wrong(place.to_string().into(), why.into())
}

impl MetadataError {
    /// Whether somebody answered, so that another document of theirs may be better.
    fn is_answer(&self) -> bool {
        match self {
            Self::Wrong(..) => true,
            Self::Remote(error) => {
                matches!(error, RemoteError::Status { .. } | RemoteError::Redirect { .. })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_behind_the_path_of_the_issuer_or_before_it() {
        let of = |issuer: &str| Discovery::of(issuer).unwrap().places.map(|url| url.to_string());
        assert_eq!(
            of("https://id.example"),
            [
                "https://id.example/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server",
            ]
        );
        assert_eq!(of("https://id.example/"), of("https://id.example"));
        assert_eq!(
            of("http://localhost:8080/realms/shop"),
            [
                "http://localhost:8080/realms/shop/.well-known/openid-configuration",
                "http://localhost:8080/.well-known/oauth-authorization-server/realms/shop",
            ]
        );
        assert_eq!(
            of("https://id.example/realms/shop/"),
            [
                "https://id.example/realms/shop/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/realms/shop",
            ]
        );
        assert!(Discovery::of("http://id.example").is_err());
    }

    fn read(mutual_tls: bool, body: &str) -> Result<String, String> {
        let place = RemoteUrl::parse("https://id.example/x").unwrap();
        let metadata = Metadata::read(&place, "https://id.example", body.as_bytes());
        let url = metadata.and_then(|metadata| match mutual_tls {
            true => metadata.mutual_tls_address("token_endpoint"),
            false => metadata.address("token_endpoint"),
        });
        url.map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn metadata_of_another_issuer_or_shape_is_not_believed() {
        let good = r#"{"issuer":"https://id.example","token_endpoint":"https://id.example/token",
            "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.id.example/token"}}"#;
        assert_eq!(read(false, good).unwrap(), "https://id.example/token");
        assert_eq!(read(true, good).unwrap(), "https://mtls.id.example/token");
        let plain =
            r#"{"issuer":"https://id.example","token_endpoint":"https://id.example/token"}"#;
        assert_eq!(read(true, plain).unwrap(), "https://id.example/token");
        let unique = "is not a JSON object whose names are unique";
        for (bad, why) in [
            ("{}", "names no `issuer`"),
            ("[]", unique),
            ("", unique),
            (r#"{"issuer":"https://id.example"}"#, "has no `token_endpoint`"),
            (
                r#"{"issuer":"https://id.example/","token_endpoint":"https://id.example/token"}"#,
                "is of the issuer `https://id.example/`, and not of `https://id.example`",
            ),
            (
                r#"{"issuer":"https://ev\nil.example","token_endpoint":"https://id.example/token"}"#,
                "is of the issuer `https://evil.example`, and not of `https://id.example`",
            ),
            (
                r#"{"issuer":"https://id.example","token_endpoint":"http://id.example/token"}"#,
                "has a `token_endpoint` that is plain `http`",
            ),
            (r#"{"issuer":"https://id.example","token_endpoint":7}"#, "has no `token_endpoint`"),
            (
                r#"{"issuer":"https://evil.example","token_endpoint":"https://id.example/token",
                "issuer":"https://id.example"}"#,
                unique,
            ),
        ] {
            let told = read(false, bad).unwrap_err();
            assert!(told.starts_with(&format!("`https://id.example/x` {why}")), "{told}");
        }
    }
}
