use std::{fmt, sync::Arc};

/// The version of the API that a request asked for, by its name: `v2`, `2026-01-31`.
///
/// One of those that [`Versions`](crate::version::Versions) names, never what else was sent. With
/// feature `axum` it is an extractor.
///
/// # Example
/// ```
/// use tower_parapet::context::ApiVersion;
///
/// fn shape(version: &ApiVersion) -> &'static str {
///     if *version == "v1" { "flat" } else { "nested" }
/// }
/// assert_eq!(shape(&ApiVersion::new("v2")), "nested");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiVersion {
    name: Arc<str>,
    is_deprecated: bool,
}

impl ApiVersion {
    /// A version that is not deprecated.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), is_deprecated: false }
    }

    /// The same version, about to go.
    pub(crate) fn deprecated(self) -> Self {
        Self { is_deprecated: true, ..self }
    }

    /// Its name, as the configuration writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether callers are told to move on from it.
    pub fn is_deprecated(&self) -> bool {
        self.is_deprecated
    }
}

impl PartialEq<str> for ApiVersion {
    fn eq(&self, other: &str) -> bool {
        *self.name == *other
    }
}

impl PartialEq<&str> for ApiVersion {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
