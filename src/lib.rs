#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod address;
#[cfg(feature = "audit")]
pub mod audit;
pub mod auth;
pub mod authorize;
pub mod clock;
pub mod context;
pub mod error;
mod guard;
pub mod inspect;
pub mod observe;
pub mod problem;
mod rejection;
#[cfg(feature = "throttle")]
pub mod throttle;
pub mod transport;
#[cfg(feature = "validate")]
pub mod validate;

pub use axum_core::body::Body;

pub use context::{Access, ClientAddr, Context, Peer, PeerAddr, Principal, RequestId, Route};
pub use error::ConfigError;
pub use guard::{BodyWatch, Exchange, Flow, Guard, Mode, Phase, Resume};
pub use observe::{Observer, Outcome, Record};
pub use rejection::{Reason, Rejection, Violation};
