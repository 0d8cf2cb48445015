use std::time::Duration;

use super::principal::{Principal, PrincipalBuilder};

/// How the user behind a token authenticated at the issuer, and when.
#[derive(Default)]
pub(super) struct Login {
    acr: Vec<Box<str>>,
    amr: Vec<Box<str>>,
    auth_time: Option<Duration>,
}

/// How strong the authentication was: told by the issuer, in the words of [OpenID Connect] and
/// [RFC 9470](https://www.rfc-editor.org/rfc/rfc9470).
///
/// [OpenID Connect]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
impl Principal {
    /// The class of authentication that was reached (`acr`): a word or URI that the issuer defines.
    /// Where several are told, the first.
    pub fn acr(&self) -> Option<&str> {
        self.login()?.acr.first().map(AsRef::as_ref)
    }

    /// Whether a class of authentication was reached. Classes are compared letter by letter.
    pub fn has_acr(&self, class: &str) -> bool {
        self.login().is_some_and(|login| login.acr.iter().any(|reached| **reached == *class))
    }

    /// The methods that were used (`amr`), `pwd`, `otp` or `mfa` say ([RFC 8176]).
    ///
    /// [RFC 8176]: https://www.rfc-editor.org/rfc/rfc8176
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.login().into_iter().flat_map(|login| login.amr.iter().map(AsRef::as_ref))
    }

    /// When the user authenticated last (`auth_time`), since the Unix epoch.
    pub fn auth_time(&self) -> Option<Duration> {
        self.login()?.auth_time
    }
}

impl PrincipalBuilder {
    /// A class of authentication that was reached. Default none; several calls add up.
    pub fn acr(mut self, acr: impl Into<String>) -> Self {
        self.login().acr.push(acr.into().into_boxed_str());
        self
    }

    /// The methods of authentication that were used. Default none; several calls add up.
    pub fn amr<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        let methods = methods.into_iter().map(|method| method.into().into_boxed_str());
        self.login().amr.extend(methods);
        self
    }

    /// When the user authenticated last, since the Unix epoch. Default unknown.
    pub fn auth_time(mut self, unix: Duration) -> Self {
        self.login().auth_time = Some(unix);
        self
    }
}
