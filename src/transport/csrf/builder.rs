use std::sync::Arc;

use crate::{
    error::{ConfigError, Mistakes},
    transport::cors::{Origin, Origins},
};

use super::{Csrf, guard::Rules};

/// Builds [`Csrf`]; see [`Csrf::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct CsrfBuilder {
    trusted: Vec<Origin>,
    same_site: bool,
    unlabelled: bool,
    cookieless: bool,
    mistakes: Mistakes,
}

impl CsrfBuilder {
    /// Other origins that may act for a user: `https://checkout.example.com`, or
    /// `https://*.example.com`, where the star stands for one label.
    pub fn trust<T: AsRef<str>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        for text in origins {
            let text = text.as_ref();
            match Origin::parse(text) {
                Ok(origin) => self.trusted.push(origin),
                Err(problem) => self.mistakes.push(
                    "trust",
                    text,
                    problem,
                    "write it as `https://app.example.com` or `https://*.example.com`",
                ),
            }
        }
        self
    }

    /// Takes what comes from another origin of the same site: `www.example.com` for
    /// `api.example.com`. Every host below the registered domain counts as that.
    pub fn same_site(mut self) -> Self {
        self.same_site = true;
        self
    }

    /// Judges requests without cookies as well, where a browser says that another site caused them:
    /// for log-ins, and for callers who are known by what a browser attaches unasked beside cookies,
    /// a client certificate, a remembered Basic password or their network address.
    ///
    /// What says nothing at all and has no cookies is no browser, and goes on.
    pub fn cookieless(mut self) -> Self {
        self.cookieless = true;
        self
    }

    /// What weakens the protection.
    pub fn dangerous(self) -> DangerousCsrfBuilder {
        DangerousCsrfBuilder(self)
    }

    /// The guard.
    ///
    /// # Errors
    /// Every trusted origin that cannot be read.
    pub fn build(mut self) -> Result<Csrf, ConfigError> {
        std::mem::take::<Mistakes>(&mut self.mistakes).finish()?;
        Ok(Csrf(Arc::new(Rules {
            trusted: Origins::Some(self.trusted),
            same_site: self.same_site,
            unlabelled: self.unlabelled,
            cookieless: self.cookieless,
        })))
    }
}

/// Choices of a [`CsrfBuilder`] that weaken the protection; see [`CsrfBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousCsrfBuilder(CsrfBuilder);

impl DangerousCsrfBuilder {
    /// Takes cookies from clients that say neither `Sec-Fetch-Site` nor `Origin`: scripts and apps
    /// with a cookie jar, and browsers older than 2020.
    pub fn unlabelled(mut self) -> CsrfBuilder {
        self.0.unlabelled = true;
        self.0
    }
}
