//! The security of an API gateway, inside the service, as composable Tower layers.
#![cfg_attr(
    all(
        feature = "axum",
        feature = "jwt",
        feature = "api-key",
        feature = "throttle",
        feature = "validate",
        feature = "audit"
    ),
    doc = "",
    doc = include_str!("../README.md")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod address;
mod answer;
#[cfg(feature = "audit")]
pub mod audit;
pub mod auth;
pub mod authorize;
#[cfg(feature = "throttle")]
pub mod bans;
#[cfg(any(feature = "introspection", feature = "client-credentials", feature = "redis"))]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each of those that ask needs a part"))]
mod breaker;
mod cidr;
pub mod clock;
pub mod compose;
pub mod context;
pub mod coverage;
pub mod error;
#[cfg(feature = "axum")]
pub mod extract;
#[cfg(any(
    feature = "api-key",
    feature = "basic",
    feature = "introspection",
    feature = "client-credentials",
    feature = "throttle"
))]
#[cfg_attr(
    not(feature = "full"),
    allow(dead_code, reason = "each of those that wait needs a part")
)]
mod flights;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod grpc;
mod guard;
#[cfg(feature = "full")]
pub mod guide;
#[cfg(feature = "throttle")]
pub mod idempotency;
pub mod inspect;
#[cfg(feature = "jwt")]
mod json;
mod manifest;
#[cfg(any(feature = "introspection", feature = "client-credentials"))]
pub mod oauth;
pub mod observe;
#[cfg(any(feature = "jwt", feature = "api-key", feature = "throttle"))]
mod outage;
#[cfg(feature = "client-credentials")]
pub mod outgoing;
mod path;
#[cfg(feature = "jwt")]
mod pem;
pub mod problem;
mod ranges;
#[cfg(feature = "redis")]
pub mod redis;
mod rejection;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg_attr(not(feature = "axum"), path = "router/bare.rs")]
mod router;
mod service;
#[cfg(any(feature = "api-key", feature = "basic", feature = "throttle"))]
mod shards;
mod stack;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "throttle")]
pub mod throttle;
pub mod transport;
#[cfg(any(feature = "remote", feature = "redis"))]
mod trust;
#[cfg(feature = "validate")]
pub mod validate;
pub mod version;

#[doc = include_str!("../docs/defaults.md")]
pub mod defaults {}
#[doc = include_str!("../docs/findings.md")]
pub mod findings {}
#[doc = include_str!("../docs/problems.md")]
pub mod problems {}
#[doc = include_str!("../docs/threats.md")]
pub mod threats {}

pub use axum_core::body::Body;

#[cfg(feature = "redis")]
pub use crate::redis::Redis;
pub use address::{IpFilter, TrustedProxies};
pub use answer::{Answer, StoreError};
#[cfg(feature = "audit")]
pub use audit::JsonLines;
#[cfg(feature = "api-key")]
pub use auth::api_key::ApiKeys;
#[cfg(feature = "basic")]
pub use auth::basic::Basic;
#[cfg(feature = "introspection")]
pub use auth::introspection::Introspection;
#[cfg(feature = "jwt")]
pub use auth::jwt::Jwt;
#[cfg(feature = "signatures")]
pub use auth::signature::MessageSignatures;
#[cfg(feature = "webhooks")]
pub use auth::webhook::Webhook;
pub use authorize::{Authorize, role, scope};
#[cfg(feature = "throttle")]
pub use bans::Bans;
pub use compose::{Policy, Routes};
pub use context::{
    Access, ApiVersion, ClientAddr, Context, Lease, Peer, PeerAddr, Principal, RequestId, Route,
    Secure, Tls, TraceId,
};
pub use coverage::RouteList;
pub use error::ConfigError;
#[cfg(feature = "axum")]
pub use extract::{Claims, Owned};
pub use guard::{BodyWatch, Exchange, Flow, Guard, IntoGuard, Mode, Needs, Phase, Resume};
#[cfg(feature = "throttle")]
pub use idempotency::Idempotency;
pub use manifest::Manifest;
pub use observe::{Observer, Outcome, Record};
#[cfg(feature = "client-credentials")]
pub use outgoing::ClientCredentials;
pub use rejection::{Reason, Rejection, Violation};
#[cfg(feature = "remote")]
pub use remote::Remote;
pub use service::{GuardLayer, Guarded, GuardedFuture, layer};
pub use stack::{DangerousStack, Explain, Parapet, ParapetBuilder, Shutdown};
#[cfg(feature = "throttle")]
pub use throttle::{Key, Throttle};
#[cfg(feature = "validate")]
pub use validate::JsonSchema;
pub use version::Versions;
