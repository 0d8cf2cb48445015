//! How this service says to an authorization server who it is.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::assertion::{self, assertion};
use super::form;
use super::private_key::PrivateKey;
use super::signer::{CannotSign, Signer};
use crate::error::Mistakes;

/// Client id and the one way to prove it.
#[derive(Debug)]
pub(crate) struct ClientAuth {
    id: String,
    method: Method,
    /// Whom assertions are for, where it is neither the issuer nor the endpoint.
    audience: Option<String>,
}

enum Method {
    Basic(HeaderValue),
    Post(Zeroizing<String>),
    Assertion(Box<Signer>),
    MutualTls,
}

/// What one request carries.
#[derive(Default)]
pub(crate) struct Credentials {
    pub(crate) headers: HeaderMap,
    pub(crate) fields: Vec<(&'static str, Zeroizing<String>)>,
}

impl ClientAuth {
    /// Credentials for one request at this time, to a server of this name.
    pub(crate) fn credentials(
        &self,
        audience: &str,
        unix: Duration,
    ) -> Result<Credentials, CannotSign> {
        let mut made = Credentials::default();
        let id = || ("client_id", Zeroizing::new(self.id.clone()));
        match &self.method {
            Method::Basic(value) => {
                made.headers.insert(AUTHORIZATION, value.clone());
            }
            Method::Post(secret) => made.fields.extend([id(), ("client_secret", secret.clone())]),
            Method::MutualTls => made.fields.push(id()),
            Method::Assertion(signer) => {
                let audience = self.audience.as_deref().unwrap_or(audience);
                let signed = assertion(signer, &self.id, audience, unix)?;
                let kind = Zeroizing::new(assertion::TYPE.to_owned());
                made.fields.extend([
                    id(),
                    ("client_assertion_type", kind),
                    ("client_assertion", Zeroizing::new(signed)),
                ]);
            }
        }
        Ok(made)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Its name in the registry of RFC 7591.
    pub(crate) fn method(&self) -> &'static str {
        match self.method {
            Method::Basic(_) => "client_secret_basic",
            Method::Post(_) => "client_secret_post",
            Method::Assertion(_) => "private_key_jwt",
            Method::MutualTls => "tls_client_auth",
        }
    }

    pub(crate) fn is_mutual_tls(&self) -> bool {
        matches!(self.method, Method::MutualTls)
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Method")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// What builders were told.
#[derive(Default)]
pub(crate) struct ClientSettings {
    pub(crate) ids: Vec<String>,
    pub(crate) given: Vec<Given>,
    pub(crate) audience: Option<String>,
}

pub(crate) enum Given {
    Secret(Zeroizing<String>),
    SecretInForm(Zeroizing<String>),
    Key(PrivateKey),
    MutualTls,
}

impl ClientSettings {
    pub(crate) fn build(self, mistakes: &mut Mistakes) -> Option<ClientAuth> {
        let id = match self.ids.as_slice() {
            [id] if !id.is_empty() => Some(id.clone()),
            [] | [_] => {
                let remedy = "name this service as it is registered at the issuer";
                mistakes.push("client_id", "", "is missing", remedy);
                None
            }
            [.., last] => {
                mistakes.push("client_id", last, "is a second client", "name one client");
                None
            }
        };
        let mut given = self.given.into_iter();
        let (Some(method), None) = (given.next(), given.next()) else {
            let remedy = "call one of `client_secret`, `client_secret_post`, `private_key_jwt` \
                          and `mutual_tls`";
            mistakes.push("client_secret", "", "is not exactly one way to authenticate", remedy);
            return None;
        };
        if self.audience.is_some() && !matches!(method, Given::Key(_)) {
            let remedy = "leave it out, or use `private_key_jwt`";
            mistakes.push("assertion_audience", "", "is for signed assertions alone", remedy);
        }
        let method = method.into_method(id.as_deref().unwrap_or_default(), mistakes)?;
        Some(ClientAuth { id: id?, method, audience: self.audience })
    }
}

impl Given {
    pub(crate) fn secret(secret: String) -> Self {
        Self::Secret(Zeroizing::new(secret))
    }

    pub(crate) fn secret_in_form(secret: String) -> Self {
        Self::SecretInForm(Zeroizing::new(secret))
    }

    fn into_method(self, id: &str, mistakes: &mut Mistakes) -> Option<Method> {
        match self {
            Self::Secret(secret) | Self::SecretInForm(secret) if secret.is_empty() => {
                let remedy = "give the secret as it is registered at the issuer";
                mistakes.push("client_secret", "", "is empty", remedy);
                None
            }
            Self::Secret(secret) => Some(Method::Basic(basic(id, &secret)?)),
            Self::SecretInForm(secret) => Some(Method::Post(secret)),
            Self::Key(key) => {
                let signer = key.into_signer("private_key_jwt", mistakes)?;
                Some(Method::Assertion(Box::new(signer)))
            }
            Self::MutualTls => Some(Method::MutualTls),
        }
    }
}

/// RFC 6749, section 2.3.1: both are coded as in a form first, so that a colon in the name and bytes
/// beyond ASCII get through.
fn basic(id: &str, secret: &str) -> Option<HeaderValue> {
    // Whole from the start, so that no piece of it is left behind by growing.
    let mut pair = Zeroizing::new(String::with_capacity(3 * (id.len() + secret.len()) + 1));
    form::encode(id, &mut pair);
    pair.push(':');
    form::encode(secret, &mut pair);
    let coded = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&coded).ok()?;
    value.set_sensitive(true);
    Some(value)
}
