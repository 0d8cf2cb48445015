use std::borrow::Cow;

use http::header;

use super::Wire;
use crate::{
    guard::{Exchange, Flow, Guard, Phase},
    rejection::{Reason, Rejection},
    service::guard_layer,
};

/// Lets only gRPC through, and holds each message to a size in place of the body as a whole.
///
/// [`Policy::grpc`](crate::Policy::grpc) puts it on a route; on a stack it makes all of the service
/// gRPC. What it is asked for is a matter of the route and never of the client: without it a request
/// that calls itself gRPC is held to the size of a body like any other.
///
/// # Example
/// ```
/// use tower_parapet::{Policy, grpc::Grpc};
///
/// let chat = Policy::authenticated().grpc();
/// let uploads = Policy::authenticated().guard(Grpc::default().message_limit(4 << 20));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grpc {
    message_limit: Option<u64>,
}

impl Grpc {
    /// The largest message in bytes, as it is on the wire, compressed or not. Default: what the
    /// route or the stack says of bodies, 1 MiB.
    pub fn message_limit(mut self, bytes: u64) -> Self {
        self.message_limit = Some(bytes);
        self
    }
}

/// The guard's name, by which a table knows a route of streams.
pub(crate) const NAME: &str = "grpc";

impl Guard for Grpc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn phase(&self) -> Phase {
        Phase::Content
    }

    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let is_one = exchange.headers().get_all(header::CONTENT_TYPE).iter().nth(1).is_none();
        if exchange.wire.is_none() || !is_one {
            return Err(Rejection::new(Reason::UnsupportedMediaType)
                .detail("this is a gRPC method")
                .expected("a POST with one media type, of gRPC")
                .found("another method or media type, or several"));
        }
        // In base64 the messages cannot be told apart; then the body is held to the size.
        if exchange.wire != Some(Wire::WebText) {
            exchange.frame_messages(self.message_limit);
        } else if let Some(limit) = self.message_limit {
            exchange.cap_body(limit);
        }
        Ok(Flow::Continue)
    }

    fn summary(&self) -> Cow<'static, str> {
        match self.message_limit {
            Some(bytes) => Cow::Owned(format!("messages of at most {bytes} bytes, any number")),
            None => Cow::Borrowed("messages of the size of a body, any number"),
        }
    }
}

guard_layer!(Grpc);
