//! Setters of bans.

use std::sync::Arc;

use crate::{
    bans::IntoBans,
    error::ConfigError,
    guard::{Guard, IntoGuard},
};

use super::ParapetBuilder;

impl ParapetBuilder {
    /// Bans for networks and callers whose requests keep going wrong; see [`Bans`](crate::bans::Bans).
    /// Keep a clone to list them and to lift one.
    pub fn bans(mut self, bans: impl IntoBans) -> Self {
        match bans.into_bans() {
            Ok(bans) => {
                self.guards.push(Arc::new(bans.callers()));
                self.part_by_client("bans", bans)
            }
            Err(error) => self.part_by_client("bans", Broken(error)),
        }
    }
}

/// What did not build.
struct Broken(ConfigError);

impl IntoGuard for Broken {
    fn into_guard(self) -> Result<Arc<dyn Guard>, ConfigError> {
        Err(self.0)
    }
}
