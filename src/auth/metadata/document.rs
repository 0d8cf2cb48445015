use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum_core::body::Body;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};

use super::builder::ProtectedResourceBuilder;

/// The document that tells clients how to get a token for this resource. Cheap to clone.
///
/// A stack answers for it by itself, see
/// [`protected_resource`](crate::ParapetBuilder::protected_resource); the methods here are for where
/// it has to stand elsewhere. See the [module](super) for what it says.
#[derive(Clone)]
pub struct ProtectedResource(Arc<Inner>);

struct Inner {
    url: String,
    path: String,
    body: Bytes,
    cache: HeaderValue,
}

impl ProtectedResource {
    /// Starts from the resource's identifier: the `https` URL that clients know the API by, and that
    /// tokens name as their audience (RFC 8707). Clients compare it letter by letter.
    ///
    /// # Example
    /// ```
    /// use tower_parapet::auth::metadata::ProtectedResource;
    ///
    /// let resource = ProtectedResource::builder("https://api.example/orders")
    ///     .authorization_server("https://id.example")
    ///     .scopes(["orders:read"])
    ///     .documentation("https://api.example/docs")
    ///     .build()?;
    /// assert_eq!(resource.path(), "/.well-known/oauth-protected-resource/orders");
    /// # Ok::<(), tower_parapet::ConfigError>(())
    /// ```
    pub fn builder(resource: impl Into<String>) -> ProtectedResourceBuilder {
        ProtectedResourceBuilder::new(resource.into())
    }

    pub(super) fn new(url: String, path: String, document: String, max_age: Duration) -> Self {
        let cache = match max_age.as_secs() {
            0 => HeaderValue::from_static("no-cache"),
            seconds => HeaderValue::try_from(format!("public, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("no-cache")),
        };
        Self(Arc::new(Inner { url, path, body: Bytes::from(document), cache }))
    }

    /// Where the document is, for `resource_metadata="…"` in challenges.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The path in it, to be routed to [`answer`](Self::answer).
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The document, as JSON.
    pub fn document(&self) -> &str {
        std::str::from_utf8(&self.0.body).unwrap_or_default()
    }

    /// The answer to a request for [`path`](Self::path): the document to `GET` and `HEAD`, what
    /// browsers ask before to `OPTIONS`, else 405. Any origin may read it.
    pub fn answer(&self, method: &Method) -> Response<Body> {
        let inner = &*self.0;
        let length = HeaderValue::from(inner.body.len());
        let (status, body) = match *method {
            Method::GET => (StatusCode::OK, Body::from(inner.body.clone())),
            Method::HEAD => (StatusCode::OK, Body::empty()),
            Method::OPTIONS => (StatusCode::NO_CONTENT, Body::empty()),
            _ => (StatusCode::METHOD_NOT_ALLOWED, Body::empty()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &'static str| {
            headers.insert(name, HeaderValue::from_static(value));
        };
        set(ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        set(HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
        match status {
            StatusCode::OK => {
                set(CONTENT_TYPE, "application/json");
                headers.insert(CACHE_CONTROL, inner.cache.clone());
                headers.insert(CONTENT_LENGTH, length);
            }
            StatusCode::NO_CONTENT => {
                set(ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD");
                set(ACCESS_CONTROL_ALLOW_HEADERS, "*");
                set(ACCESS_CONTROL_MAX_AGE, "3600");
            }
            _ => set(ALLOW, "GET, HEAD, OPTIONS"),
        }
        response
    }

    /// A router with the one route of the document, to be merged at the root of an app.
    #[cfg(feature = "axum")]
    pub fn router(&self) -> axum::Router {
        let resource = self.clone();
        let answer = move |method: Method| {
            let resource = resource.clone();
            async move { resource.answer(&method) }
        };
        axum::Router::new().route(self.path(), axum::routing::any(answer))
    }
}

impl fmt::Debug for ProtectedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedResource")
            .field("url", &self.0.url)
            .field("document", &self.document())
            .finish()
    }
}
