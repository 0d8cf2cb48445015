use http::{HeaderValue, Method};

use crate::error::{ConfigError, Mistakes};

use super::Sanity;

const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];
pub(super) const MAX_HEADERS: usize = 100;
pub(super) const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Builds [`Sanity`]; see [`Sanity::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SanityBuilder {
    methods: Option<Vec<String>>,
    max_headers: usize,
    max_header_bytes: usize,
}

impl Default for SanityBuilder {
    fn default() -> Self {
        Self { methods: None, max_headers: MAX_HEADERS, max_header_bytes: MAX_HEADER_BYTES }
    }
}

impl SanityBuilder {
    /// The methods that are let through, in place of the default: `GET`, `HEAD`, `POST`, `PUT`,
    /// `PATCH`, `DELETE` and `OPTIONS`.
    ///
    /// `CONNECT` must be named to open WebSockets over HTTP/2 (RFC 8441).
    pub fn methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// How many header fields a request may have. Default 100.
    pub fn max_headers(mut self, fields: usize) -> Self {
        self.max_headers = fields;
        self
    }

    /// How many bytes the names and values of all header fields may have together. Default 32 KiB.
    pub fn max_header_bytes(mut self, bytes: usize) -> Self {
        self.max_header_bytes = bytes;
        self
    }

    /// The guard.
    ///
    /// # Errors
    /// For every method that is none, for `TRACE` and `TRACK`, which echo credentials, for a list
    /// without a method, and for limits of zero.
    pub fn build(self) -> Result<Sanity, ConfigError> {
        let mut mistakes = Mistakes::default();
        let methods = match self.methods {
            None => METHODS.into(),
            Some(methods) => read(methods, &mut mistakes),
        };
        for (setter, limit) in
            [("max_headers", self.max_headers), ("max_header_bytes", self.max_header_bytes)]
        {
            if limit == 0 {
                mistakes.push(setter, "0", "lets no request through", "write 1 or more");
            }
        }
        mistakes.finish()?;
        Ok(Sanity::of(methods, self.max_headers, self.max_header_bytes))
    }
}

impl Default for Sanity {
    fn default() -> Self {
        Self::of(METHODS.into(), MAX_HEADERS, MAX_HEADER_BYTES)
    }
}

fn read(methods: Vec<String>, mistakes: &mut Mistakes) -> Vec<Method> {
    if methods.is_empty() {
        mistakes.push("methods", "", "lets no request through", "name the methods in use");
    }
    let mut read = Vec::with_capacity(methods.len());
    for text in methods {
        match text.parse::<Method>() {
            Ok(Method::TRACE) => refuse_trace(text, mistakes),
            Ok(method) if method.as_str() == "TRACK" => refuse_trace(text, mistakes),
            Ok(method) => read.push(method),
            Err(_) => mistakes.push("methods", text, "is not a method", "write it as `PATCH`"),
        }
    }
    read
}

fn refuse_trace(method: String, mistakes: &mut Mistakes) {
    mistakes.push(
        "methods",
        method,
        "echoes the credentials it was sent with",
        "leave it out and trace on the server",
    );
}

/// The `Allow` header of a 405.
pub(super) fn allow(methods: &[Method]) -> HeaderValue {
    let names: Vec<_> = methods.iter().map(Method::as_str).collect();
    HeaderValue::try_from(names.join(", ")).unwrap_or(HeaderValue::from_static(""))
}
