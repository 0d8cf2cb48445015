//! How the scheme is set up.

use std::{fmt, sync::Arc};

use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, HOST, PROXY_AUTHORIZATION},
};

use super::{ApiKeys, Pepper, guard::Inner, store::KeyStore, verdict::Peppers};
use crate::{
    auth::{
        guessing::{Guesses, Guessing},
        scheme_builder,
    },
    error::{ConfigError, Mistakes},
};

/// The header keys are read from, unless another is named.
const HEADER: &str = "X-Api-Key";

/// Builds an [`ApiKeys`]; see [`ApiKeys::builder`].
pub struct ApiKeysBuilder {
    store: Arc<dyn KeyStore>,
    header: String,
    peppers: Vec<Pepper>,
    takes_plain: bool,
    guesses: Guesses,
}

impl ApiKeysBuilder {
    pub(super) fn new(store: Arc<dyn KeyStore>) -> Self {
        Self {
            store,
            header: HEADER.to_owned(),
            peppers: Vec::new(),
            takes_plain: false,
            guesses: Guesses::per_hour(600).burst(100),
        }
    }

    /// The one header a key is read from. Default `X-Api-Key`.
    pub fn header(mut self, name: impl Into<String>) -> Self {
        self.header = name.into();
        self
    }

    /// Adds a pepper that stored hashes may name. With the first one, keys whose hash has none are
    /// refused with 401: whoever can write to the store could have planted them. Default none.
    pub fn pepper(mut self, pepper: Pepper) -> Self {
        self.peppers.push(pepper);
        self
    }

    /// How many wrong secrets are tried for one key, from all networks together. Default 100 at once, and
    /// then one every six seconds: with 256 bits there is nothing to find, and so the owner's first key after
    /// a restart finds its turn, whoever else is guessing.
    pub fn guesses(mut self, limit: Guesses) -> Self {
        self.guesses = limit;
        self
    }

    /// What weakens the scheme; the self-audit reports it.
    pub fn dangerous(self) -> DangerousApiKeys {
        DangerousApiKeys(self)
    }

    /// The scheme.
    ///
    /// # Errors
    /// When the header is not a header name, or one that means something else: `Authorization`,
    /// `Cookie`, `Host`; when two peppers have one id; when a limit on guesses is zero.
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
        for (at, pepper) in self.peppers.iter().enumerate() {
            if self.peppers.iter().take(at).any(|other| other.id() == pepper.id()) {
                let remedy = "give each pepper an id of its own";
                mistakes.push("pepper", pepper.id(), "is the id of two peppers", remedy);
            }
        }
        let guessing = Guessing::new(self.guesses, "guesses", &mut mistakes);
        mistakes.finish()?;
        // A header name has no character that could end the quoted string.
        let challenge = HeaderValue::try_from(format!("ApiKey header=\"{}\"", self.header))
            .unwrap_or(HeaderValue::from_static("ApiKey"));
        let peppers = Peppers { list: self.peppers.into(), takes_plain: self.takes_plain };
        let store = self.store;
        Ok(ApiKeys::of(Inner { store, header, challenge, peppers, guessing }))
    }
}

/// What weakens a scheme of API keys; see [`ApiKeysBuilder::dangerous`].
#[derive(Debug)]
pub struct DangerousApiKeys(ApiKeysBuilder);

impl DangerousApiKeys {
    /// Takes keys whose stored hash has no pepper beside those whose hash has one, until all of them are
    /// rotated.
    pub fn plain_hashes(self) -> ApiKeysBuilder {
        ApiKeysBuilder { takes_plain: true, ..self.0 }
    }
}

scheme_builder!(ApiKeysBuilder);

impl fmt::Debug for ApiKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeysBuilder").field("header", &self.header).finish_non_exhaustive()
    }
}
