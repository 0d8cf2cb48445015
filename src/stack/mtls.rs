//! Setters of client certificates.

use crate::guard::IntoGuard;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// The header in which trusted proxies hand on the client's certificate; see
    /// [`ClientCert`](crate::auth::mtls::ClientCert). Without it no header is read for one.
    pub fn client_cert(self, header: impl IntoGuard) -> Self {
        self.part_by_client("client_cert", header)
    }
}
