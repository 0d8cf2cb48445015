//! gRPC: refusals as a status, messages held to a size, streams of any length.
//!
//! # Threat
//! A client library that gets an HTTP problem where it expects a status sees a broken server, and
//! tries again. A stream has no end that a limit on bodies could wait for; one message in it may be
//! announced with 4 GiB.
//!
//! # Behaviour
//! A request is gRPC if it is a POST whose media type is `application/grpc`, `…+proto` and so on;
//! gRPC-Web is `application/grpc-web` and `application/grpc-web-text`.
//!
//! | condition | answer | reason |
//! |---|---|---|
//! | any refusal of a gRPC request | HTTP 200 with `grpc-status` by the table of [`Code::of`], `grpc-message`, `grpc-status-details-bin`, `x-request-id` | the refusal's |
//! | … after the answer has begun | the same as trailers, in place of the handler's | the refusal's |
//! | on a route of [`Policy::grpc`](crate::Policy::grpc): anything but gRPC | 415 | `unsupported-media-type` |
//! | … a message larger than the limit, refused by its prefix | `RESOURCE_EXHAUSTED` | `body-too-large` |
//! | … a flag that is neither 0 nor 1, a stream that ends within a message | `INTERNAL` | `broken-body` |
//! | … neither side sends anything for the idle limit | `DEADLINE_EXCEEDED` | `body-timeout`, `idle-stream` |
//! | a guard wants to read the whole body of a gRPC request | `UNIMPLEMENTED`; on a route of gRPC `INTERNAL`, and the table does not build where it stands on the route | `unsupported-media-type`, `misconfigured` |
//!
//! A refusal's headers (`WWW-Authenticate`, `Retry-After`) are metadata, and a wait is also told as
//! `grpc-retry-pushback-ms`. The record's `grpc-status` is what the answer ended with, be it the
//! handler's or a refusal's; the renderer of a stack is not asked for gRPC requests.
//!
//! # Example
//! ```
//! use tower_parapet::{Parapet, Policy, ParapetBuilder};
//!
//! fn service(builder: ParapetBuilder) -> ParapetBuilder {
//!     builder
//!         .public("POST /grpc.health.v1.Health/{*method}", "health checks")
//!         .route("POST /shop.v1.Orders/{*method}", Policy::authenticated().grpc())
//! }
//! # let _ = service(Parapet::builder());
//! ```
//!
//! # Defaults
//! A message has the size of a body, 1 MiB; by route with
//! [`Policy::body_limit`](crate::Policy::body_limit). The number of messages is not limited. A
//! stream in which nobody sends anything for 5 minutes is ended; by route with
//! [`Policy::idle`](crate::Policy::idle).
//!
//! # What this does not do
//! It does not decompress: a message that decompresses to more is tonic's to refuse
//! (`max_decoding_message_size`, 4 MiB unless set). `grpc-timeout` is the server's to keep. gRPC-Web
//! is told refusals before the answer begins; a stream of it that is refused later breaks off.
//!
//! Sources: [PROTOCOL-HTTP2], [PROTOCOL-WEB], [status codes], the [error model].
//!
//! [PROTOCOL-HTTP2]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
//! [PROTOCOL-WEB]: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
//! [status codes]: https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
//! [error model]: https://google.aip.dev/193

mod code;
mod details;
mod guard;
mod messages;
mod status;
mod wire;

pub use code::Code;
pub use guard::Grpc;

pub(crate) use guard::NAME;
pub(crate) use messages::Messages;
pub(crate) use status::{STATUS, to_response, trailers};
pub(crate) use wire::Wire;
