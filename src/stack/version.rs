//! The setter of the versions.

use crate::guard::IntoGuard;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// Which versions of the API there are, and how long; see [`Versions`](crate::version::Versions).
    pub fn versions(self, versions: impl IntoGuard) -> Self {
        self.part("versions", versions)
    }
}
