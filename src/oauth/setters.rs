//! What every builder of a client of an authorization server can be told.

/// Setters that write into a field `client`, a [`ClientSettings`](super::ClientSettings).
macro_rules! client_setters {
    () => {
        /// This service's name at the issuer. Required.
        pub fn client_id(mut self, id: impl Into<String>) -> Self {
            self.client.ids.push(id.into());
            self
        }

        /// Authenticates by a secret in the header (`client_secret_basic`, RFC 6749, section 2.3.1).
        /// One of the four ways is required.
        pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
            self.client.given.push($crate::oauth::Given::secret(secret.into()));
            self
        }

        /// Authenticates by a secret in the form (`client_secret_post`), for issuers that want it
        /// there.
        pub fn client_secret_post(mut self, secret: impl Into<String>) -> Self {
            self.client.given.push($crate::oauth::Given::secret_in_form(secret.into()));
            self
        }

        /// Authenticates by an assertion that this key signs (`private_key_jwt`, RFC 7523), new for
        /// each request and good for a minute.
        pub fn private_key_jwt(mut self, key: $crate::oauth::PrivateKey) -> Self {
            self.client.given.push($crate::oauth::Given::Key(key));
            self
        }
    };
}
pub(crate) use client_setters;
