//! How the scheme is set up.

use std::{fmt, sync::Arc};

use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION},
};

use super::{ApiKeys, store::KeyStore};
use crate::{
    auth::{IntoScheme, Scheme},
    error::{ConfigError, Mistakes},
    guard::{Guard, IntoGuard},
};

/// The header keys are read from, unless another is named.
const HEADER: &str = "X-Api-Key";

/// Builds an [`ApiKeys`]; see [`ApiKeys::builder`].
pub struct ApiKeysBuilder {
    store: Arc<dyn KeyStore>,
    header: String,
}

impl ApiKeysBuilder {
    pub(super) fn new(store: Arc<dyn KeyStore>) -> Self {
        Self { store, header: HEADER.to_owned() }
    }

    /// The one header a key is read from. Default `X-Api-Key`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into();
        self
    }

    /// The scheme.
    ///
    /// # Errors
    /// When the header is not a header name, or one that means something else: `Authorization`,
    /// `Cookie`, `Host`.
    pub fn build(self) -> Result<ApiKeys, ConfigError> {
        let mut mistakes = Mistakes::default();
        let header = HeaderName::try_from(&self.header).unwrap_or_else(|_| {
            mistakes.push(
                "header",
                &*self.header,
                "is not a header name",
                "write letters, digits and hyphens, `X-Api-Key` say",
            );
            HeaderName::from_static("x-api-key")
        });
        if [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST].contains(&header) {
            mistakes.push(
                "header",
                &*self.header,
                "is a header with a meaning of its own",
                "name a header for keys alone, `X-Api-Key` say",
            );
        }
        mistakes.finish()?;
        // A header name has no character that could end the quoted string.
        let challenge = HeaderValue::try_from(format!("ApiKey header=\"{}\"", self.header))
            .unwrap_or(HeaderValue::from_static("ApiKey"));
        Ok(ApiKeys { store: self.store, header, challenge })
    }
}

impl IntoScheme for ApiKeysBuilder {
    fn into_scheme(self) -> Result<Arc<dyn Scheme>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl IntoGuard for ApiKeysBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Ok(Arc::new(self.build()?))
    }
}

impl fmt::Debug for ApiKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeysBuilder").field("header", &self.header).finish_non_exhaustive()
    }
}
