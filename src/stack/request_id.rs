//! Setter of the request's id.

use http::HeaderName;

use crate::guard::Ids;

use super::ParapetBuilder;

impl ParapetBuilder {
    /// The header of a request's id, with which every answer bears it, and the request that the
    /// handler gets.
    ///
    /// Without this setter it is `X-Request-Id`, and only refusals bear it. In the same header
    /// trusted proxies tell their own id, which is then the request's; from anyone else it is not
    /// believed. See [`RequestId`](crate::RequestId) for what an id may look like.
    pub fn request_id(mut self, header: &str) -> Self {
        match header.parse::<HeaderName>() {
            Ok(header) => self.ids = Ids { header, everywhere: true },
            Err(_) => self.mistakes.push(
                "request_id",
                header,
                "is not the name of a header",
                "write it as `X-Request-Id`",
            ),
        }
        self
    }
}
