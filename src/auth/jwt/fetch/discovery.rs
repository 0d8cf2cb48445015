//! Where an issuer says its keys are: OpenID Connect Discovery 1.0, section 4, and RFC 8414.

use serde_json::Value;

use super::document::FetchError;
use crate::json;
use crate::remote::{Remote, RemoteUrl};

/// Asks for `jwks_uri` in both places where the document may be.
pub(super) async fn key_set(remote: &Remote, issuer: &str) -> Result<RemoteUrl, FetchError> {
    let [first, second] = places(issuer)?;
    match at(remote, &first, issuer).await {
        // It is there, or nobody is: no use in asking elsewhere.
        Err(error) if error.is_answer() => {
            at(remote, &second, issuer).await.map_err(|other| match other {
                FetchError::Metadata(..) => other,
                _ => error,
            })
        }
        found => found,
    }
}

fn places(issuer: &str) -> Result<[RemoteUrl; 2], FetchError> {
    let parse = |text: String| {
        RemoteUrl::parse(&text).map_err(|bad| FetchError::Metadata(text.into(), bad.problem.into()))
    };
    let bare = issuer.strip_suffix('/').unwrap_or(issuer);
    let path =
        bare.find("://").and_then(|at| bare.get(at + 3..)?.find('/').map(|path| at + 3 + path));
    let (host, path) = path.and_then(|at| bare.split_at_checked(at)).unwrap_or((bare, ""));
    Ok([
        parse(format!("{bare}/.well-known/openid-configuration"))?,
        parse(format!("{host}/.well-known/oauth-authorization-server{path}"))?,
    ])
}

async fn at(remote: &Remote, url: &RemoteUrl, issuer: &str) -> Result<RemoteUrl, FetchError> {
    let answered = remote.get(url, "application/json").await?.ok(url)?;
    let wrong = |why: String| FetchError::Metadata(url.to_string().into(), why.into());
    let members = json::object(&answered.body)
        .map_err(|_| wrong("is not a JSON object whose names are unique".to_owned()))?;
    match members.get("issuer") {
        Some(Value::String(named)) if named == issuer => {}
        Some(Value::String(named)) => {
            let named: String = named.chars().filter(|c| !c.is_control()).take(256).collect();
            return Err(wrong(format!("is of the issuer `{named}`, and not of `{issuer}`")));
        }
        _ => return Err(wrong("names no `issuer`".to_owned())),
    }
    match members.get("jwks_uri") {
        Some(Value::String(set)) => url
            .discovered(set)
            .map_err(|bad| wrong(format!("has a `jwks_uri` that {}", bad.problem))),
        _ => Err(wrong("has no `jwks_uri`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(issuer: &str) -> [String; 2] {
        places(issuer).unwrap().map(|url| url.to_string())
    }

    #[test]
    fn the_document_is_below_the_issuer_or_before_its_path() {
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
    }
}
