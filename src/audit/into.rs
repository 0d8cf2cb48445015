use std::sync::Arc;

use super::{JsonLines, JsonLinesBuilder, Tracing};
use crate::error::ConfigError;
use crate::observe::Observer;

/// A sink, or a builder that becomes one: what a stack takes for its audit.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an audit sink nor a builder of one",
    note = "an observer of one's own goes in with `observe`"
)]
pub trait IntoSink {
    /// The sink.
    ///
    /// # Errors
    /// Every mistake in the builder's settings.
    fn into_sink(self) -> Result<Arc<dyn Observer>, ConfigError>;
}

impl IntoSink for JsonLines {
    fn into_sink(self) -> Result<Arc<dyn Observer>, ConfigError> {
        Ok(Arc::new(self))
    }
}

impl IntoSink for JsonLinesBuilder {
    fn into_sink(self) -> Result<Arc<dyn Observer>, ConfigError> {
        self.build().and_then(IntoSink::into_sink)
    }
}

impl IntoSink for Tracing {
    fn into_sink(self) -> Result<Arc<dyn Observer>, ConfigError> {
        Ok(Arc::new(self))
    }
}
