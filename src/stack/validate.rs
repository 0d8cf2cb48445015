//! Setters of validation, and its defaults.

use std::sync::Arc;

use crate::{
    guard::{Guard, IntoGuard},
    validate::{JsonLimits, JsonSchemaBuilder},
};

use super::{ParapetBuilder, builder::Slot};

impl ParapetBuilder {
    /// A schema for the bodies of a route. Who may call the route stays what the table says; a
    /// route the table does not name is listed by this, for authenticated callers.
    pub fn validate(mut self, schema: JsonSchemaBuilder) -> Self {
        if let Some(schema) = self.mistakes.absorb("validate", schema.build()) {
            let route = schema.route().map(|(method, pattern)| format!("{method} {pattern}"));
            match route {
                Some(route) => self.routes = self.routes.join("validate", &route, schema),
                None => self.guards.push(Arc::new(schema)),
            }
        }
        self
    }

    /// What JSON bodies may look like, in place of [`JsonLimits`]' defaults.
    pub fn json_limits(self, limits: impl IntoGuard) -> Self {
        self.replace("json_limits", limits)
    }
}

pub(super) fn defaults() -> Vec<Slot> {
    vec![("json_limits", Arc::new(JsonLimits::default()) as Arc<dyn Guard>)]
}
