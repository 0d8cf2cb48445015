//! Setters of the audit.

use crate::audit::IntoSink;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// Where the record of every request goes; several sinks each get all of them.
    pub fn audit(mut self, sink: impl IntoSink) -> Self {
        self.observers.extend(self.mistakes.absorb("audit", sink.into_sink()));
        self
    }
}
