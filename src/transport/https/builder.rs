use std::collections::BTreeSet;

use http::{HeaderName, header};

use crate::error::{ConfigError, Mistakes};

use super::{Hsts, Https, guard::Settings};

/// Builds [`Https`]; see [`Https::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct HttpsBuilder {
    required: bool,
    redirect: bool,
    port: u16,
    hsts: Option<Hsts>,
    credentials: Vec<String>,
    clear_credentials: bool,
}

impl Default for HttpsBuilder {
    fn default() -> Self {
        Self {
            required: false,
            redirect: false,
            port: 443,
            hsts: Some(Hsts::new()),
            credentials: Vec::new(),
            clear_credentials: false,
        }
    }
}

impl HttpsBuilder {
    /// Answers nothing outside of a secure context: 403, or 308 on routes for
    /// [browsers](crate::Policy::browser). Default: only credentials are refused there.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Requires HTTPS and sends a `GET` or `HEAD` of any route on to it (308). For web sites: an
    /// API's client that is sent on never learns that it leaks what it sends, so the self-audit
    /// reports it. Needs `.hosts(…)`.
    pub fn redirect(mut self) -> Self {
        self.required = true;
        self.redirect = true;
        self
    }

    /// The port that HTTPS is at, as browsers see it. Default 443.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// What browsers are to remember. Default one year, with subdomains.
    pub fn hsts(mut self, hsts: Hsts) -> Self {
        self.hsts = Some(hsts);
        self
    }

    /// Sends no `Strict-Transport-Security`, for a proxy in front that does.
    pub fn without_hsts(mut self) -> Self {
        self.hsts = None;
        self
    }

    /// A header that carries credentials beside those that are known: `Authorization`,
    /// `Proxy-Authorization` and the headers of the stack's schemes. `cookie`, say, where every
    /// cookie of the service is `Secure`.
    pub fn credential(mut self, header: impl Into<String>) -> Self {
        self.credentials.push(header.into());
        self
    }

    /// What weakens the guard; the self-audit reports it.
    pub fn dangerous(self) -> DangerousHttps {
        DangerousHttps(self)
    }

    /// The guard.
    ///
    /// # Errors
    /// For `preload` with less than a year or without subdomains, an age that is not in whole
    /// seconds, port 0, and headers of credentials that are no header names or that every request
    /// has.
    pub fn build(self) -> Result<Https, ConfigError> {
        let mut mistakes = Mistakes::default();
        self.hsts.iter().for_each(|hsts| hsts.check(&mut mistakes));
        if self.port == 0 {
            mistakes.push("port", "0", "is no port to call", "write the port of HTTPS, 443 say");
        }
        let mut credentials = BTreeSet::new();
        for name in &self.credentials {
            match name.parse::<HeaderName>() {
                Ok(name) if name == header::HOST || name == header::CONTENT_LENGTH => {
                    let remedy = "name the header that carries the credentials";
                    mistakes.push("credential", name.as_str(), "is no credential", remedy);
                }
                Ok(name) => {
                    credentials.insert(name.as_str().to_owned());
                }
                Err(_) => {
                    let remedy = "write it as `x-session`";
                    mistakes.push("credential", name, "is not a header name", remedy);
                }
            }
        }
        mistakes.finish()?;
        Ok(Https::of(Settings {
            is_required: self.required,
            redirects: self.redirect,
            port: self.port,
            hsts: self.hsts.map(|hsts| (hsts, hsts.value())),
            credentials: credentials.iter().filter_map(|name| name.parse().ok()).collect(),
            takes_clear_credentials: self.clear_credentials,
        }))
    }
}

/// What weakens [`Https`]; see [`HttpsBuilder::dangerous`].
#[derive(Clone, Debug)]
pub struct DangerousHttps(HttpsBuilder);

impl DangerousHttps {
    /// Takes credentials that anybody may have read on their way.
    pub fn clear_credentials(self) -> HttpsBuilder {
        HttpsBuilder { clear_credentials: true, ..self.0 }
    }
}
