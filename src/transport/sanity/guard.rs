use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};

use crate::error::ConfigError;
use crate::guard::{Exchange, Flow, Guard, IntoGuard, Phase};
use crate::inspect::{Findings, rule};
use crate::path;
use crate::rejection::{Reason, Rejection};
use crate::service::guard_layer;

use super::{SanityBuilder, builder, framing};

/// Refuses requests that could be read in two ways, or that are larger than honest ones.
///
/// Methods, header sizes, body framing and the path, in this order. What `http` types cannot hold
/// (control characters in header values, blanks in header names) needs no check.
///
/// # Example
/// ```
/// use tower_parapet::transport::Sanity;
///
/// let sanity = Sanity::builder().methods(["GET", "HEAD", "POST"]).max_headers(64).build()?;
/// # let _ = sanity;
/// # Ok::<(), tower_parapet::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sanity(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    methods: Vec<Method>,
    allow: HeaderValue,
    max_headers: usize,
    max_header_bytes: usize,
}

impl Sanity {
    /// Starts from the defaults.
    pub fn builder() -> SanityBuilder {
        SanityBuilder::default()
    }

    pub(super) fn of(methods: Vec<Method>, max_headers: usize, max_header_bytes: usize) -> Self {
        let allow = builder::allow(&methods);
        Self(Arc::new(Rules { methods, allow, max_headers, max_header_bytes }))
    }
}

impl Rules {
    fn check_method(&self, method: &Method) -> Result<(), Rejection> {
        if self.methods.contains(method) {
            return Ok(());
        }
        Err(Rejection::new(Reason::MethodNotAllowed)
            .header(header::ALLOW, self.allow.clone())
            .expected(self.allow.to_str().unwrap_or_default().to_owned())
            .found(method.as_str().to_owned()))
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Rejection> {
        if headers.len() > self.max_headers {
            return Err(Rejection::new(Reason::HeadersTooLarge)
                .expected(format!("at most {} header fields", self.max_headers))
                .found(format!("{} header fields", headers.len())));
        }
        let bytes: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if bytes > self.max_header_bytes {
            return Err(Rejection::new(Reason::HeadersTooLarge)
                .expected(format!("at most {} bytes of header fields", self.max_header_bytes))
                .found(format!("{bytes} bytes")));
        }
        framing::inspect(headers).map_err(|fault| {
            Rejection::new(Reason::MalformedRequest)
                .detail(fault)
                .expected("one way to tell where the body ends")
                .found(fault)
        })
    }
}

impl Guard for Sanity {
    fn name(&self) -> &'static str {
        "sanity"
    }

    fn phase(&self) -> Phase {
        Phase::Transport
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let method = exchange.method();
        self.0.check_method(exchange.judged_method())?;
        self.0.check_headers(exchange.headers())?;
        match exchange.path() {
            "*" if method == Method::OPTIONS => {}
            // The target of CONNECT is an authority, and has a path only over HTTP/2 (RFC 8441).
            "" if method == Method::CONNECT => {}
            path => {
                let separators = exchange.route().map(|route| route.separators);
                path::inspect(path, separators.unwrap_or_default()).map_err(|fault| {
                    Rejection::new(Reason::BadPath)
                        .detail(fault.text())
                        .expected("a path that can be read in one way")
                        .found(fault.text())
                })?;
            }
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        Cow::Owned(format!(
            "lets through {}; at most {} header fields and {} bytes of them",
            self.0.allow.to_str().unwrap_or_default(),
            self.0.max_headers,
            self.0.max_header_bytes,
        ))
    }

    fn judges_probes(&self) -> bool {
        true
    }

    fn findings(&self, report: &mut Findings) {
        report.mark("methods", 0);
        let Rules { max_headers, max_header_bytes, .. } = *self.0;
        if max_headers > builder::MAX_HEADERS * 4
            || max_header_bytes > builder::MAX_HEADER_BYTES * 4
        {
            let evidence =
                format!("takes {max_headers} header fields and {max_header_bytes} bytes of them");
            report.add(&rule::LARGE_HEAD, self.name(), evidence);
        }
    }
}

impl IntoGuard for SanityBuilder {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        self.build()?.into_guard()
    }
}

guard_layer!(Sanity);
