//! Setters of authentication.

use crate::auth::IntoScheme;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// A way to prove who is calling: [`Jwt`](crate::auth::jwt::Jwt),
    /// [`ApiKeys`](crate::auth::api_key::ApiKeys), or a [`Scheme`](crate::auth::Scheme) of one's
    /// own. Several calls stand side by side: a request may use any one of them.
    pub fn authenticate(self, scheme: impl IntoScheme) -> Self {
        self.scheme("authenticate", scheme)
    }
}
